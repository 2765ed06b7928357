import { afterEach, describe, expect, it, vi } from "vitest";
import { acceptedAnswers } from "../../lambdas/store/answers.ts";
import { knownLabels } from "../../lambdas/store/consensus.ts";
import { readDocument } from "../../lambdas/store/documents.ts";
import { everyRecord } from "../../lambdas/store/every-record.ts";
import { totals } from "../../lambdas/store/ledger.ts";
import { vendorReview } from "../../lambdas/store/proposals.ts";
import type { Person, Pool } from "../../local/people/people.ts";
import type { Picture } from "../../local/rehearsal/scenery.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { DatasetVersion } from "../../schemas/dataset.ts";
import type { ReviewTask } from "../../schemas/review.ts";
import { type LabelWorld, type LabelWorldOptions, labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });
const classes = ["crack", "ok"];
const worlds: LabelWorld[] = [];
afterEach(async () => {
  for (const made of worlds.splice(0)) await made.close();
});
const people = (count: number): Pool => ({
  annotators: (vendor) =>
    Array.from(
      { length: count },
      (_, i): Person => ({ name: `${vendor}-${i}`, kind: "good", accuracy: 0.98, seconds: 5 }),
    ),
  experts: [1, 2, 3].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 1, seconds: 20 })),
});
async function world(options: Partial<LabelWorldOptions> = {}): Promise<LabelWorld> {
  const made = await labelWorld({
    pictures: pictures(48, classes),
    agreement: { classes, labelling: { lotSize: 20, maxWaves: 3 } },
    world: "memory",
    people: { pool: people(6) },
    ...options,
  });
  worlds.push(made);
  return made;
}
const datasetOf = async (made: LabelWorld) => {
  const output = await made.run();
  return { output, dataset: await readDocument(made.ports.objects, output?.dataset.key ?? "", DatasetVersion) };
};

describe("a campaign with what nobody wished for", () => {
  it("a single annotator: each image is answered at most once, and experts settle what one answer can't", async () => {
    const solo = [{ id: "solo", name: "Solo", pricePerAnswer: 0.05 }];
    const made = await world({
      agreement: { classes, vendors: solo, labelling: { lotSize: 20, maxWaves: 3 } },
      people: { pool: people(1) },
    });
    const { output, dataset } = await datasetOf(made);
    expect(["frozen", "too-few-images"]).toContain(output?.dataset.outcome);
    const { byKind } = await totals(made.ports, "camp");
    expect(byKind["answer-accepted"]?.units).toBeLessThanOrEqual(48);
    const truth = new Map(pictures(48, classes).map((p) => [p.sha256, p.label]));
    // No label stands on that one person alone and is wrong more often than they are.
    const right = dataset.items.filter(({ sha256, label }) => truth.get(sha256) === label).length;
    expect(right / Math.max(1, dataset.items.length)).toBeGreaterThanOrEqual(0.9);
    expect((await vendorReview(made.ports, "camp")).proposals).toEqual([]);
  });

  it("all annotators say that they can't tell: they are paid, nothing is called a label on their word, and it ends", async () => {
    const made = await world({ people: { pool: { ...people(6), experts: [] }, perceive: () => undefined } });
    const { output, dataset } = await datasetOf(made);
    expect(output?.dataset.outcome).toBe("too-few-images");
    expect(dataset.items).toEqual([]);
    const { byKind } = await totals(made.ports, "camp");
    expect(byKind["answer-accepted"]?.units).toBeGreaterThan(0);
  });

  it("a class with one image: it is labelled, kept on one side of the split, and the freeze goes on", async () => {
    const one: Picture = { ...(pictures(1, ["rust"])[0] as Picture) };
    const made = await world({
      pictures: [...pictures(47, classes), one],
      agreement: { classes: [...classes, "rust"], labelling: { lotSize: 20, maxWaves: 3 } },
      split: (images) => ({
        test: images.filter((image, i) => i % 7 === 3 && image !== one.sha256),
        gold: images.filter((image, i) => i === 5 && image !== one.sha256),
        pool: images.filter((image, i) => image === one.sha256 || (i % 7 !== 3 && i !== 5)),
      }),
    });
    const { output, dataset } = await datasetOf(made);
    expect(output?.dataset.outcome).toBe("frozen");
    expect(dataset.items.filter(({ label }) => label === "rust").map(({ sha256 }) => sha256)).toEqual([one.sha256]);
  });

  it("gold that is wrong itself, for both experts erred alike, is told and pauses nobody", async () => {
    const pics = pictures(120, classes);
    const gold = pics
      .map(({ sha256 }) => sha256)
      .sort()
      .slice(0, 12);
    const wrong = gold[4] as string;
    const known = new Map(pics.map((p) => [p.sha256, p.label]));
    const made = await world({
      pictures: pics,
      agreement: {
        classes,
        vendors: ["ash", "birch", "cedar", "elm"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 })),
        labelling: { lotSize: 40, maxWaves: 2 },
      },
      split: (images) => ({
        test: images.slice(12, 24),
        gold: images.slice(0, 12),
        pool: images.slice(24),
      }),
      people: {
        pool: {
          ...people(8),
          experts: [1, 2].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 1, seconds: 20 })),
        },
      },
    });
    await made.run();
    // Two experts in agreement, and wrong: their task is answered again as if they had said the other class.
    const other = known.get(wrong) === "crack" ? "ok" : "crack";
    for await (const { sk, body } of everyRecord<ReviewTask>(made.ports.records, "reviews#camp")) {
      if (body.image !== wrong) continue;
      const answers = body.answers.map((one) => ({ ...one, value: { task: "class" as const, label: other } }));
      await made.ports.records.put({ pk: "reviews#camp", sk }, { ...body, answers }, "any");
    }
    const { suspectGold, proposals } = await vendorReview(made.ports, "camp");
    const said = suspectGold.map(({ image, instead }) => [image, instead]);
    expect(proposals).toEqual([]);
    // Four vendors' people contradicted it.
    expect(said).toEqual([[wrong, known.get(wrong)]]);
  });
});

