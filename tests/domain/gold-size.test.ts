import { describe, expect, it } from "vitest";
import { goldTestCourse, ratesFor } from "../../domain/annotators/gold-test.ts";
import { GOLD_COST_SHARE, type GoldTerms, goldSize } from "../../domain/planner/gold-size.ts";

const terms: GoldTerms = {
  images: 4000,
  answers: 5000,
  answersCost: 5000 * 0.03,
  prices: [0.03, 0.03, 0.03, 0.03],
  people: 4,
  expertPrice: 0.3,
  test: { ...ratesFor(0.1), alpha: 0.05, beta: 0.05 },
  earlier: 0,
  goldPerSample: 0,
  lots: 25,
};

describe("how many images become gold", () => {
  it("is what the sequential test needs of each vendor, where the money at stake pays for it", () => {
    const { images, reason, testNeeds, pricePerImage, cost } = goldSize(terms);
    // p0 .10, p1 .25: the exact walk's mean number of answers at the worse of both rates, rounded up.
    const means = [0.1, 0.25].map((rate) => goldTestCourse(terms.test, rate).meanAnswers);
    expect(testNeeds).toBe(Math.ceil(Math.max(...means)));
    expect({ images, reason }).toEqual({ images: testNeeds, reason: "sequential-test" });
    expect(pricePerImage).toBeCloseTo(2 * 0.3 + 4 * 0.03, 9);
    expect(cost).toBeCloseTo(images * 0.72, 9);
  });

  it("costs no more than a quarter of a first round's answers, however much the test would like", () => {
    for (const answersCost of [1, 6, 12, 40]) {
      const { images, cost, reason } = goldSize({ ...terms, answersCost });
      expect(reason).toBe("money");
      if (images > 1) expect(cost).toBeLessThanOrEqual(GOLD_COST_SHARE * answersCost + 1e-9);
    }
    expect(goldSize({ ...terms, answersCost: 0 }).images).toBe(1);
  });

  it("is a fiftieth of the tasks in a large campaign, and as many as are inspected anyway where several vendors share them", () => {
    const large = { ...terms, images: 100_000, answers: 140_000, answersCost: 4200, lots: 700 };
    expect(goldSize(large)).toMatchObject({ images: 700, reason: "share-of-tasks" });
    // Six of eight photos of each of 700 lots, each gold image in one lot of each of four vendors.
    expect(goldSize({ ...large, goldPerSample: 6 })).toMatchObject({ images: 1050, reason: "inspected-anyway" });
    // One vendor: a gold image costs two experts and saves one inspected item.
    expect(goldSize({ ...large, people: 1, goldPerSample: 6 }).inspectedAnyway).toBe(0);
  });

  it("never exceeds a twentieth of the images, counts what was drawn before, and is none below 20 images", () => {
    expect(goldSize({ ...terms, images: 200 })).toMatchObject({ images: 10, reason: "images" });
    expect(goldSize({ ...terms, earlier: 1000 })).toMatchObject({ images: 1 });
    expect(goldSize({ ...terms, images: 19 })).toMatchObject({ images: 0, cost: 0, reason: "none" });
    expect(goldSize({ ...terms, expertPrice: 0, prices: [0], people: 1 }).images).toBeGreaterThan(0);
  });
});
