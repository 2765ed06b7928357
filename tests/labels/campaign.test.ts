import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readDocument, readLines } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { entries, statement, totals } from "../../lambdas/store/ledger.ts";
import { findLot } from "../../lambdas/store/lot-records.ts";
import { vendorBoard } from "../../lambdas/store/lots.ts";
import type { Person, Pool } from "../../local/people/people.ts";
import { Answer } from "../../schemas/answer.ts";
import { DatasetVersion, TestTruth } from "../../schemas/dataset.ts";
import type { Lot } from "../../schemas/lot.ts";
import { type LabelOutput, type LabelWorld, type LabelWorldOptions, labelWorld, pictures } from "./world.ts";

// Whole campaigns: seconds each on a quiet machine, minutes on a crowded one.
vi.setConfig({ testTimeout: 300_000 });

const classes = ["crack", "hole", "ok", "stain"];
const worlds: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});
async function world(options: Partial<LabelWorldOptions> = {}): Promise<LabelWorld> {
  const made = await labelWorld({
    pictures: pictures(160, classes),
    agreement: { classes, labelling: { lotSize: 60 } },
    ...options,
  });
  worlds.push(made);
  return made;
}

async function lotsOf({ ports, agreement }: LabelWorld): Promise<Lot[]> {
  const lots = new Map<string, Lot>();
  for (const { id } of agreement.vendors) {
    for (const { lot } of await vendorBoard(ports, { campaign: agreement.name, vendor: id })) {
      const found = await findLot(ports, agreement.name, lot);
      if (found !== undefined) lots.set(lot, found.lot);
    }
  }
  return [...lots.values()];
}
async function acceptedOf({ ports, agreement }: LabelWorld): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const { key } of ports.objects.list(`campaigns/${agreement.name}/lots/`)) {
    if (/answers-\d+\.jsonl$/.test(key)) answers.push(...(await readLines(ports.objects, key, Answer)));
  }
  return answers;
}
async function finished(made: LabelWorld): Promise<LabelOutput> {
  const output = await made.run();
  if (output === undefined) throw new Error("the campaign did not end");
  return output;
}
const datasetOf = ({ ports }: LabelWorld, { dataset }: LabelOutput) =>
  readDocument(ports.objects, dataset.key, DatasetVersion);

const everybody = (annotators: readonly Person[], experts?: readonly Person[]): Pool => ({
  annotators: (vendor) => annotators.map((person) => ({ ...person, name: `${vendor}-${person.name}` })),
  experts: experts ?? [1, 2, 3].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 1, seconds: 20 })),
});
const people = (count: number, accuracy: number): Person[] =>
  Array.from({ length: count }, (_, i) => ({ name: `p${i + 1}`, kind: "good", accuracy, seconds: 5 }));

