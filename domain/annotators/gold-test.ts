import { binomialCdf } from "../probability.ts";

/** Wald's sequential probability ratio test (1945) of an annotator's error rate on gold, truncated. */
export interface GoldTest {
  /** Error rate of honest work: from an expert-adjudicated pilot per stratum, never from a wish. */
  p0: number;
  /** Error rate that must not stay unnoticed. */
  p1: number;
  /** Chance of pausing honest work, over all annotators tested at once. */
  alpha: number;
  /** Chance of clearing work at p1. */
  beta: number;
  /** Annotators under test at the same time: alpha is divided over them. */
  annotators?: number;
}

/**
 * Error rates to tell apart: honest work as agreed or measured (1 % to 30 %), and what is not bearable, two and a half times
 * it, 15 points above it at least. Example: .10 gives .10 and .25.
 */
export function ratesFor(honest: number): Pick<GoldTest, "p0" | "p1"> {
  const p0 = Math.min(0.3, Math.max(0.01, honest));
  return { p0, p1: Math.min(0.8, Math.max(2.5 * p0, p0 + 0.15)) };
}

export interface GoldTestState {
  /** `pause` is a proposal: the test pauses, a person decides. */
  outcome: "continue" | "clear" | "pause";
  /** Log likelihood ratio of p1 over p0, and the two bounds. */
  ratio: number;
  pauseAbove: number;
  clearBelow: number;
  /** Gold answers at which the test ends anyway: rates between p0 and p1 would go on without end. */
  truncatedAt: number;
  truncated: boolean;
}

/** The state after `wrong` of `n` gold answers, all of them one after the other. At truncation the sign of the ratio decides. */
export function goldTest(test: GoldTest, wrong: number, n: number): GoldTestState {
  const { pauseAbove, clearBelow, onWrong, onRight, truncatedAt } = boundsOf(test);
  if (!Number.isInteger(n) || n < 0 || !Number.isInteger(wrong) || wrong < 0 || wrong > n) {
    throw new RangeError(`${wrong} wrong of ${n}: expected integers with 0 <= wrong <= n`);
  }
  const ratio = wrong * onWrong + (n - wrong) * onRight;
  const truncated = n >= truncatedAt && ratio < pauseAbove && ratio > clearBelow;
  const outcome =
    ratio >= pauseAbove || (truncated && ratio > 0) ? "pause" : ratio <= clearBelow || truncated ? "clear" : "continue";
  return { outcome, ratio, pauseAbove, clearBelow, truncatedAt, truncated };
}

/** Exact behaviour at a true error rate, by walking all (wrong, n): mean answers until it ends, chance of a pause. */
export function goldTestCourse(test: GoldTest, errorRate: number): { meanAnswers: number; pauses: number } {
  const { pauseAbove, clearBelow, onWrong, onRight, truncatedAt } = boundsOf(test);
  let open = new Float64Array(truncatedAt + 2);
  open[0] = 1;
  let meanAnswers = 0;
  let pauses = 0;
  for (let n = 1; n <= truncatedAt; n++) {
    const next = new Float64Array(truncatedAt + 2);
    for (let wrong = 0; wrong <= n; wrong++) {
      const p = open[wrong]! * (1 - errorRate) + (wrong > 0 ? open[wrong - 1]! * errorRate : 0);
      if (p === 0) continue;
      const ratio = wrong * onWrong + (n - wrong) * onRight;
      if (ratio >= pauseAbove || (n === truncatedAt && ratio > 0)) {
        pauses += p;
        meanAnswers += n * p;
      } else if (ratio <= clearBelow || n === truncatedAt) meanAnswers += n * p;
      else next[wrong] = p;
    }
    open = next;
  }
  return { meanAnswers, pauses };
}

/** Answers that a fixed test of the same alpha and beta needs (normal approximation is not used: the least exact n). */
export function fixedGoldTestSize({ p0, p1, alpha, beta, annotators = 1 }: GoldTest): { n: number; allowed: number } {
  for (let n = 1; n <= 20_000; n++) {
    let allowed = Math.floor(n * p0);
    while (1 - binomialCdf(allowed, n, p0) > alpha / annotators) allowed++;
    if (binomialCdf(allowed, n, p1) <= beta) return { n, allowed };
  }
  throw new RangeError(`rates ${p0} and ${p1} are too close: a fixed test would need more than 20,000 gold answers`);
}

function boundsOf({ p0, p1, alpha, beta, annotators = 1 }: GoldTest) {
  if (!(p0 > 0 && p0 < p1 && p1 < 1)) throw new RangeError(`error rates p0 ${p0}, p1 ${p1}: expected 0 < p0 < p1 < 1`);
  if (!(alpha > 0 && alpha < 0.5 && beta > 0 && beta < 0.5))
    throw new RangeError(`alpha ${alpha}, beta ${beta}: expected numbers between 0 and .5`);
  const each = alpha / annotators;
  const onWrong = Math.log(p1 / p0);
  const onRight = Math.log((1 - p1) / (1 - p0));
  const pauseAbove = Math.log((1 - beta) / each);
  const clearBelow = Math.log(beta / (1 - each));
  // Four times Wald's approximate mean at p1: hardly ever reached at p0 or p1, and an end for the rates between.
  const mean = ((1 - beta) * pauseAbove + beta * clearBelow) / (p1 * onWrong + (1 - p1) * onRight);
  return { pauseAbove, clearBelow, onWrong, onRight, truncatedAt: Math.max(10, Math.ceil(4 * mean)) };
}
