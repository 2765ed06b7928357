import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Ports, TokenGoneError } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { acceptLot } from "../../lambdas/stages/accept-lot.ts";
import { closeLot } from "../../lambdas/stages/close-lot.ts";
import { judgeLot } from "../../lambdas/stages/judge-lot.ts";
import { offerLot } from "../../lambdas/stages/offer-lot.ts";
import { updateHead } from "../../lambdas/store/campaigns.ts";
import { totals } from "../../lambdas/store/ledger.ts";
import { readLot, readLotPlan } from "../../lambdas/store/lot-records.ts";
import { leaseItems, openLots, reviseAnswer, submitAnswers } from "../../lambdas/store/lots.ts";
import { openReviews, submitReviews } from "../../lambdas/store/reviews.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

const classes = ["crack", "ok"];
const campaign = "camp";
const crack = { task: "class", label: "crack" } as const;
const stage = (definition: unknown, payload: unknown, ports: Ports) => runStage(definition as never, payload, ports);

let made: LabelWorld;
let ports: Ports;
/** A lot of acme's, offered. */
let lot: string;

beforeEach(async () => {
  made = await labelWorld({
    pictures: pictures(60, classes),
    agreement: { classes, labelling: { lotSize: 20 } },
    world: "memory",
  });
  ports = made.ports;
  await made.run(() => true);
  lot = (await openLots(ports, { campaign, vendor: "acme" }))[0]?.lot ?? "";
  expect(lot).not.toBe("");
});
afterEach(() => made.close());

const lease = (annotator: string, count = 50, of = lot) =>
  leaseItems(ports, { campaign, vendor: "acme", annotator, lot: of, count });
const submit = (
  annotator: string,
  items: readonly string[],
  extra: { value?: never; round?: number; vendor?: string; lot?: string } = {},
  value: unknown = crack,
) =>
  submitAnswers(ports, {
    campaign,
    vendor: extra.vendor ?? "acme",
    annotator,
    lot: extra.lot ?? lot,
    round: extra.round ?? 1,
    answers: items.map((item) => ({ item, value: value as never, seconds: 3 })),
  });
const itemsOf = async (of = lot) => (await readLotPlan(ports, (await readLot(ports, campaign, of)).lot)).items;
/** The same world at another hour. */
const at = (iso: string): Ports => ({ ...ports, clock: { now: () => Date.parse(iso) } });

describe("a lease", () => {
  it("hands out free items in the lot's order, and one's own again", async () => {
    const order = (await itemsOf()).map(({ item }) => item);
    const ann = await lease("ann", 5);
    expect(ann.items.map(({ item }) => item)).toEqual(order.slice(0, 5));
    const bob = await lease("bob", 5);
    expect(bob.items.map(({ item }) => item)).toEqual(order.slice(5, 10));
    expect((await lease("ann", 5)).items).toEqual(ann.items);
  });

  it("runs out, and then the items are somebody else's", async () => {
    const ann = await lease("ann", 5);
    const later = at(new Date(Date.parse(ann.leasedUntil) + 1000).toISOString());
    const bob = await leaseItems(later, { campaign, vendor: "acme", annotator: "bob", lot, count: 5 });
    expect(bob.items).toEqual(ann.items);
    expect(
      (
        await submit(
          "ann",
          ann.items.map(({ item }) => item),
        )
      ).refused.map(({ reason }) => reason),
    ).toEqual(Array(5).fill("not-leased"));
  });

  it("never gives an annotator an image that they answered in another lot", async () => {
    const other = (await openLots(ports, { campaign, vendor: "acme" }))[1]?.lot as string;
    const { image } = (await itemsOf(other))[0] as { image: string };
    const key = { pk: `annotator#${campaign}#acme#ann`, sk: `image#${image}` };
    await ports.records.put(key, { lot: "0-0-001", item: "elsewhere", guidelineVersion: 1 }, "absent");
    expect((await lease("ann", 50, other)).items.map((one) => one.image)).not.toContain(image);
    expect((await lease("bob", 50, other)).items.map((one) => one.image)).toContain(image);
  });

  it("is refused with the reason: another vendor's lot, no such lot, paused, cancelled, after the due date", async () => {
    const ask = (extra: object, world = ports) =>
      leaseItems(world, { campaign, vendor: "acme", annotator: "ann", lot, count: 5, ...extra });
    await expect(ask({ vendor: "bolt" })).rejects.toMatchObject({ reason: "not-yours" });
    await expect(ask({ lot: "9-9-999" })).rejects.toMatchObject({ reason: "unknown-lot" });
    await expect(ask({}, at("2027-01-01T00:00:00Z"))).rejects.toMatchObject({ reason: "late" });
    await updateHead(ports, campaign, (head) => ({ ...head, status: "paused" }));
    await expect(ask({})).rejects.toMatchObject({ reason: "paused" });
    await updateHead(ports, campaign, (head) => ({ ...head, status: "cancelled" }));
    await expect(ask({})).rejects.toMatchObject({ reason: "cancelled" });
  });
});

