import { afterEach, describe, expect, it, vi } from "vitest";
import { runStage } from "../../lambdas/stage.ts";
import { dispatchLots } from "../../lambdas/stages/dispatch-lots.ts";
import { planWave } from "../../lambdas/stages/plan-wave.ts";
import { readDocument, writeAddressed, writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import { findLot, readLotPlan } from "../../lambdas/store/lot-records.ts";
import { readWavePlan, updateWave } from "../../lambdas/store/waves.ts";
import { type LotItem, LotPlan } from "../../schemas/lot.ts";
import { Split } from "../../schemas/state.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });

const classes = ["crack", "ok"];
const worlds: LabelWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});
async function world(): Promise<LabelWorld> {
  const made = await labelWorld({
    pictures: pictures(80, classes),
    agreement: { classes, labelling: { lotSize: 25 } },
    split: (images) => ({ test: images.slice(0, 10), gold: images.slice(10, 14), pool: images.slice(14) }),
    world: "memory",
  });
  worlds.push(made);
  return made;
}
interface Planned {
  decision: string;
  wave: number;
  key: string;
  lots: number;
}
const plan = ({ ports, splitKey }: LabelWorld) =>
  runStage(
    planWave as never,
    { campaign: "camp", cycle: 1, splitKey, embeddingsKey: "none" },
    ports,
  ) as Promise<Planned>;
async function itemsOf({ ports }: LabelWorld, lot: string): Promise<LotItem[]> {
  const found = await findLot(ports, "camp", lot);
  return found === undefined ? [] : (await readLotPlan(ports, found.lot)).items;
}

describe("an empty wave", () => {
  it("is not planned where there is nothing to label, and one without lots wakes its cycle at once", async () => {
    const made = await labelWorld({
      pictures: pictures(6, classes),
      agreement: { classes },
      split: () => ({ test: [], gold: [], pool: [] }),
      world: "memory",
    });
    worlds.push(made);
    expect(await plan(made)).toMatchObject({ decision: "enough", lots: 0 });
    const key = objectKeys.wave("camp", 1, 0);
    const answers = { label: 0, gold: 0, test: 0 };
    const empty = { campaign: "camp", cycle: 1, wave: 0, lots: [], answers, priceMicros: 0, timeoutSeconds: 60 };
    await writeDocument(made.ports.objects, key, empty);
    const told: string[] = [];
    const tokens = { ...made.ports.tokens, succeed: async (token: string) => void told.push(token) };
    const payload = { campaign: "camp", cycle: 1, wave: 0, waveKey: key, token: "cycle" };
    const run = () => runStage(dispatchLots as never, payload, { ...made.ports, tokens });
    expect(await run()).toEqual({ lots: 0 });
    await run();
    expect(new Set(told)).toEqual(new Set(["cycle"]));
  });
});

describe("the first wave", () => {
  it("is planned once, whatever is asked how often", async () => {
    const made = await world();
    const first = await plan(made);
    expect(first).toMatchObject({ decision: "buy", wave: 0 });
    expect(await plan(made)).toEqual(first);
  });

  it("asks one answer for each image and two for a random few, puts gold into every lot, and tells no purpose by an item's name or place", async () => {
    const made = await world();
    await made.run(() => true);
    const { lots } = await readWavePlan(made.ports, (await plan(made)).key);
    const items = (await Promise.all(lots.map((lot) => itemsOf(made, lot)))).flat();
    const imagesOf = (purpose: string) => items.filter((item) => item.purpose === purpose).map(({ image }) => image);
    const [label, overlap] = [imagesOf("label"), imagesOf("overlap")];
    expect(new Set(label).size).toBe(label.length);
    expect(new Set(overlap).size * 2).toBe(overlap.length);
    expect(label.length + overlap.length / 2).toBe(66);
    for (const lot of lots)
      expect(
        (await itemsOf(made, lot)).some(({ purpose }) => purpose === "gold"),
        lot,
      ).toBe(true);
    expect(items.every(({ item }) => /^i[0-9a-f]{20}$/.test(item))).toBe(true);
    expect(new Set(items.map(({ item }) => item)).size).toBe(items.length);
    const places = await Promise.all(
      lots.map(async (lot) => (await itemsOf(made, lot)).findIndex(({ purpose }) => purpose === "gold")),
    );
    expect(new Set(places).size).toBeGreaterThan(2);
  });
});

