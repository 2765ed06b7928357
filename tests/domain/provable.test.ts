import { expect, test } from "vitest";
import { independentImages, leastImagesToProve } from "../../domain/gates/provable.ts";

test("381 images without a difference prove a loss below one point, 380 don't", () => {
  // z² / (n + z²) with z² = 3.8415 (Tango 1998, no discordant pair).
  expect(leastImagesToProve(0.01)).toBe(381);
  expect(3.8415 / (381 + 3.8415)).toBeLessThan(0.01);
  expect(3.8415 / (380 + 3.8415)).toBeGreaterThan(0.01);
  expect(leastImagesToProve(0.05)).toBe(73);
});

test("images alone count one each, a group of copies as one, none as none", () => {
  expect(independentImages(["a", "b", "c"])).toBe(3);
  expect(independentImages(["a", "a", "a"])).toBe(1);
  // (2 + 1)² / (4 + 1)
  expect(independentImages(["a", "a", "b"])).toBeCloseTo(1.8);
  expect(independentImages([])).toBe(0);
});
