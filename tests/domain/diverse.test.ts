import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { diverseImages } from "../../domain/planner/diverse.ts";

/** 90 points at 0, and one each at ten places far apart. */
function lopsided(): Float32Array {
  const random = chance("points");
  return Float32Array.from({ length: 200 }, (_, i) =>
    i < 180 ? 0.01 * random.normal() : 10 * ((i >> 1) - 89) * (i % 2 === 0 ? 1 : 0),
  );
}

test("rare kinds of images come before more of the common kind", () => {
  const chosen = [...diverseImages(lopsided(), 2, 11, 1)];
  expect(chosen.filter((i) => i >= 90)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
});

test("is the same for the same seed, as many as wanted, each once, and all where more are wanted than there are", () => {
  const vectors = lopsided();
  expect(diverseImages(vectors, 2, 40, 3)).toEqual(diverseImages(vectors, 2, 40, 3));
  expect(new Set(diverseImages(vectors, 2, 40, 3)).size).toBe(40);
  expect(diverseImages(vectors, 2, 500, 3).length).toBe(100);
  expect(diverseImages(new Float32Array(20), 2, 7, 3).length).toBe(7);
});

test("refuses numbers that are no rows", () => {
  expect(() => diverseImages(new Float32Array(5), 2, 1, 1)).toThrow("5 numbers are no rows of 2");
});