describe("an owner who asks for more", () => {
  it("gets one more wave for the least certain images, once for each time of asking", async () => {
    const made = await world();
    await made.run();
    const { ports } = made;
    const enough = await plan(made);
    expect(enough.decision).toBe("enough");
    const approval = {
      campaign: "camp",
      cycle: 1,
      evidenceDigest: "0".repeat(64),
      modelSha256: "0".repeat(64),
      datasetVersion: "0".repeat(64),
    };
    const asked = {
      ...approval,
      decision: "ask-for-more",
      by: "olga",
      how: "person",
      reason: "stains are too often missed",
      at: "2026-01-06T08:00:00Z",
      previous: "0".repeat(64),
      signature: "a".repeat(64),
    };
    const record = {
      evidenceKey: "e",
      evidenceDigest: "d",
      modelSha256: "m",
      status: "decided",
      decision: "ask-for-more",
      decisions: [asked],
    };
    await ports.records.put(recordKeys.approval("camp", 1), record, "any");
    const more = await plan(made);
    expect(more).toMatchObject({ decision: "buy", wave: enough.wave });
    expect(await plan(made)).toEqual(more);
    const wave = await readWavePlan(ports, more.key);
    expect(wave.answers.label).toBeGreaterThan(0);
    expect(wave.answers.label).toBeLessThanOrEqual(8);
    await updateWave(ports, { campaign: "camp", cycle: 1, wave: more.wave }, (before) => ({
      ...before,
      settled: true,
      asked: wave.asked ?? "",
    }));
    expect((await plan(made)).decision).toBe("enough");
  });
});

describe("the next cycle", () => {
  it("keeps the answers of the one before and buys for the newcomers, with some known gold among them", async () => {
    const made = await world();
    await made.run();
    const { ports } = made;
    const first = await made.cycle();
    const split = await readDocument(ports.objects, made.splitKey, Split);
    const fresh = pictures(30, classes, 80).map(({ sha256 }) => sha256);
    const next: Split = {
      ...split,
      cycle: 2,
      test: [...split.test, ...fresh.slice(0, 4)],
      gold: [...split.gold, fresh[4] as string],
      pool: [...split.pool, ...fresh.slice(5)],
      groups: { ...split.groups, ...Object.fromEntries(fresh.map((image) => [image, image])) },
    };
    const { key: splitKey } = await writeAddressed(ports.objects, (digest) => objectKeys.split("camp", digest), next);
    await ports.records.put(recordKeys.cycle("camp", 2), { ...first, cycle: 2, counts: {} }, "absent");
    const payload = { campaign: "camp", cycle: 2, splitKey, embeddingsKey: "none" };
    const planned = (await runStage(planWave as never, payload, ports)) as Planned;
    expect(planned).toMatchObject({ decision: "buy", wave: 0 });
    const { lots } = await readWavePlan(ports, planned.key);
    expect(lots.every((lot) => lot.startsWith("2-0-"))).toBe(true);
    const plans = await Promise.all(
      lots.map((lot) => readDocument(ports.objects, objectKeys.lotPlan("camp", lot), LotPlan)),
    );
    const items = plans.flatMap((one) => one.items);
    const images = (purpose: string) =>
      new Set(items.filter((item) => item.purpose === purpose).map(({ image }) => image));
    expect(images("label")).toEqual(new Set(fresh.slice(5)));
    expect([...images("test")].every((image) => fresh.slice(0, 4).includes(image))).toBe(true);
    expect(images("gold").has(fresh[4] as string)).toBe(true);
    expect([...images("gold")].some((image) => split.gold.includes(image))).toBe(true);
  });
});
