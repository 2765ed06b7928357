import { expect, test } from "vitest";
import { cohensKappa } from "../../domain/agreement/cohen.ts";
import { fleissKappa } from "../../domain/agreement/fleiss.ts";
import { krippendorffsAlpha } from "../../domain/agreement/krippendorff.ts";
import { goldScores } from "../../domain/annotators/gold-score.ts";
import { sharedText } from "./shared.ts";

const text = sharedText("oracles/qc_agreement_oracles.json");
const oracle = text === undefined ? undefined : JSON.parse(text);
const cifar = sharedText("data/crowd/cifar10h/images.csv");

test("Cohen's kappa of [[20, 5], [10, 15]] is .4: observed .7, by chance .5", () => {
  const kappa = cohensKappa([
    [20, 5],
    [10, 15],
  ])!;
  expect(kappa.value).toBeCloseTo(0.4, 12);
  // By hand: A = .10972, B = .10188, C = .01; sqrt(.2016 / 50) / .5 = .1270.
  expect((kappa.high - kappa.low) / 2 / 1.959964).toBeCloseTo(0.127, 4);
});

test("Fleiss' kappa of two raters who always agree on two classes is 1, and always disagree -1", () => {
  expect(
    fleissKappa([
      [2, 0],
      [0, 2],
    ])?.value,
  ).toBe(1);
  expect(
    fleissKappa([
      [1, 1],
      [1, 1],
    ])?.value,
  ).toBe(-1);
});

test("Krippendorff's alpha of his own nominal example is .743", () => {
  const ratings = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, null, null, null],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, null, 3],
    [null, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, null],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, null],
  ];
  const counts = Array.from({ length: 12 }, (_, unit) =>
    [1, 2, 3, 4, 5].map((k) => ratings.filter((row) => row[unit] === k).length),
  );
  const alpha = krippendorffsAlpha(counts)!;
  expect(alpha.value).toBeCloseTo(0.743421052631579, 12);
  expect(alpha.low).toBeLessThan(alpha.value);
  expect(alpha.high).toBeGreaterThan(alpha.value);
});

test.runIf(oracle !== undefined)("all three agree with their oracles to four decimals", () => {
  expect(cohensKappa(oracle.cohen.matrix)!.value).toBeCloseTo(oracle.cohen.kappa, 6);
  expect(fleissKappa(oracle.fleiss.counts)!.value).toBeCloseTo(oracle.fleiss.kappa, 6);
});

test.runIf(oracle !== undefined && cifar !== undefined)(
  "alpha of the CIFAR-10H answers agrees with its oracle to four decimals on the images at hand",
  () => {
    const rows = cifar!
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(",").slice(2, 12).map(Number));
    const alpha = krippendorffsAlpha(rows, 1, 20)!;
    // The oracle stands for all 10,000 images, the file holds 5,000 of them: they differ by sampling, about .002.
    expect(Math.abs(alpha.value - oracle.cifar10h_alpha_nominal)).toBeLessThan(0.005);
  },
);

test("nothing rated, one class only, or one rating per item has no value", () => {
  expect(
    cohensKappa([
      [0, 0],
      [0, 0],
    ]),
  ).toBeUndefined();
  expect(
    cohensKappa([
      [9, 0],
      [0, 0],
    ]),
  ).toBeUndefined();
  expect(fleissKappa([])).toBeUndefined();
  expect(
    fleissKappa([
      [1, 0],
      [0, 1],
    ]),
  ).toBeUndefined();
  expect(
    krippendorffsAlpha([
      [1, 0],
      [0, 1],
    ]),
  ).toBeUndefined();
  expect(
    krippendorffsAlpha([
      [2, 0],
      [2, 0],
    ]),
  ).toBeUndefined();
});

test("unequal numbers of ratings and negative counts are refused", () => {
  expect(() =>
    fleissKappa([
      [2, 0],
      [1, 0],
    ]),
  ).toThrow("item 1 has 1 ratings");
  expect(() =>
    cohensKappa([
      [-1, 0],
      [0, 1],
    ]),
  ).toThrow("cell 0, 0 holds -1");
});

test('gold: right over n with Wilson\'s interval; "cannot tell" is not right', () => {
  const answers = Array.from({ length: 10 }, (_, i) => ({
    annotator: "ann",
    said: i < 8 ? "rose" : null,
    truth: "rose",
  }));
  const [ann] = goldScores(answers);
  expect(ann).toMatchObject({ annotator: "ann", n: 10, right: 8 });
  expect(ann!.accuracy.low).toBeCloseTo(0.4902, 4);
  expect(goldScores([])).toEqual([]);
});
