import { describe, expect, it } from "vitest";
import { fraudSignals } from "../../domain/annotators/fraud.ts";
import { hiredFor } from "../../local/people/hired.ts";
import { mixedVendors } from "../../local/people/mixed-vendors.ts";
import { defaultPool, modelVendor, type Person, says } from "../../local/people/pool.ts";

const classes = ["crack", "hole", "ok"];
const images = Array.from({ length: 3000 }, (_, i) => ({ image: `i${i}`, label: classes[i % 3] as string }));
const answersOf = (person: Person, tired = 0) =>
  images.map(({ image, label }) => {
    const value = says(person, { seed: 7, image, label, revision: 1, classes, tired });
    return value.task === "class" ? value.label : "";
  });
const accuracyOf = (said: readonly string[]) =>
  said.filter((label, i) => label === images[i]?.label).length / said.length;
const both = (a: readonly string[], b: readonly string[]) => {
  const wrong = a.filter((label, i) => label !== images[i]?.label && b[i] !== images[i]?.label).length;
  return wrong / images.length;
};

describe("simulated people", () => {
  it("with a known confusion matrix err as it says", () => {
    const matrix = [
      [0.9, 0.1, 0],
      [0.3, 0.7, 0],
      [0, 0, 1],
    ];
    const person: Person = { name: "m", kind: "confused", accuracy: 0, matrix, seconds: 3 };
    const said = answersOf(person);
    const share = (truth: string, label: string) =>
      said.filter((one, i) => one === label && images[i]?.label === truth).length / 1000;
    expect(Math.abs(share("hole", "crack") - 0.3)).toBeLessThan(0.04);
    expect(share("ok", "ok")).toBe(1);
    expect(share("crack", "ok")).toBe(0);
    const torn = { ...person, matrix: [[1]] };
    expect(() => answersOf(torn)).toThrow("no row of 3 chances");
  });

  it("who copy say what the other says, and are told as copiers", () => {
    const first: Person = { name: "a", kind: "good", accuracy: 0.8, seconds: 4 };
    const copier: Person = { ...first, name: "b", kind: "copier", copies: first };
    expect(answersOf(copier)).toEqual(answersOf(first));
    const observed = [first, copier].flatMap((person) =>
      answersOf(person).map((said, i) => ({
        annotator: person.name,
        vendor: person.name,
        image: images[i]?.image ?? "",
        said,
        truth: images[i]?.label ?? "",
        gold: false,
        seconds: 4,
      })),
    );
    expect(fraudSignals(observed)).toMatchObject([{ kind: "copied", annotators: ["a", "b"] }]);
  });

  it("who tire are right less often at the end of a sitting, and as often at its beginning", () => {
    const fresh: Person = { name: "t", kind: "good", accuracy: 0.95, seconds: 4 };
    const tiring = { ...fresh, tires: 0.4 };
    expect(answersOf(tiring, 0)).toEqual(answersOf(fresh, 0));
    expect(Math.abs(accuracyOf(answersOf(tiring, 1)) - 0.57)).toBeLessThan(0.04);
  });

  it("models of one family err together, where people err apart", () => {
    const [one, two] = modelVendor({ names: ["m1", "m2"], accuracy: 0.85 }).map((person) => answersOf(person)) as [
      string[],
      string[],
    ];
    expect(Math.abs(accuracyOf(one) - 0.85)).toBeLessThan(0.03);
    // Independent errors of 15 % meet on 2 % of the images; those of models on most of the 15 %.
    expect(both(one, two)).toBeGreaterThan(0.11);
    const [three, four] = modelVendor({ names: ["m1", "m2"], accuracy: 0.85, share: 0 }).map((p) => answersOf(p)) as [
      string[],
      string[],
    ];
    expect(both(three, four)).toBeLessThan(0.04);
  });

  it("a vendor of each kind has the people that its kind makes", () => {
    const kinds = ["model", "copies", "tires", "random", "steady"] as const;
    const { pool } = mixedVendors({
      kindOf: (vendor) => vendor as (typeof kinds)[number],
      classes,
      pool: defaultPool(1, classes),
      now: () => 0,
      startedAt: () => 0,
    });
    expect(pool.annotators("model").every(({ kind, errsWith }) => kind === "model" && errsWith !== undefined)).toBe(
      true,
    );
    expect(pool.annotators("copies").filter(({ copies }) => copies !== undefined)).toHaveLength(19);
    expect(pool.annotators("tires").every(({ tires }) => tires === 0.4)).toBe(true);
    expect(pool.annotators("random").every(({ kind }) => kind === "spammer")).toBe(true);
    expect(pool.annotators("steady")).toEqual(defaultPool(1, classes).annotators("steady"));
  });
});

it("an agreement's model vendor is one network, whoever of it is asked; its people are the default pool's", () => {
  const vendors = [
    { id: "alder", name: "Alder", pricePerAnswer: 0.03, kind: "people" as const, capacityPerWave: 100 },
    { id: "oracle", name: "Oracle", pricePerAnswer: 0.002, kind: "model" as const, capacityPerWave: 100 },
  ];
  const pool = hiredFor({ classes: ["a", "b", "c"], vendors }, 5);
  expect(pool.annotators("alder")).toEqual(defaultPool(5, ["a", "b", "c"]).annotators("alder"));
  const said = pool
    .annotators("oracle")
    .map((person) =>
      Array.from({ length: 30 }, (_, i) =>
        says(person, { seed: 5, image: `i${i}`, label: "a", revision: 1, classes: ["a", "b", "c"] }),
      ),
    );
  expect(said.length).toBe(4);
  for (const one of said) expect(one).toEqual(said[0]);
});
