import { expect, test } from "vitest";
import { judgeAudit } from "../../domain/planner/audit.ts";
import { accuracyPerWrongLabel, extrapolate, worthMoreLabels } from "../../domain/planner/learning-curve.ts";

/** error(n) = .05 + 2 n^-.5: .25 at 100, .15 at 400, .1 at 1600. */
const curve = [100, 200, 400, 800, 1600].map((labelled) => ({
  labelled,
  accuracy: 0.95 - 2 * labelled ** -0.5,
  heldOut: 5000,
}));

test("an exact power law is found again and continued", () => {
  const { accuracy, low, high, floor, rate } = extrapolate(curve, 6400);
  expect(rate).toBeCloseTo(0.5, 6);
  expect(floor).toBeCloseTo(0.05, 6);
  expect(accuracy).toBeCloseTo(0.95 - 2 / 80, 6);
  expect(low).toBeLessThan(accuracy);
  expect(high).toBeGreaterThan(accuracy);
});

test("labels are bought where their points pay, and not on a flat curve", () => {
  expect(worthMoreLabels(curve, { labels: 1600, price: 50, valuePerPoint: 500 }).decision).toBe("buy"); // about 1.5 points
  const flat = curve.map((point) => ({ ...point, accuracy: 0.9 }));
  expect(worthMoreLabels(flat, { labels: 1600, price: 5000, valuePerPoint: 100 }).decision).toBe("stop");
  expect(worthMoreLabels(flat, { labels: 1600, price: 5000, valuePerPoint: 100 }).gain).toBeCloseTo(0, 6);
});

test("a wrong label costs what two and more labelled images bring, more where many are wrong, and nothing on a flat curve", () => {
  const perImage = (1 / 160) * (extrapolate(curve, 1760).accuracy - extrapolate(curve, 1600).accuracy);
  const clean = accuracyPerWrongLabel(curve, { wrong: 0, classes: 5 });
  expect(clean / perImage).toBeGreaterThanOrEqual(2.5 - 1e-9); // 2 x 5 / 4, at the curve's steeper end
  expect(clean / perImage).toBeLessThan(4);
  expect(accuracyPerWrongLabel(curve, { wrong: 0.16, classes: 5 }) / clean).toBeCloseTo(1 / (1 - 1.25 * 0.16), 9);
  expect(accuracyPerWrongLabel(curve, { wrong: 0.8, classes: 5 })).toBe(0);
  const flat = curve.map((point) => ({ ...point, accuracy: 0.9, heldOut: 1e9 }));
  expect(accuracyPerWrongLabel(flat, { wrong: 0.1, classes: 5 })).toBeLessThan(1e-6);
});

test("two sizes are no curve", () => {
  expect(() => extrapolate(curve.slice(0, 2), 1000)).toThrow("three sizes");
});

test("an audit that finds what was predicted is fine, ten times as much is not, nothing audited says nothing", () => {
  const found = (wrong: number, n: number) =>
    judgeAudit(Array.from({ length: n }, (_, i) => ({ predictedError: 0.02, wrong: i < wrong })));
  expect(found(2, 100)).toMatchObject({ observedOverPredicted: expect.closeTo(1, 9), outcome: "as-predicted" });
  expect(found(20, 100).outcome).toBe("recalibrate");
  expect(found(0, 1000).outcome).toBe("recalibrate"); // 20 were predicted
  expect(found(0, 0)).toMatchObject({ n: 0, outcome: "as-predicted", observedOverPredicted: null });
});
