import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { compareWithReference, type Said } from "../../domain/drift/compare.ts";

/** So many images of two classes; some get no sure answer, distances are uniform up to `reach`. */
function said(count: number, seed: string, change: { crack?: number; abstain?: number; reach?: number } = {}): Said[] {
  const { crack = 0.3, abstain = 0.05, reach = 0.4 } = change;
  const random = chance(seed);
  return Array.from({ length: count }, () => ({
    label: random.uniform() < crack ? "crack" : "ok",
    abstained: random.uniform() < abstain,
    noveltyDistance: random.uniform() * reach,
  }));
}
const drifted = (reference: Said[], recent: Said[]) =>
  compareWithReference(reference, recent, "s")
    .tests.filter((one) => one.drifted)
    .map(({ name }) => name);

test("requests like the sealed test are steady", () => {
  expect(compareWithReference(said(300, "a"), said(200, "b"), "s").outcome).toBe("steady");
});

test.each([
  ["another class mix", { crack: 0.6 }, "class-mix"],
  ["more abstentions", { abstain: 0.25 }, "abstentions"],
  ["images far from all training images", { reach: 0.6 }, "novelty"],
] as const)("%s is drift, and nothing else is", (_, change, name) => {
  expect(drifted(said(300, "a"), said(200, "b", change))).toEqual([name]);
});

test("fewer abstentions and nearer images need nobody", () => {
  expect(drifted(said(300, "a", { abstain: 0.3 }), said(200, "b", { reach: 0.2 }))).toEqual([]);
});

test("too few requests tell nothing, whatever they show", () => {
  expect(compareWithReference(said(300, "a"), said(49, "b", { crack: 1 }), "s")).toMatchObject({
    outcome: "too-few",
    tests: [],
  });
});

test("a small difference among very many requests is not worth a person's time", () => {
  expect(drifted(said(2000, "a"), said(2000, "b", { crack: 0.36 }))).toEqual([]);
});

test("models without distances are compared by the rest", () => {
  const without = (side: Said[]) => side.map((one) => ({ ...one, noveltyDistance: null }));
  const { tests } = compareWithReference(without(said(100, "a")), without(said(100, "b")), "s");
  expect(tests.map(({ name }) => name)).toEqual(["class-mix", "abstentions"]);
});

test("of forty quiet looks hardly one is wrong", () => {
  const wrong = Array.from({ length: 40 }, (_, i) => drifted(said(200, `r${i}`), said(100, `q${i}`))).filter(
    (found) => found.length > 0,
  );
  expect(wrong.length).toBeLessThanOrEqual(1);
});
