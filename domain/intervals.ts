import { betaQuantile, normalQuantile } from "./probability.ts";

/** A proportion with its interval. */
export interface Interval {
  value: number;
  low: number;
  high: number;
}

/** Refuses counts that no sample can have. */
function checkCounts(right: number, n: number): void {
  if (!Number.isInteger(n) || n < 0 || !Number.isInteger(right) || right < 0 || right > n) {
    throw new RangeError(`${right} of ${n}: expected integers with 0 <= right <= n`);
  }
}

/**
 * Wilson's score interval for right / n (Wilson 1927). n = 0 gives value 0 and [0, 1].
 * Example: wilson(8, 10) is .80 [.490, .943].
 */
export function wilson(right: number, n: number, confidence = 0.95): Interval {
  checkCounts(right, n);
  return wilsonShare(right, n, confidence);
}

/** Wilson's interval for counts that need not be whole, such as expected ones. Throws RangeError unless 0 <= part <= whole. */
export function wilsonShare(part: number, whole: number, confidence = 0.95): Interval {
  if (!(part >= 0 && part <= whole + 1e-9)) throw new RangeError(`${part} of ${whole}: expected 0 <= part <= whole`);
  const n = whole;
  const right = Math.min(part, whole);
  if (n === 0) return { value: 0, low: 0, high: 1 };
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const p = right / n;
  const denominator = 1 + (z * z) / n;
  const centre = (p + (z * z) / (2 * n)) / denominator;
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / denominator;
  // The bounds are exact at the ends; rounding must not push them past.
  return {
    value: p,
    low: right === 0 ? 0 : Math.max(0, centre - half),
    high: right === n ? 1 : Math.min(1, centre + half),
  };
}

/** Clopper and Pearson's exact interval (1934). n = 0 gives value 0 and [0, 1]. Example: 0 of 10 is [0, .3085]. */
export function clopperPearson(right: number, n: number, confidence = 0.95): Interval {
  checkCounts(right, n);
  if (n === 0) return { value: 0, low: 0, high: 1 };
  const tail = (1 - confidence) / 2;
  return {
    value: right / n,
    low: right === 0 ? 0 : betaQuantile(tail, right, n - right + 1),
    high: right === n ? 1 : betaQuantile(1 - tail, right + 1, n - right),
  };
}

/** One-sided exact upper bound of a rate: the rate at which seeing so few is as unlikely as 1 - confidence. 0 of 59 gives .0495. */
export function upperBound(bad: number, n: number, confidence = 0.95): number {
  checkCounts(bad, n);
  if (n === 0 || bad === n) return 1;
  return betaQuantile(confidence, bad + 1, n - bad);
}
