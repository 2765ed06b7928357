import { expect, test } from "vitest";
import { clopperPearson, upperBound, wilson } from "../../domain/intervals.ts";
import {
  binomialCdf,
  hypergeometricCdf,
  incompleteBeta,
  logGamma,
  normalCdf,
  normalQuantile,
} from "../../domain/probability.ts";

test("Wilson's interval of 8 in 10 is [.4902, .9433]", () => {
  const { value, low, high } = wilson(8, 10);
  expect(value).toBe(0.8);
  expect(low).toBeCloseTo(0.4902, 4);
  expect(high).toBeCloseTo(0.9433, 4);
});

test("no observations leave everything open", () => {
  expect(wilson(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
  expect(clopperPearson(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
  expect(upperBound(0, 0)).toBe(1);
});

test("all right ends at exactly 1, none right at exactly 0", () => {
  expect(wilson(10, 10).high).toBe(1);
  expect(wilson(0, 10).low).toBe(0);
});

test("the exact interval of 0 in 10 ends at 1 - .025^(1/10)", () => {
  expect(clopperPearson(0, 10).high).toBeCloseTo(1 - 0.025 ** 0.1, 10);
  expect(clopperPearson(10, 10).low).toBeCloseTo(0.025 ** 0.1, 10);
});

test("the upper bound of 0 in 59 is just below 5 % (1 - .05^(1/59))", () => {
  expect(upperBound(0, 59)).toBeCloseTo(1 - 0.05 ** (1 / 59), 10);
});

test("impossible counts are refused", () => {
  expect(() => wilson(11, 10)).toThrow("11 of 10");
  expect(() => clopperPearson(-1, 10)).toThrow("-1 of 10");
});

test("normal, gamma, binomial, hypergeometric and beta agree with their tables", () => {
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 9);
  expect(normalQuantile(1e-6)).toBeCloseTo(-4.753424308823, 7);
  expect(normalCdf(1.96)).toBeCloseTo(0.9750021048517795, 12);
  expect(normalCdf(-5)).toBeCloseTo(2.866515719235352e-7, 15);
  expect(logGamma(5)).toBeCloseTo(Math.log(24), 12);
  expect(binomialCdf(2, 4, 0.5)).toBeCloseTo(11 / 16, 12);
  // 5 drawn of 10 with 2 bad: none bad in C(8,5) / C(10,5) = 56 / 252 of the draws.
  expect(hypergeometricCdf(0, 5, 2, 10)).toBeCloseTo(56 / 252, 12);
  expect(incompleteBeta(0.5, 2, 2)).toBeCloseTo(0.5, 12);
});
