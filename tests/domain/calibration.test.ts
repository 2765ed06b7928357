import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { AT_ITS_WORD, calibrate, logPrior } from "../../domain/model-prior/calibration.ts";

const IMAGES = 3000;

/** Three classes; the model says p and is right with the chance that `earns` gives it. */
function model(earns: (p: number) => number) {
  const random = chance("a model");
  const truth = Int32Array.from({ length: IMAGES }, () => random.below(3));
  const probabilities = new Float64Array(3 * IMAGES);
  truth.forEach((t, i) => {
    const p = 1 - 0.6 * random.uniform() ** 4;
    const top = random.uniform() < earns(p) ? t : (t + 1 + random.below(2)) % 3;
    for (let k = 0; k < 3; k++) probabilities[3 * i + k] = k === top ? p : (1 - p) / 2;
  });
  return { classes: 3, probabilities, truth };
}

const nobody = () => ({
  likelihood: new Float64Array(3 * IMAGES).fill(1 / 3),
  answers: new Int32Array(IMAGES),
  gold: new Int32Array(IMAGES).fill(-1),
});

/** Errs three times as often as it says, however sure. */
const tripled = (p: number) => 1 - Math.min(0.6, 3 * (1 - p));
const believed = (p: number, calibration: Parameters<typeof logPrior>[2]) =>
  Math.exp(logPrior(Float64Array.of(p, (1 - p) / 2, (1 - p) / 2), 3, calibration)[0]!);

test("gold brings a model that errs three times as often as it says to what it earns, in the middle and at the sure end", () => {
  const { truth, ...said } = model(tripled);
  const calibration = calibrate({ ...said, ...nobody(), gold: truth });
  expect(1 - believed(0.9, calibration)).toBeGreaterThan(0.22);
  expect(1 - believed(0.9, calibration)).toBeLessThan(0.4);
  for (const p of [0.99, 0.998]) {
    const ratio = (1 - believed(p, calibration)) / (3 * (1 - p));
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.7);
  }
});

test("people asked about the unsure images alone tell of the sure ones too", () => {
  const { truth, probabilities } = model(tripled);
  const { likelihood, answers, gold } = nobody();
  const random = chance("people");
  truth.forEach((t, i) => {
    if (Math.max(...probabilities.subarray(3 * i, 3 * i + 3)) > 0.97) return;
    answers[i] = 1;
    const label = random.uniform() < 0.95 ? t : (t + 1) % 3;
    for (let k = 0; k < 3; k++) likelihood[3 * i + k] = k === label ? 0.95 : 0.025;
  });
  const calibration = calibrate({ classes: 3, probabilities, likelihood, answers, gold });
  expect(1 - believed(0.9, calibration)).toBeGreaterThan(0.22);
  expect(1 - believed(0.9, calibration)).toBeLessThan(0.4);
  const ratio = (1 - believed(0.99, calibration)) / 0.03;
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2.5);
});

test("a model that is least to be believed where it is unsure keeps its slope where it is sure and nobody is asked", () => {
  // Right with odds of .5 + o / 4.5: at p = .9 it errs in 29 % instead of 10 %, at .9999 in .045 % instead of .01 %.
  const earned = (p: number) => 0.5 + p / (1 - p) / 4.5;
  const random = chance("sure");
  const { likelihood, answers, gold } = nobody();
  const probabilities = new Float64Array(3 * IMAGES);
  for (let i = 0; i < IMAGES; i++) {
    const p = 1 / (1 + Math.exp(-0.5 - 9 * random.uniform()));
    for (let k = 0; k < 3; k++) probabilities[3 * i + k] = k === 0 ? p : (1 - p) / 2;
    if (p > 0.998) continue;
    answers[i] = 1;
    const truth = random.uniform() < earned(p) / (1 + earned(p)) ? 0 : 1 + random.below(2);
    const label = random.uniform() < 0.92 ? truth : (truth + 1 + random.below(2)) % 3;
    for (let k = 0; k < 3; k++) likelihood[3 * i + k] = k === label ? 0.92 : 0.04;
  }
  const calibration = calibrate({ classes: 3, probabilities, likelihood, answers, gold });
  for (const p of [0.9, 0.99, 0.999, 0.9999]) {
    const ratio = (1 - believed(p, calibration)) * (1 + earned(p));
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(2);
  }
});

test("an honest model is left alone", () => {
  const { truth, ...said } = model((p) => p);
  const calibration = calibrate({ ...said, ...nobody(), gold: truth });
  for (const p of [0.6, 0.9, 0.99]) expect((1 - believed(p, calibration)) / (1 - p)).toBeCloseTo(1, 0);
});

test("where nothing is known the model is at its word, and its word stays as it is", () => {
  const { truth: _, ...said } = model((p) => p);
  const calibration = calibrate({ ...said, ...nobody() });
  expect(calibration).toBe(AT_ITS_WORD);
  const prior = logPrior(said.probabilities, 3, calibration);
  prior.forEach((log, i) => {
    expect(Math.exp(log)).toBeCloseTo(said.probabilities[i]!, 9);
  });
  const uneven = logPrior(Float64Array.of(0.7, 0.25, 0.05), 3, calibration);
  expect([...uneven].map(Math.exp)).toEqual([0.7, 0.25, 0.05].map((p) => expect.closeTo(p, 9)));
});

test("what is less certain of the calibration is believed less, and the likeliest class stays the likeliest", () => {
  const known = AT_ITS_WORD;
  const doubted = { ...known, doubt: Float64Array.of(0.01, 0, 0, 0, 0.04, 0, 0, 0, 0.04) };
  expect(1 - believed(0.99, doubted)).toBeGreaterThan(1 - believed(0.99, known));
  const row = logPrior(Float64Array.of(0.4, 0.38, 0.22), 3, { ...AT_ITS_WORD, power: 0.2, discount: 6 });
  expect(row[0]).toBeGreaterThanOrEqual(row[1]!);
  expect([...row].reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 12);
});

test("certainty of 0 and 1 is no infinity", () => {
  const prior = logPrior(Float64Array.of(1, 0), 2, AT_ITS_WORD);
  expect(Math.exp(prior[0]!) + Math.exp(prior[1]!)).toBeCloseTo(1, 9);
  expect(Number.isFinite(prior[1]!)).toBe(true);
});
