import { expect, test } from "vitest";
import { chance, hash32 } from "../../domain/chance.ts";

test("the same seed gives the same numbers, another seed gives others", () => {
  const draw = (seed: string | number) =>
    Array.from(
      { length: 5 },
      (
        (c) => () =>
          c.uniform()
      )(chance(seed)),
    );
  expect(draw("a")).toEqual(draw("a"));
  expect(draw("a")).not.toEqual(draw("b"));
  expect(draw(1)).toEqual(draw("1"));
});

test("the hash is pinned, for seeds are written in campaigns", () => {
  expect([hash32(""), hash32("a"), hash32("ä")]).toMatchInlineSnapshot(`
    [
      2872998923,
      2448022055,
      315228419,
    ]
  `);
  const c = chance("countersign");
  expect([c.below(1000), c.below(1000), c.below(1000)]).toMatchInlineSnapshot(`
    [
      24,
      812,
      246,
    ]
  `);
});

test("integers below 6 are even: 60,000 throws give a chi-square below its 99.9 % point (20.5)", () => {
  const c = chance(7);
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 60_000; i++) {
    const face = c.below(6);
    counts[face] = (counts[face] ?? 0) + 1;
  }
  const chiSquare = counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(20.5);
});

test("a shuffle keeps every item and leaves its input alone; a sample has different items", () => {
  const items = Object.freeze([1, 2, 3, 4, 5, 6, 7, 8]);
  const c = chance("s");
  expect(c.shuffle(items).sort()).toEqual(items);
  expect(new Set(c.sample(items, 5)).size).toBe(5);
  expect(c.sample(items, 99)).toHaveLength(8);
  expect(c.sample(items, 0)).toEqual([]);
});

test("normal, gamma, beta have their means and variances within 5 standard errors of 20,000 draws", () => {
  const c = chance("moments");
  const moments = (draw: () => number) => {
    const x = Array.from({ length: 20_000 }, draw);
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    return { mean, variance: x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length };
  };
  const n = moments(() => c.normal());
  expect(Math.abs(n.mean)).toBeLessThan(0.036);
  expect(Math.abs(n.variance - 1)).toBeLessThan(0.05);
  const g = moments(() => c.gamma(0.5));
  expect(Math.abs(g.mean - 0.5)).toBeLessThan(0.026);
  const b = moments(() => c.beta(8, 2));
  expect(Math.abs(b.mean - 0.8)).toBeLessThan(0.0043);
});

test("weights steer the draw; impossible arguments are refused with the value", () => {
  const c = chance("w");
  for (let i = 0; i < 100; i++) expect(c.weighted([0, 1, 0])).toBe(1);
  expect(() => c.weighted([0, 0])).toThrow("sum to 0");
  expect(() => c.below(0)).toThrow("below(0)");
  expect(() => c.below(1.5)).toThrow("below(1.5)");
});
