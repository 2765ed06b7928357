/** A vendor that is a model: what it says before anybody has looked, and what its being wrong costs. */
import { expect, test, vi } from "vitest";
import { modelConfusion, zeroShotPrior } from "../../domain/model-prior/zero-shot.ts";
import { acceptedAnswers } from "../../lambdas/store/answers.ts";
import { readDocument } from "../../lambdas/store/documents.ts";
import { defaultPool, modelVendor, type Pool } from "../../local/people/pool.ts";
import { rehearse } from "../../local/rehearsal/rehearse.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { Split } from "../../schemas/state.ts";
import { labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });
const classes = ["bolt", "nut", "screw", "washer"];
const people = ["alder", "birch", "cedar"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 }));
const model = { id: "oracle", name: "Oracle", pricePerAnswer: 0.001, kind: "model" as const };

const poolWith = (seed: number, accuracy: number): Pool => {
  const pool = defaultPool(seed, classes);
  const models = modelVendor({ names: ["m1", "m2"], accuracy, share: 1 });
  return { experts: pool.experts, annotators: (vendor) => (vendor === model.id ? models : pool.annotators(vendor)) };
};

/** Two seeds of 160 pictures each, labelled with the help of a model that is right so often; undefined: without one. */
async function labelled(accuracy: number | undefined) {
  const sum = { answers: 0, right: 0, cost: 0 };
  for (const seed of [1, 2]) {
    const vendors = accuracy === undefined ? people : [...people, model];
    const found = await rehearse(Campaign.parse({ name: "camp", classes, vendors }), {
      images: 160,
      seed,
      pool: poolWith(seed, accuracy ?? 0.5),
    });
    sum.answers += found.answersPerImage / 2;
    sum.right += found.accuracy / 2;
    sum.cost += found.cost / 2;
  }
  return sum;
}

test("without gold a model is believed nothing; with it as much as it earns", () => {
  const [said, nothing] = [new Int32Array([0, 1, 0, -1]), new Int32Array(4).fill(-1)];
  const even = zeroShotPrior([{ said }], nothing, [0.5, 0.5]);
  expect([...even.subarray(0, 6)]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
  expect(even[6]).toBeNaN();
  // Right on nine of ten, two classes in turn: (9 + 2) / (10 + 4) is the coin, and each row leans on it with weight 8.
  const truth = Int32Array.from({ length: 10 }, (_, i) => i % 2);
  const mostly = Int32Array.from(truth, (label, i) => (i === 0 ? 1 : label));
  const coin = 11 / 14;
  expect(modelConfusion(mostly, truth, 2)[3]).toBeCloseTo((5 + 8 * coin) / 13, 12);
  const always = zeroShotPrior([{ said: new Int32Array(10) }], truth, [0.5, 0.5]);
  // One class whatever it is shown: its word says nothing of the next image, only what its few gold images leave open.
  expect(always[0]).toBeLessThan(0.7);
});

test("two models that say the same count as one", () => {
  const truth = Int32Array.from({ length: 30 }, (_, i) => i % 3);
  const one = zeroShotPrior([{ said: truth }], truth, [1 / 3, 1 / 3, 1 / 3]);
  const two = zeroShotPrior([{ said: truth }, { said: truth }], truth, [1 / 3, 1 / 3, 1 / 3]);
  one.forEach((p, i) => {
    expect(two[i]).toBeCloseTo(p, 12);
  });
});

test("a good model's word saves people's answers at the same quality; a bad one's does no harm to it", async () => {
  const [none, good, bad] = [await labelled(undefined), await labelled(0.9), await labelled(0.25)];
  expect(good.answers).toBeLessThan(0.93 * none.answers);
  expect(good.right).toBeGreaterThanOrEqual(none.right - 0.005);
  expect(bad.right).toBeGreaterThanOrEqual(none.right - 0.015);
  // What it costs to find out is the inspection of its lots, in a campaign as small as this one.
  expect(bad.cost).toBeLessThan(1.2 * none.cost);
});

test("it is asked once for each pool image and all gold, never for the sealed test, and is paid for what passed", async () => {
  const world = await labelWorld({
    world: "memory",
    pictures: pictures(60, classes),
    agreement: { classes, vendors: [...people, model] },
    people: { pool: poolWith(1, 0.97) },
  });
  try {
    await world.run();
    const split = await readDocument(world.ports.objects, world.splitKey, Split);
    const { models, people: told } = await acceptedAnswers(world.ports, "camp", world.agreement);
    expect(models.map(({ image }) => image).sort()).toEqual([...split.pool, ...split.gold].sort());
    expect(told.every(({ vendor }) => vendor !== model.id)).toBe(true);
    expect(new Set(told.map(({ image }) => image)).size).toBe(60);
  } finally {
    await world.close();
  }
});

test("a campaign of models alone is refused, for nobody could tell how right they are", () => {
  expect(Campaign.safeParse({ name: "camp", classes, vendors: [model] }).error?.issues[0]?.message).toMatch(
    /^all vendors are models; .* name a vendor of kind people$/,
  );
});
