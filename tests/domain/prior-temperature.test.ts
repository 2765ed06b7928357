import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { logPrior, priorExponent } from "../../domain/consensus/prior-temperature.ts";

/** 400 images of 2 classes: the model says .97 for its class and is right 82 % of the time (.97 ^ .44 is about .82). */
function tooSure() {
  const random = chance("too sure");
  const truth = Int32Array.from({ length: 400 }, () => random.below(2));
  const probabilities = Float64Array.from({ length: 800 }, () => 0.03);
  truth.forEach((t, i) => {
    probabilities[2 * i + (random.uniform() < 0.82 ? t : 1 - t)] = 0.97;
  });
  return { classes: 2, probabilities, truth };
}

test("gold brings a model that is too sure back to what it earns", () => {
  const { truth, ...model } = tooSure();
  const exponent = priorExponent({
    ...model,
    likelihood: new Float64Array(800).fill(0.5),
    answers: new Int32Array(400),
    gold: truth,
  });
  expect(exponent).toBeGreaterThanOrEqual(0.4);
  expect(exponent).toBeLessThanOrEqual(0.5);
});

test("human answers do the same without gold", () => {
  const { truth, ...model } = tooSure();
  const likelihood = Float64Array.from({ length: 800 }, (_, i) => (truth[i >> 1] === i % 2 ? 0.95 : 0.05));
  const exponent = priorExponent({
    ...model,
    likelihood,
    answers: new Int32Array(400).fill(1),
    gold: new Int32Array(400).fill(-1),
  });
  expect(exponent).toBeGreaterThanOrEqual(0.3);
  expect(exponent).toBeLessThanOrEqual(0.6);
});

test("where nothing is known the model is taken at its word", () => {
  const { truth: _, ...model } = tooSure();
  const nothing = {
    likelihood: new Float64Array(800).fill(0.5),
    answers: new Int32Array(400),
    gold: new Int32Array(400).fill(-1),
  };
  expect(priorExponent({ ...model, ...nothing })).toBe(1);
});

test("a log prior's rows are probabilities; the square root of .9 : .1 is 3 : 1", () => {
  const prior = logPrior(Float64Array.of(0.9, 0.1, 1, 0), 2, 0.5);
  expect(Math.exp(prior[0]!)).toBeCloseTo(0.75, 12);
  expect(Math.exp(prior[2]!) + Math.exp(prior[3]!)).toBeCloseTo(1, 12);
  expect(Number.isFinite(prior[3]!)).toBe(true);
});
