import { describe, expect, it } from "vitest";
import { afterLot, BEGINNING, type InspectionState } from "../../domain/acceptance/switching.ts";
import { samplingPlan } from "../../domain/acceptance/z14.ts";

/** Level II, 200 items, AQL 4: letter G, n 32, Ac 3. */
const plan = samplingPlan(200, "II", 4);
const lots = (defects: readonly number[], from: InspectionState = BEGINNING) =>
  defects.reduce((state, d) => afterLot(state, { plan: samplingPlan(200, "II", 4, state.severity), defects: d }), from);
const BAD = 20;

describe("switching inspection", () => {
  it("tightens after two rejected of five consecutive lots, not after two of six", () => {
    expect(plan).toMatchObject({ letter: "G", n: 32, ac: 3 });
    expect(lots([BAD, 0, 0, 0, BAD]).severity).toBe("tightened");
    expect(lots([BAD, 0, 0, 0, 0, BAD]).severity).toBe("normal");
  });

  it("goes back to normal after five accepted in a row", () => {
    const tight = lots([BAD, BAD]);
    expect(lots([0, 0, 0, 0], tight).severity).toBe("tightened");
    expect(lots([0, 0, 0, 0, 0], tight)).toEqual(BEGINNING);
    expect(lots([0, 0, BAD, 0, 0, 0, 0], tight).severity).toBe("tightened");
  });

  it("stops at the fifth lot rejected under tightened inspection", () => {
    const tight = lots([BAD, BAD]);
    expect(lots([BAD, 0, BAD, 0, BAD, 0, BAD], tight).stopped).toBe(false);
    expect(lots([BAD, 0, BAD, 0, BAD, 0, BAD, 0, BAD], tight).stopped).toBe(true);
  });

  it("reduces at a score of 30: ten lots that would pass at the next finer AQL", () => {
    expect(lots(Array(9).fill(0)).score).toBe(27);
    expect(lots(Array(10).fill(0)).severity).toBe("reduced");
    // Three defects pass at AQL 4 and not at 2.5 (Ac 2): the score begins anew.
    expect(lots([...Array(9).fill(0), 3]).score).toBe(0);
  });

  it("ends reduced inspection with the first rejected lot, or one between Ac and Re", () => {
    const reduced = lots(Array(10).fill(0));
    const { ac, re } = samplingPlan(200, "II", 4, "reduced");
    expect(re).toBeGreaterThan(ac + 1);
    expect(lots([ac], reduced).severity).toBe("reduced");
    expect(lots([ac + 1], reduced).severity).toBe("normal");
    expect(lots([re], reduced).severity).toBe("normal");
  });
});