it("answers under an older guideline stay paid and count as labels no more: what is needed again is bought anew", async () => {
  const made = await world();
  await made.run();
  const { ports, agreement } = made;
  const paid = await totals(ports, "camp");
  expect((await acceptedAnswers(ports, "camp", agreement)).people.length).toBe(paid.byKind["answer-accepted"]?.units);
  const changed = { ...agreement, guideline: { version: 2, text: "a scratch is no crack" } };
  expect(await acceptedAnswers(ports, "camp", changed)).toEqual({ people: [], models: [] });
  expect((await knownLabels(ports, "camp", changed)).experts.size).toBe(0);
  expect(await totals(ports, "camp")).toEqual(paid);
});

describe("an agreement that nobody can work under is refused with what is wrong", () => {
  const good = { name: "camp", classes, vendors: [{ id: "v", name: "V", pricePerAnswer: 0.03 }] };
  const problem = (change: object) => {
    const { error } = Campaign.safeParse({ ...good, ...change });
    return `${error?.issues[0]?.path.join(".")}: ${error?.issues[0]?.message}`;
  };
  it.each([
    [{ vendors: [{ id: "v", name: "V" }] }, /vendors\.0\.pricePerAnswer/],
    [
      { vendors: [{ id: "v", name: "V", pricePerAnswer: -0.01 }] },
      /vendors\.0\.pricePerAnswer: a price can't be negative/,
    ],
    [{ vendors: [{ id: "v", name: "V", pricePerAnswer: 0.0000001 }] }, /at most six decimals/],
    [{ expertPricePerAnswer: -1 }, /expertPricePerAnswer: a price can't be negative/],
    [{ budget: -5 }, /budget: a price can't be negative/],
    [{ vendors: [] }, /vendors/],
    [{ inspection: { aql: 3 } }, /inspection\.aql: expected one of/],
    [
      { inspection: { critical: { aql: 1, pairs: [{ truth: "crack", said: "rust" }] } } },
      /"rust" is not one of the classes/,
    ],
    [{ inspection: { critical: { aql: 1, pairs: [{ truth: "ok", said: "ok" }] } } }, /taken for itself is no error/],
    [{ inspection: { aql: 10, limitingQuality: 8 } }, /8 % is no limit beside an AQL of 10 %/],
  ])("%j", (change, message) => {
    expect(problem(change)).toMatch(message);
  });
});
