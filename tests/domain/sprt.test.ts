import { describe, expect, it } from "vitest";
import { firstDecision, operatingCharacteristic, sequentialTest } from "../../domain/annotators/sprt.ts";

const risks = { alpha: 0.05, beta: 0.05 };

describe("the sequential gold test", () => {
  it("needs about as many answers as the published means, far fewer than a fixed sample", () => {
    // p0, p1, mean answers at p0 and p1, fixed sample of the same risks.
    for (const [p0, p1, atP0, atP1, fixed] of [
      [0.02, 0.05, 222, 182, 386],
      [0.02, 0.08, 80, 59, 129],
      [0.05, 0.15, 55, 44, 93],
      [0.05, 0.2, 30, 22, 50],
    ] as const) {
      const test = { p0, p1, ...risks };
      const good = operatingCharacteristic(test, p0);
      const bad = operatingCharacteristic(test, p1);
      expect(Math.abs(good.meanAnswers / atP0 - 1), `${p0}/${p1} at p0: ${good.meanAnswers}`).toBeLessThan(0.05);
      expect(Math.abs(bad.meanAnswers / atP1 - 1), `${p0}/${p1} at p1: ${bad.meanAnswers}`).toBeLessThan(0.05);
      expect(good.meanAnswers).toBeLessThan(fixed);
      expect(good.stopped).toBeLessThanOrEqual(0.055);
      expect(bad.stopped).toBeGreaterThanOrEqual(0.945);
    }
  });

  it("decides at the line and not before", () => {
    const test = { p0: 0.05, p1: 0.2, ...risks };
    expect(sequentialTest(test, 0, 0)).toBe("continue");
    expect(sequentialTest(test, 2, 2)).toBe("continue");
    expect(sequentialTest(test, 3, 3)).toBe("bad");
    expect(sequentialTest(test, 0, 17)).toBe("continue");
    expect(sequentialTest(test, 0, 18)).toBe("good");
    expect(firstDecision(test, [true, true, true, false])).toEqual({ outcome: "bad", n: 3, wrong: 3 });
    expect(firstDecision(test, [])).toEqual({ outcome: "continue", n: 0, wrong: 0 });
  });

  it("ends at its truncation with the likelier of the two", () => {
    const test = { p0: 0.05, p1: 0.2, ...risks, truncateAt: 10 };
    expect(sequentialTest(test, 1, 9)).toBe("continue");
    expect(sequentialTest(test, 1, 10)).toBe("good");
    expect(sequentialTest(test, 2, 10)).toBe("bad");
  });

  it("refuses rates and counts that can't be", () => {
    expect(() => sequentialTest({ p0: 0.2, p1: 0.1, ...risks }, 0, 1)).toThrow(/p0 0.2, p1 0.1/);
    expect(() => sequentialTest({ p0: 0.1, p1: 0.2, ...risks }, 2, 1)).toThrow(/2 wrong of 1/);
  });
});
