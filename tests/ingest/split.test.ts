import fc from "fast-check";
import { expect, test } from "vitest";
import { drawTestSet, type GroupedImage } from "../../domain/split/draw.ts";
import { groupedFolds, splitTrainValidation } from "../../domain/split/folds.ts";
import { rank, shuffled } from "../../domain/split/rank.ts";

const POLICY = { testShare: 0.15, goldShare: 0.04, seed: 7 };
const singles = (n: number, prefix = "i"): GroupedImage[] =>
  Array.from({ length: n }, (_, i) => ({ sha256: `${prefix}${i}`, group: `${prefix}${i}` }));
const images = fc
  .uniqueArray(fc.stringMatching(/^[0-9a-f]{4,8}$/), { minLength: 1, maxLength: 80 })
  .chain((ids) =>
    fc
      .array(fc.nat(25), { minLength: ids.length, maxLength: ids.length })
      .map((g) => ids.map((sha256, i) => ({ sha256, group: `g${g[i]}` }))),
  );

test("ranks are spread evenly, differ by seed and purpose, and repeat", () => {
  const ranks = Array.from({ length: 10_000 }, (_, i) => rank(1, "test", `image-${i}`));
  const deciles = new Array(10).fill(0);
  for (const r of ranks) deciles[Math.floor(r * 10)] += 1;
  // 1000 expected each, standard deviation 30.
  for (const n of deciles) expect(Math.abs(n - 1000)).toBeLessThan(150);
  expect(rank(1, "test", "x")).toBe(rank(1, "test", "x"));
  expect(new Set([rank(1, "test", "x"), rank(2, "test", "x"), rank(1, "gold", "x")]).size).toBe(3);
});

test("1000 single images give 150 test and 40 gold", () => {
  const draw = drawTestSet(singles(1000), POLICY);
  expect([draw.test.length, draw.gold.length, draw.pool.length, draw.withheld.length]).toEqual([150, 40, 810, 0]);
});

test("gold is never more than 5 %, and one where there are 20", () => {
  expect(drawTestSet(singles(20), { ...POLICY, goldShare: 0.01 }).gold).toHaveLength(1);
  expect(drawTestSet(singles(19), POLICY).gold).toHaveLength(0);
  expect(drawTestSet(singles(100), { ...POLICY, goldShare: 0.9 }).gold).toHaveLength(5);
  expect(drawTestSet(singles(100), { ...POLICY, goldShare: 0 }).gold).toHaveLength(0);
});

test("every image is in exactly one list, groups stay whole on the test side, order does not matter", () => {
  fc.assert(
    fc.property(images, fc.nat(1000), (list, seed) => {
      const draw = drawTestSet(list, { ...POLICY, seed });
      const all = [...draw.test, ...draw.gold, ...draw.pool, ...draw.withheld];
      expect(all.sort()).toEqual(list.map((i) => i.sha256).sort());
      const test = new Set(draw.test);
      for (const a of list)
        for (const b of list) if (a.group === b.group) expect(test.has(a.sha256)).toBe(test.has(b.sha256));
      expect(drawTestSet([...list].reverse(), { ...POLICY, seed })).toEqual(draw);
      const golden = list.filter((i) => draw.gold.includes(i.sha256)).map((i) => i.group);
      expect(new Set(golden).size).toBe(golden.length);
    }),
  );
});

test("what an earlier cycle drew stays, whatever arrives", () => {
  fc.assert(
    fc.property(images, fc.double({ min: 0, max: 1, noNaN: true }), (list, cut) => {
      const before = list.slice(0, Math.floor(list.length * cut));
      const first = drawTestSet(before, POLICY);
      const second = drawTestSet(list, POLICY, first);
      for (const side of ["test", "gold", "pool", "withheld"] as const) {
        const old = new Set(before.map((i) => i.sha256));
        expect(second[side].filter((s) => old.has(s))).toEqual(first[side]);
      }
    }),
  );
});

test("a newcomer joins the side of its twin, and one that bridges both sides is withheld", () => {
  const earlier = { test: ["t"], gold: ["g"], pool: ["p", "q"], withheld: [] };
  const list = [
    { sha256: "t", group: "1" },
    { sha256: "new-t", group: "1" },
    { sha256: "p", group: "2" },
    { sha256: "new-p", group: "2" },
    { sha256: "g", group: "3" },
    { sha256: "q", group: "4" },
  ];
  expect(drawTestSet(list, POLICY, earlier)).toEqual({
    test: ["new-t", "t"],
    gold: ["g"],
    pool: ["new-p", "p", "q"],
    withheld: [],
  });
  const bridged = list.map((i) => ({ ...i, group: i.group === "2" ? "1" : i.group }));
  expect(drawTestSet(bridged, POLICY, earlier)).toEqual({
    test: ["t"],
    gold: ["g"],
    pool: ["p", "q"],
    withheld: ["new-p", "new-t"],
  });
});

test("no images give an empty draw", () => {
  expect(drawTestSet([], POLICY)).toEqual({ test: [], gold: [], pool: [], withheld: [] });
});

const labelled = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    sha256: `s${String(i).padStart(4, "0")}`,
    group: `g${Math.floor(i / 2)}`,
    label: i % 10 < 8 ? "common" : "rare",
  }));

test("validation gets its share of every label, by whole groups", () => {
  const list = labelled(200);
  const { train, validation } = splitTrainValidation({ images: list, share: 0.2, seed: 3 });
  expect(train.length + validation.length).toBe(200);
  const inValidation = new Set(validation);
  expect(list.filter((i) => i.label === "rare" && inValidation.has(i.sha256))).toHaveLength(8);
  expect(list.filter((i) => i.label === "common" && inValidation.has(i.sha256))).toHaveLength(32);
  for (const a of list)
    for (const b of list) if (a.group === b.group) expect(inValidation.has(a.sha256)).toBe(inValidation.has(b.sha256));
  expect(splitTrainValidation({ images: shuffled(list, 9, "order", (i) => i.sha256), share: 0.2, seed: 3 })).toEqual({
    train,
    validation,
  });
});

test("a label with one group stays in train", () => {
  const { validation } = splitTrainValidation({
    images: [{ sha256: "a", group: "g", label: "only" }],
    share: 0.5,
    seed: 1,
  });
  expect(validation).toEqual([]);
});

test("folds hold whole groups and spread each label evenly", () => {
  const list = labelled(200);
  const folds = groupedFolds(list, 5, 1);
  for (const label of ["common", "rare"]) {
    const sizes = [0, 1, 2, 3, 4].map((f) => list.filter((i) => i.label === label && folds.get(i.sha256) === f).length);
    expect(new Set(sizes)).toEqual(new Set([label === "common" ? 32 : 8]));
  }
  for (const a of list)
    for (const b of list) if (a.group === b.group) expect(folds.get(a.sha256)).toBe(folds.get(b.sha256));
  expect(() => groupedFolds(list, 1, 1)).toThrow("1 folds: at least 2 are needed");
});
