import { expect, test } from "vitest";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { type PurchaseInput, planPurchases } from "../../domain/planner/plan.ts";
import { expectedGains, temperedSkill } from "../../domain/planner/value.ts";

const skill = (p: number) => Float64Array.of(p, 1 - p, 1 - p, p);

function plan(rows: number[][], answers: number[], more: Partial<PurchaseInput> = {}) {
  return planPurchases({
    classes: 2,
    images: {
      posterior: Float64Array.from(rows.flat()),
      answers: Int32Array.from(answers),
      cannotTell: new Int32Array(rows.length),
    },
    minAnswers: 1,
    maxAnswers: 7,
    skill: skill(0.8),
    pricePerAnswer: 0.03,
    targetAccuracy: 0.98,
    budgetLeft: 1000,
    goldAnchored: true,
    ...more,
  });
}

test("from an even start one answer gains .3, two gain no more, three gain .396", () => {
  const gains = expectedGains([0.5, 0.5], skill(0.8), 2, 3);
  // Three answers: right when at least two are, .8^3 + 3 x .8^2 x .2 = .896.
  for (const [m, gain] of [0, 0.3, 0.3, 0.396].entries()) expect(gains[m]).toBeCloseTo(gain, 12);
});

test("after one answer of skill .8 a second is worth exactly nothing, two more are worth something", () => {
  const gains = expectedGains([0.8, 0.2], skill(0.8), 2, 2);
  expect(gains[1]).toBeCloseTo(0, 12);
  // Both others contradict with .2 x .64 + .8 x .04 = .16; then the other class holds .128 of it: won .128 - .032.
  expect(gains[2]).toBeCloseTo(0.128 - 0.032, 12);
});

test("no model, equal workers, cheap labels: a second answer is bought although its own value is 0", () => {
  const { buy, decision } = plan([[0.8, 0.2]], [1], { pricePerAnswer: 0.001, lossPerError: 1 });
  expect([...buy]).toEqual([1]);
  expect(decision).toBe("buy");
});

test("nothing is bought where an error costs less than the answers that would mend it", () => {
  const result = plan([[0.8, 0.2]], [1], { pricePerAnswer: 1, lossPerError: 1 });
  expect(result).toMatchObject({ decision: "enough", predictedError: expect.closeTo(0.2, 12) });
  expect([...result.settled]).toEqual([1]);
});

test("gains never fall with more answers and never exceed what is missing, for ten classes too", () => {
  const ten = new Float64Array(100).fill(0.1 / 9);
  for (let k = 0; k < 10; k++) ten[k * 11] = 0.9;
  const posterior = [0.4, 0.3, 0.1, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02];
  const gains = expectedGains(posterior, ten, 10, 7);
  for (let m = 1; m <= 7; m++) expect(gains[m]!).toBeGreaterThanOrEqual(gains[m - 1]! - 1e-12);
  expect(gains[7]!).toBeLessThanOrEqual(0.6);
  expect(gains[7]!).toBeGreaterThan(0.4);
});

test("tempering makes an answer worth less, and temper 1 leaves it alone", () => {
  expect([...temperedSkill(skill(0.8), 2, 1)].map((p) => p.toFixed(12))).toEqual(
    [...skill(0.8)].map((p) => p.toFixed(12)),
  );
  expect(temperedSkill(skill(0.8), 2, 0.5)[0]).toBeCloseTo(2 / 3, 12); // sqrt(.8) : sqrt(.2) = 2 : 1
});

test("wave 0 buys the least number of answers for every image", () => {
  expect(
    [
      ...plan(
        [
          [0.5, 0.5],
          [0.5, 0.5],
          [0.9, 0.1],
        ],
        [0, 1, 2],
        { minAnswers: 2 },
      ).buy,
    ].slice(0, 2),
  ).toEqual([2, 1]);
});

test("before gold anchors skill nobody stops early, however sure the posterior looks", () => {
  const sure = [
    [0.9999, 0.0001],
    [0.9999, 0.0001],
    [0.9999, 0.0001],
  ];
  const { buy, decision, settled } = plan(sure, [2, 6, 7], { goldAnchored: false });
  expect([...buy]).toEqual([1, 1, 0]);
  expect(decision).toBe("buy");
  expect([...settled]).toEqual([0, 0, 1]);
});

test("the loss is solved so that the predicted error meets the target, at the least price", () => {
  const rows = Array.from({ length: 100 }, (_, i) => (i < 80 ? [0.995, 0.005] : [0.8, 0.2]));
  const answers = rows.map(() => 2);
  const loose = plan(rows, answers, { targetAccuracy: 0.95 });
  const tight = plan(rows, answers, { targetAccuracy: 0.98 });
  expect(loose.decision).toBe("enough"); // mean error now: (80 x .005 + 20 x .2) / 100 = .044
  expect(tight.predictedError).toBeCloseTo(0.044, 12);
  expect(tight.predictedErrorAfter).toBeLessThanOrEqual(0.02);
  expect([...tight.buy].filter((n) => n > 0)).toHaveLength(20);
});

test("a budget that can't pay all that is worth its price buys the best part, and says so once it is used up", () => {
  const rows = [
    [0.6, 0.4],
    [0.9, 0.1],
    [0.55, 0.45],
  ];
  const { buy, decision } = plan(rows, [2, 2, 2], { budgetLeft: 0.07, lossPerError: 100 });
  expect(decision).toBe("buy");
  expect([...buy]).toEqual([1, 0, 1]);
  expect(plan(rows, [2, 2, 2], { budgetLeft: 0.02, lossPerError: 100 })).toMatchObject({ decision: "over-budget" });
  // What every image must have is not thinned out: all of it or nothing.
  expect(plan(rows, [0, 0, 0], { budgetLeft: 0.07 })).toMatchObject({ decision: "over-budget" });
});

