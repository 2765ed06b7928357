import type { Interval } from "../intervals.ts";
import { percentileInterval } from "./resampling.ts";

/**
 * Fleiss' kappa (Fleiss 1971) for items that each were rated by the same number of raters, any raters; interval by
 * resampling items. `counts[item][class]`. undefined with fewer than two ratings per item or where all is one class.
 * Throws RangeError where items have different numbers of ratings (use Krippendorff's alpha there).
 */
export function fleissKappa(counts: readonly (readonly number[])[], seed: string | number = 1): Interval | undefined {
  const [first] = counts;
  if (first === undefined) return undefined;
  const raters = first.reduce((sum, count) => sum + count, 0);
  counts.forEach((row, item) => {
    const sum = row.reduce((a, b) => a + b, 0);
    if (sum !== raters)
      throw new RangeError(
        `item ${item} has ${sum} ratings, item 0 has ${raters}; Fleiss' kappa needs equal numbers, Krippendorff's alpha doesn't`,
      );
  });
  if (raters < 2) return undefined;
  const value = kappaOf(counts, raters);
  if (value === undefined) return undefined;
  return { value, ...percentileInterval(counts, (rows) => kappaOf(rows, raters), seed) };
}

function kappaOf(counts: readonly (readonly number[])[], raters: number): number | undefined {
  const shares = new Float64Array(counts[0]!.length);
  let agreement = 0;
  for (const row of counts) {
    let pairs = 0;
    row.forEach((count, k) => {
      pairs += count * (count - 1);
      shares[k] = shares[k]! + count / (raters * counts.length);
    });
    agreement += pairs / (raters * (raters - 1) * counts.length);
  }
  const expected = shares.reduce((sum, p) => sum + p * p, 0);
  return 1 - expected < 1e-12 ? undefined : (agreement - expected) / (1 - expected);
}
