import { expect, test } from "vitest";
import { canonicalJson, canonicalPieces } from "../../schemas/canonical.ts";

test("the pieces of a value are its canonical text", () => {
  const values = [
    null,
    'a "quoted" 日本',
    1.5,
    true,
    [],
    {},
    [1, undefined, { b: 1, a: [] }],
    { z: [{ y: 2, x: [1, 2] }, null, "ü"], a: { c: [], b: undefined }, m: undefined, e: [], k: [[1], []], '"': 0 },
  ];
  for (const value of values) expect([...canonicalPieces(value)].join("")).toBe(canonicalJson(value));
});

test("a document of many items is never one text", () => {
  const items = Array.from({ length: 1000 }, (_, n) => ({ n }));
  const longest = Math.max(...[...canonicalPieces({ name: "made", items })].map((piece) => piece.length));
  expect(longest).toBeLessThan(20);
});

test("pieces refuse what JSON can't carry", () => {
  expect(() => [...canonicalPieces({ items: [Number.NaN] })]).toThrow("NaN can't be written as JSON");
  expect(() => [...canonicalPieces(undefined)]).toThrow("a undefined can't be written as JSON");
});
