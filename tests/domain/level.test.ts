import { describe, expect, it } from "vitest";
import { INSPECTION_SHARE, type InspectionTerms, levelByValue } from "../../domain/acceptance/level.ts";
import { acceptanceProbability } from "../../domain/acceptance/oc.ts";
import { severityAfter } from "../../domain/acceptance/switching.ts";
import { samplingPlan } from "../../domain/acceptance/z14.ts";

const terms: InspectionTerms = { aql: 10, expertsPerItem: 1.5, expertPrice: 0.3, promisesMore: false };
const lot = { items: 200, gold: 0, pricePerAnswer: 0.03 };

describe("the inspection level of a lot whose agreement names none", () => {
  it("is the most careful one that costs at most a quarter of the lot's answers", () => {
    // S-1: letter B, whose arrow leads to n = 5; 5 x 1.5 x .30 = 2.25 of 6.00, and no level costs less.
    expect(levelByValue(lot, terms)).toMatchObject({ level: "S-1", isLeast: true, value: 6, cost: 2.25 });
    // Six of eight photos are gold, which experts are paid for already: 2 x .45 = .90 of 6.00.
    expect(levelByValue({ ...lot, gold: 40 }, terms)).toMatchObject({ level: "S-3", isLeast: false, plan: { n: 8 } });
    // At .30 an answer the lot is worth 60: the standard's usual level costs 32 x .45 = 14.40.
    expect(levelByValue({ ...lot, pricePerAnswer: 0.3 }, terms)).toMatchObject({ level: "II", plan: { n: 32 } });
  });

  it("never costs more than a quarter unless it is the least there is, and takes more care the more a lot is worth", () => {
    for (const items of [8, 40, 90, 200, 500]) {
      let before = 0;
      for (const pricePerAnswer of [0, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5, 2]) {
        const { cost, value, plan, isLeast } = levelByValue({ items, gold: 0, pricePerAnswer }, terms);
        if (!isLeast) expect(cost).toBeLessThanOrEqual(INSPECTION_SHARE * value + 1e-9);
        expect(plan.n).toBeGreaterThanOrEqual(before);
        before = plan.n;
      }
    }
  });

  it("is I at least where the contract promises more than its AQL, and the agreed one whatever it costs", () => {
    expect(levelByValue(lot, { ...terms, promisesMore: true })).toMatchObject({ level: "I", plan: { n: 13 } });
    expect(levelByValue(lot, { ...terms, agreed: "III" })).toMatchObject({ level: "III", plan: { n: 50 } });
    expect(levelByValue({ ...lot, pricePerAnswer: 9 }, { ...terms, agreed: "S-1" }).level).toBe("S-1");
  });

  it("says which lots still pass one time in ten", () => {
    const { plan, passesOneInTen } = levelByValue(lot, terms);
    expect(acceptanceProbability(plan, passesOneInTen)).toBeCloseTo(0.1, 6);
    expect(passesOneInTen).toBeGreaterThan(levelByValue(lot, { ...terms, agreed: "I" }).passesOneInTen);
  });
});

it("a series whose lots have levels of their own is judged by each lot's plan", () => {
  // Two defects are above Ac of reduced inspection at S-1 (n = 2), and within it at II (n = 13, Ac 2).
  const reduced = Array.from({ length: 15 }, () => ({
    lotSize: 200,
    defects: 0,
    accepted: true,
    level: "S-1" as const,
  }));
  expect(severityAfter(reduced, "II", 10).severity).toBe("reduced");
  const ac = (level: "S-1" | "II") => samplingPlan(200, level, 10, "reduced").ac;
  expect([ac("S-1") < 2, ac("II") >= 2]).toEqual([true, true]);
  const last = { lotSize: 200, defects: 2, accepted: true };
  expect(severityAfter([...reduced, { ...last, level: "S-1" }], "II", 10).severity).toBe("normal");
  expect(severityAfter([...reduced, { ...last, level: "II" }], "II", 10).severity).toBe("reduced");
});