describe("an answer", () => {
  it("of an unknown class, to an unknown item, or without form is refused by itself; the others count", async () => {
    const [a, b, c] = (await lease("ann", 3)).items.map(({ item }) => item) as [string, string, string];
    const answers = [
      { item: a, value: crack, seconds: 2 },
      { item: b, value: { task: "class" as const, label: "banana" }, seconds: 2 },
      { item: "i-unknown", value: crack, seconds: 2 },
      { item: c, value: { task: "class" } as never, seconds: 2 },
    ];
    const result = await submitAnswers(ports, { campaign, vendor: "acme", annotator: "ann", lot, round: 1, answers });
    expect(result).toEqual({
      accepted: 1,
      refused: [
        { item: b, reason: "unknown-class" },
        { item: "i-unknown", reason: "unknown-item" },
        { item: c, reason: "malformed" },
      ],
      delivered: false,
    });
    expect((await readLot(ports, campaign, lot)).lot.answered).toBe(1);
  });

  it("to another vendor's lot is refused, and so is one to an item that was not leased", async () => {
    const [item] = (await lease("ann", 1)).items.map((one) => one.item) as [string];
    expect((await submit("eve", [item], { vendor: "bolt" })).refused).toEqual([{ item, reason: "not-yours" }]);
    expect((await submit("bob", [item])).refused).toEqual([{ item, reason: "not-leased" }]);
  });

  it("given twice counts once: in one request, in two, and in twenty at the same time", async () => {
    const [a, b] = (await lease("ann", 2)).items.map(({ item }) => item) as [string, string];
    expect(await submit("ann", [a, a])).toMatchObject({ accepted: 1, refused: [{ item: a, reason: "duplicate" }] });
    expect(await submit("ann", [a])).toMatchObject({ accepted: 0, refused: [{ item: a, reason: "duplicate" }] });
    const many = await Promise.all(Array.from({ length: 20 }, () => submit("ann", [b])));
    expect(many.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(1);
    expect((await readLot(ports, campaign, lot)).lot.answered).toBe(2);
  });

  it("that comes after the due date, to another round, or after acceptance is refused with the reason", async () => {
    const [item] = (await lease("ann", 1)).items.map((one) => one.item) as [string];
    const late = await submitAnswers(at("2027-01-01T00:00:00Z"), {
      campaign,
      vendor: "acme",
      annotator: "ann",
      lot,
      round: 1,
      answers: [{ item, value: crack, seconds: 1 }],
    });
    expect(late.refused).toEqual([{ item, reason: "late" }]);
    expect((await submit("ann", [item], { round: 2 })).refused).toEqual([{ item, reason: "wrong-round" }]);
    const whole = await lease("ann");
    await submit(
      "ann",
      whole.items.map((one) => one.item),
    );
    expect((await submit("ann", [item])).refused).toEqual([{ item, reason: "closed" }]);
  });

  it("may be changed by its annotator until the lot is delivered or the lease runs out", async () => {
    const { items, leasedUntil } = await lease("ann", 1);
    const { item } = items[0] as { item: string };
    const change = {
      campaign,
      vendor: "acme",
      annotator: "ann",
      lot,
      round: 1,
      item,
      value: { task: "class", label: "ok" } as const,
      seconds: 4,
    };
    expect(await reviseAnswer(ports, change)).toEqual({ revised: false, reason: "unknown-item" });
    await submit("ann", [item]);
    expect(await reviseAnswer(ports, change)).toEqual({ revised: true });
    expect(await reviseAnswer(ports, { ...change, annotator: "bob" })).toEqual({
      revised: false,
      reason: "not-leased",
    });
    expect(await reviseAnswer(ports, { ...change, value: { task: "class", label: "banana" } })).toEqual({
      revised: false,
      reason: "unknown-class",
    });
    const later = at(new Date(Date.parse(leasedUntil) + 1).toISOString());
    expect(await reviseAnswer(later, change)).toEqual({ revised: false, reason: "late" });
  });
});

describe("the last answer", () => {
  it("wakes the lot's step after the commit; a token that is gone loses nothing, a repeated offer completes itself", async () => {
    const tokens: string[] = [];
    const gone: Ports = {
      ...ports,
      tokens: {
        ...ports.tokens,
        succeed: async () => {
          throw new TokenGoneError("timed out");
        },
      },
    };
    const { items } = await lease("ann");
    const result = await submitAnswers(gone, {
      campaign,
      vendor: "acme",
      annotator: "ann",
      lot,
      round: 1,
      answers: items.map(({ item }) => ({ item, value: crack, seconds: 1 })),
    });
    expect(result).toMatchObject({ accepted: items.length, delivered: true });
    expect((await readLot(ports, campaign, lot)).lot.status).toBe("delivered");
    const again: Ports = { ...ports, tokens: { ...ports.tokens, succeed: async (token) => void tokens.push(token) } };
    await stage(offerLot, { lot, campaign, token: "a newer token" }, again);
    expect(tokens).toEqual(["a newer token"]);
  });

  it("leaves no token readable in the records", async () => {
    const { lot: record } = await readLot(ports, campaign, lot);
    expect(record.sealedToken).toBeDefined();
    await expect(ports.sealer.open(record.sealedToken ?? "", "another lot")).rejects.toThrow();
  });
});

describe("stages that run twice", () => {
  it("judge, accept and close a lot once", async () => {
    const { items } = await lease("ann");
    await submit(
      "ann",
      items.map(({ item }) => item),
    );
    await made.run(() => true);
    // Nobody inspects: deemed accepted.
    const first = await stage(judgeLot, { lot, campaign }, ports);
    expect(await stage(judgeLot, { lot, campaign }, ports)).toEqual(first);
    await stage(acceptLot, { lot, campaign }, ports);
    const paid = await totals(ports, campaign);
    await stage(acceptLot, { lot, campaign }, ports);
    expect(await totals(ports, campaign)).toEqual(paid);
    expect(paid.byKind["answer-accepted"]?.units).toBe(items.length);
    await stage(closeLot, { lot, campaign, outcome: "accepted" }, ports);
    const closed = (await readLot(ports, campaign, lot)).lot;
    await stage(closeLot, { lot, campaign, outcome: "failed" }, ports);
    expect((await readLot(ports, campaign, lot)).lot).toEqual(closed);
  });
});

describe("an expert", () => {
  beforeEach(async () => {
    const { items } = await lease("ann");
    await submit(
      "ann",
      items.map(({ item }) => item),
    );
    await made.run(() => true);
  });

  it("answers a task once; two different ones close it; a third is too late; each answer is owed once", async () => {
    const [first] = await openReviews(ports, { campaign, expert: "eva", limit: 5 });
    const { task } = first as { task: string };
    const say = (expert: string, label: string) =>
      submitReviews(ports, { campaign, expert, answers: [{ task, value: { task: "class", label } }] });
    expect((await say("eva", "banana")).refused).toEqual([{ task, reason: "unknown-class" }]);
    expect(await say("eva", "ok")).toMatchObject({ accepted: 1, done: [] });
    expect((await say("eva", "crack")).refused).toEqual([{ task, reason: "duplicate" }]);
    expect((await openReviews(ports, { campaign, expert: "eva", limit: 50 })).map((one) => one.task)).not.toContain(
      task,
    );
    expect(await say("fay", "ok")).toMatchObject({ accepted: 1, done: [task] });
    expect((await say("gus", "ok")).refused).toEqual([{ task, reason: "closed" }]);
    expect((await totals(ports, campaign)).byKind["expert-answer"]).toEqual({ units: 2, amountMicros: 600_000 });
  });

  it("is told nothing but the image", async () => {
    const tasks = await openReviews(ports, { campaign, expert: "eva", limit: 50 });
    expect(tasks.length).toBeGreaterThan(0);
    for (const task of tasks) expect(Object.keys(task).sort()).toEqual(["image", "kind", "task"]);
  });

  it("who knows no such task is told so, and a paused campaign takes nothing", async () => {
    const answers = [{ task: "r-unknown", value: crack }];
    expect((await submitReviews(ports, { campaign, expert: "eva", answers })).refused).toEqual([
      { task: "r-unknown", reason: "unknown-task" },
    ]);
    await updateHead(ports, campaign, (head) => ({ ...head, status: "paused" }));
    expect((await submitReviews(ports, { campaign, expert: "eva", answers })).refused).toEqual([
      { task: "r-unknown", reason: "paused" },
    ]);
  });
});