test("a budget that binds settles some images instead of giving one answer to each", () => {
  // A second answer alone can't flip .8 : .2 (its own value is 0); two can. Ten answers reach for five such images.
  const rows = Array.from({ length: 20 }, (_, i) => [0.8 - 0.001 * i, 0.2 + 0.001 * i]);
  const { buy, lossPerError } = plan(
    rows,
    rows.map(() => 1),
    { budgetLeft: 0.3, lossPerError: 100, wavesLeft: 1, maxAnswers: 3 },
  );
  expect(lossPerError).toBeLessThan(100);
  expect([...buy].filter((n) => n > 0)).toEqual([2, 2, 2, 2, 2]);
});

test('two times "cannot tell", or seven answers and still unsure, is for experts', () => {
  const rows = [
    [0.5, 0.5],
    [0.5, 0.5],
    [0.999, 0.001],
  ];
  const images = {
    posterior: Float64Array.from(rows.flat()),
    answers: Int32Array.of(2, 7, 7),
    cannotTell: Int32Array.of(2, 0, 0),
  };
  const { expertQueue, buy, settled } = plan(rows, [2, 7, 7], { images, lossPerError: 10 });
  expect([...expertQueue]).toEqual([0, 1]);
  expect([...buy]).toEqual([0, 0, 0]);
  expect([...settled]).toEqual([0, 0, 1]);
});

test("few waves left buy more at a time", () => {
  const rows = [[0.5, 0.5]];
  const one = plan(rows, [2], { lossPerError: 100 });
  const last = plan(rows, [2], { lossPerError: 100, wavesLeft: 1 });
  expect(one.buy[0]).toBe(1);
  expect(last.buy[0]).toBe(5);
});

test("what stays wrong however many agree is predicted for answered images, and nothing is bought against it", () => {
  const rows = [
    [1, 0],
    [1, 0],
  ];
  const images = {
    posterior: Float64Array.from(rows.flat()),
    answers: Int32Array.of(3, 0),
    cannotTell: new Int32Array(2),
  };
  const result = plan(rows, [], { images, minAnswers: 0, residualError: 0.02, targetAccuracy: 0.98 });
  expect(result.predictedError).toBeCloseTo(0.01, 12); // 2 % of the answered half
  expect([...result.buy]).toEqual([0, 0]);
});

test("no images are enough; amounts that make no sense are refused with their value", () => {
  expect(plan([], [])).toMatchObject({ decision: "enough", predictedError: 0 });
  expect(() => plan([[0.5, 0.5]], [0], { budgetLeft: -1 })).toThrow("budgetLeft -1");
  expect(() => plan([[0.5, 0.5]], [0], { minAnswers: 9 })).toThrow("minAnswers 9");
  expect(() => plan([[0.5, 0.5]], [0], { skill: new Float64Array(9) })).toThrow("skill has 9 values");
});

test("a wave is bought only where all of it saves more than waiting for it costs; what every image must have is always", () => {
  const rows = [
    [0.5, 0.5],
    [0.6, 0.4],
  ];
  const free = plan(rows, [1, 1], { lossPerError: 10 });
  expect(free.decision).toBe("buy");
  const surplus = (gain: number, m: number) => 10 * gain - 0.03 * m;
  const most = (row: number[]) =>
    Math.max(...Array.from(expectedGains(row, skill(0.8), 2, 6), (gain, m) => surplus(gain, m)));
  const saved = rows.reduce((sum, row) => sum + most(row), 0);
  // Bought one by one, so what this wave saves is less than what all waves would.
  expect(plan(rows, [1, 1], { lossPerError: 10, wavesLeft: 1, wavePrice: saved - 0.01 }).decision).toBe("buy");
  const dear = plan(rows, [1, 1], { lossPerError: 10, wavesLeft: 1, wavePrice: saved + 0.01 });
  expect(dear).toMatchObject({ decision: "enough", predictedError: 0.45, predictedErrorAfter: 0.45 });
  expect([...dear.settled]).toEqual([1, 1]);
  expect(plan(rows, [0, 1], { lossPerError: 10, wavePrice: 1e6 }).buy[0]).toBe(1);
});

test("an image that two people settled is bought again once gold exposes them as guessing", () => {
  // Image 0 has the answers of workers 0 and 1 alone. On 8 gold images they are right by luck, on 24 later ones by half.
  const fitted = (gold: number) => {
    const said = [
      [0, 0, 1],
      [0, 1, 1],
    ];
    for (let t = 1; t <= gold; t++)
      for (let w = 0; w < 6; w++) said.push([t, w, w < 2 && t > 8 && t % 2 === w ? 1 - (t % 2) : t % 2]);
    const column = (i: number) => Int32Array.from(said, (row) => row[i]!);
    const fit = fitConsensus({
      classes: 2,
      tasks: 33,
      workers: 6,
      task: column(0),
      worker: column(1),
      label: column(2),
      gold: Int32Array.from({ length: 33 }, (_, t) => (t === 0 || t > gold ? -1 : t % 2)),
      method: "dawid-skene",
    });
    return plan([[...fit.posterior.subarray(0, 2)]], [2], { lossPerError: 1, skill: skill(0.9) });
  };
  expect(fitted(8)).toMatchObject({ decision: "enough", settled: Uint8Array.of(1) });
  const exposed = fitted(32);
  expect(exposed.buy[0]).toBeGreaterThan(0);
  expect([...exposed.settled]).toEqual([0]);
});
