import type { Interval } from "../intervals.ts";
import { percentileInterval } from "./resampling.ts";

/**
 * Krippendorff's alpha for nominal values (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"): any number of
 * raters, gaps allowed; interval by resampling units. `counts[unit][class]`: how many raters said so of the unit.
 * Units with fewer than two ratings say nothing. undefined where no unit has two, or all ratings are one class.
 */
export function krippendorffsAlpha(
  counts: readonly (readonly number[])[],
  seed: string | number = 1,
  resamples = 1000,
): Interval | undefined {
  const paired = counts.filter((row) => row.reduce((a, b) => a + b, 0) >= 2);
  const value = alphaOf(paired);
  if (value === undefined) return undefined;
  return { value, ...percentileInterval(paired, alphaOf, seed, resamples) };
}

/** 1 - observed over expected disagreement, from the coincidences within units. */
function alphaOf(paired: readonly (readonly number[])[]): number | undefined {
  const classes = paired[0]?.length ?? 0;
  const totals = new Float64Array(classes);
  let observed = 0;
  let n = 0;
  for (const row of paired) {
    let ratings = 0;
    let same = 0;
    for (let k = 0; k < classes; k++) {
      const count = row[k]!;
      ratings += count;
      same += count * (count - 1);
      totals[k] = totals[k]! + count;
    }
    observed += (ratings * (ratings - 1) - same) / (ratings - 1);
    n += ratings;
  }
  let same = 0;
  for (let k = 0; k < classes; k++) same += totals[k]! * (totals[k]! - 1);
  const expected = n * (n - 1) - same;
  return expected <= 0 ? undefined : 1 - ((n - 1) * observed) / expected;
}