describe("a campaign's labels", () => {
  it("are bought, inspected, paid for once each, and frozen near the truth", async () => {
    const made = await world();
    const output = await finished(made);
    const dataset = await datasetOf(made, output);
    const truth = new Map(pictures(160, classes).map((p) => [p.sha256, p.label]));
    const right = dataset.items.filter(({ sha256, label }) => truth.get(sha256) === label).length;
    expect(right / dataset.items.length).toBeGreaterThanOrEqual(0.95);
    expect(dataset.counts.train + dataset.counts.validation + dataset.counts.test).toBeGreaterThan(150);

    const accepted = await acceptedOf(made);
    const owed = [];
    for await (const entry of entries(made.ports, "camp"))
      if (entry.kind === "answer-accepted") owed.push(`${entry.lot}/${entry.item}`);
    expect(new Set(owed).size).toBe(owed.length);
    expect(owed.length).toBe(accepted.length);
    const { spentMicros, byKind } = await totals(made.ports, "camp");
    expect(byKind["answer-accepted"]).toEqual({ units: accepted.length, amountMicros: accepted.length * 30_000 });
    const parties = ["acme", "bolt", "expert-1", "expert-2", "expert-3"];
    const statements = await Promise.all(parties.map((party) => statement(made.ports, { campaign: "camp", party })));
    expect(statements.reduce((sum, one) => sum + one.totalMicros, 0)).toBe(spentMicros);
  });

  it("never ask one annotator twice about an image, nor an expert", async () => {
    const made = await world();
    await made.run();
    const said = (await acceptedOf(made)).map(({ image, vendor, annotator }) => `${image} ${vendor} ${annotator}`);
    expect(new Set(said).size).toBe(said.length);
    const reviewed = [];
    for await (const entry of entries(made.ports, "camp"))
      if (entry.kind === "expert-answer") reviewed.push(`${entry.item} ${entry.party}`);
    expect(new Set(reviewed).size).toBe(reviewed.length);
    const perImage = new Map<string, number>();
    for (const one of reviewed)
      perImage.set(one.split(" ")[0] as string, (perImage.get(one.split(" ")[0] as string) ?? 0) + 1);
    expect(Math.max(...perImage.values())).toBe(2);
  });

  it("put each test image before people of two vendors, three answers in all, and keep its truth out of the dataset", async () => {
    const made = await world();
    const dataset = await datasetOf(made, await finished(made));
    const truth = await readDocument(made.ports.objects, objectKeys.sealedTruth("camp", dataset.testSha256), TestTruth);
    expect(truth.items.length).toBe(dataset.counts.test);
    const trained = new Set(dataset.items.map(({ sha256 }) => sha256));
    const answers = await acceptedOf(made);
    expect(truth.items.filter(({ source }) => source !== "experts").length).toBeGreaterThan(10);
    for (const { sha256, source } of truth.items) {
      expect(trained.has(sha256)).toBe(false);
      // Two blind experts who agreed while they inspected a lot need no further answers.
      if (source === "experts") continue;
      const given = answers.filter(({ image }) => image === sha256);
      expect(given.length).toBeGreaterThanOrEqual(3);
      expect(new Set(given.map(({ vendor }) => vendor)).size).toBeGreaterThanOrEqual(2);
    }
  });

  it("give the same dataset version, ledger and test truth in every world", async () => {
    const one = await world({ pictures: pictures(100, classes), world: "memory" });
    const two = await world({ pictures: pictures(100, classes).reverse() });
    const versions = [await datasetOf(one, await finished(one)), await datasetOf(two, await finished(two))];
    expect(versions[0]?.version).toBe(versions[1]?.version);
    expect(await totals(one.ports, "camp")).toEqual(await totals(two.ports, "camp"));
  });

  it("go on after each of many sudden ends, with the same version and nothing paid twice", async () => {
    const calm = await world({ pictures: pictures(100, classes) });
    const version = (await datasetOf(calm, await finished(calm))).version;
    const folder = await mkdtemp(join(tmpdir(), "countersign-killed-"));
    const agreement = { classes, labelling: { lotSize: 60 } };
    let now: number | undefined;
    let ends = 0;
    for (;;) {
      // After a lease, between two images, before a step hears that its work is committed: wherever the number falls.
      const diesAfter = ends < 12 && ends % 2 === 0 ? 31 * (ends + 1) : undefined;
      const diesAtToken = ends < 12 && ends % 2 === 1 ? Math.ceil(ends / 4) : undefined;
      const made = await labelWorld({
        pictures: pictures(100, classes),
        agreement,
        folder,
        ...(now === undefined ? {} : { now }),
        ...(diesAfter === undefined ? {} : { diesAfter }),
        ...(diesAtToken === undefined ? {} : { diesAtToken }),
      });
      try {
        const output = await made.run();
        if (output === undefined) continue;
        expect((await datasetOf(made, output)).version).toBe(version);
        expect(await totals(made.ports, "camp")).toEqual(await totals(calm.ports, "camp"));
        break;
      } catch (error) {
        if ((error as Error).message !== "the line is dead") throw error;
        ends += 1;
        now = made.clock.now();
      } finally {
        await made.close();
      }
    }
    expect(ends).toBeGreaterThan(3);
    await rm(folder, { recursive: true, force: true });
  });
});

describe("a vendor", () => {
  it("that is dead loses its lots to the deadline; others label its images in the next wave", async () => {
    const made = await world({
      pictures: pictures(80, classes),
      people: { tempo: (vendor) => ({ dead: vendor === "bolt" }) },
    });
    const dataset = await datasetOf(made, await finished(made));
    const lots = await lotsOf(made);
    const dead = lots.filter(({ vendor }) => vendor === "bolt");
    expect(dead.every(({ status, wave }) => status === "expired" && wave === 0)).toBe(true);
    expect(dataset.items.length).toBeGreaterThan(50);
    expect((await statement(made.ports, { campaign: "camp", party: "bolt" })).totalMicros).toBe(0);
  });

  it("whose people click at random reworks once, then loses the lot, and is paid nothing for it", async () => {
    const pool: Pool = {
      ...everybody(people(8, 0.97)),
      annotators: (vendor) =>
        people(8, vendor === "bolt" ? 0.25 : 0.97).map((p) => ({ ...p, name: `${vendor}-${p.name}` })),
    };
    const vendors = ["acme", "bolt", "cork"].map((id) => ({
      id,
      name: id,
      pricePerAnswer: id === "bolt" ? 0.03 : 0.04,
    }));
    const made = await world({
      pictures: pictures(120, classes),
      people: { pool },
      agreement: { classes, vendors, labelling: { lotSize: 60, minAnswers: 2 } },
    });
    await made.run();
    const bad = (await vendorBoard(made.ports, { campaign: "camp", vendor: "bolt" })).filter(
      ({ verdicts }) => verdicts.length > 0,
    );
    expect(bad.length).toBeGreaterThan(0);
    const lost = bad.filter(({ status }) => status === "given-away");
    expect(lost.length).toBeGreaterThan(0);
    for (const lot of lost) {
      expect(lot.verdicts.map(({ verdict }) => verdict)).toEqual(["rework", "reassign"]);
      expect(lot.verdicts[0]?.confused.length).toBeGreaterThan(0);
      // Its own price, not that of the vendor who has the lot now.
      expect(lot.pricePerAnswerMicros).toBe(30_000);
    }
    const paid = await statement(made.ports, { campaign: "camp", party: "bolt" });
    for (const { lot } of lost) expect(paid.lines.some((line) => line.lot === lot)).toBe(false);
    // Evidence shows numbers and classes, never which images were inspected.
    expect(JSON.stringify(bad)).not.toMatch(/[0-9a-f]{64}/);
  });

  it("is paid for a lot that nobody inspected in time", async () => {
    const made = await world({
      pictures: pictures(60, classes),
      people: { pool: { ...everybody(people(8, 0.97)), experts: [] } },
    });
    const output = await finished(made);
    const lots = await lotsOf(made);
    expect(lots.every(({ status }) => status === "accepted")).toBe(true);
    expect(
      (await vendorBoard(made.ports, { campaign: "camp", vendor: "acme" }))[0]?.verdicts[0]?.reasons.join(),
    ).toContain("deemed accepted");
    expect(output.dataset.outcome).toBe("frozen");
  });
});

describe("what is odd", () => {
  it("images that nobody can name go to the experts, and out of the dataset when they can't either", async () => {
    const pics = pictures(80, classes);
    const riddles = new Set(pics.slice(0, 3).map(({ sha256 }) => sha256));
    const known = new Map(pics.map((p) => [p.sha256, p]));
    const made = await world({
      pictures: pics,
      split: (images) => ({
        test: images.filter((i) => !riddles.has(i)).slice(0, 12),
        gold: images.filter((i) => !riddles.has(i)).slice(12, 15),
        pool: [...images.filter((i) => !riddles.has(i)).slice(15), ...riddles],
      }),
      people: {
        perceive: (bytes) => {
          const id = Buffer.from(bytes).toString();
          return riddles.has(id) ? undefined : { label: known.get(id)?.label ?? "", id };
        },
      },
    });
    const dataset = await datasetOf(made, await finished(made));
    expect(dataset.items.filter(({ sha256 }) => riddles.has(sha256))).toEqual([]);
    expect((await made.cycle()).counts.unsettled).toBe(riddles.size);
  });

  it("a class without images is reported at the freeze, and told to the data team", async () => {
    const notices: string[] = [];
    const made = await world({
      pictures: pictures(60, classes),
      agreement: { classes: [...classes, "rust"] },
      people: { pool: everybody(people(8, 1)) },
    });
    const notify = made.ports.notifier.notify.bind(made.ports.notifier);
    made.ports.notifier.notify = async (notice) => {
      notices.push(notice.text);
      await notify(notice);
    };
    const output = await finished(made);
    expect((await datasetOf(made, output)).emptyClasses).toEqual(["rust"]);
    expect(output.dataset.emptyClasses).toBe(1);
    expect(notices.some((text) => text.includes("rust"))).toBe(true);
  });

  it("fewer images than five per class are too few", async () => {
    const made = await world({ pictures: pictures(18, classes), people: { pool: everybody(people(8, 1)) } });
    expect((await finished(made)).dataset.outcome).toBe("too-few-images");
  });

  it("a budget below the first wave buys nothing, says so, and ends without a dataset to train on", async () => {
    const made = await world({ agreement: { classes, budget: 1 } });
    const output = await finished(made);
    expect(output.dataset.outcome).toBe("too-few-images");
    expect((await made.cycle()).counts).toMatchObject({ overBudget: 1 });
    expect((await totals(made.ports, "camp")).spentMicros).toBe(0);
  });

  it("one vendor with three people is enough, though it takes more waves", async () => {
    const made = await world({
      pictures: pictures(40, classes),
      agreement: { classes, vendors: [{ id: "solo", name: "Solo", pricePerAnswer: 0.05 }] },
      people: { pool: everybody(people(3, 0.97)) },
    });
    const dataset = await datasetOf(made, await finished(made));
    expect(dataset.items.length).toBeGreaterThan(25);
    expect((await made.cycle()).counts.wave).toBeGreaterThanOrEqual(1);
  });

  it("experts who always disagree make no defects, no gold and no truth, and the campaign still ends", async () => {
    const wrong: Person[] = [1, 2, 3].map((n) => ({
      name: `expert-${n}`,
      kind: "expert",
      accuracy: 0.25,
      seconds: 20,
    }));
    const made = await world({ pictures: pictures(60, classes), people: { pool: everybody(people(8, 0.95), wrong) } });
    const output = await finished(made);
    expect(output.dataset.outcome).toBe("frozen");
  });
});
