import type { Interval } from "../intervals.ts";
import { normalQuantile } from "../probability.ts";

/**
 * Cohen's kappa of two raters (Cohen 1960) with its large-sample interval (Fleiss, Cohen and Everitt 1969).
 * `matrix[i][j]`: items that the first called i and the second j. undefined where nothing was rated, or where chance alone
 * would agree always (both know one class only). Example: [[20, 5], [10, 15]] gives .4.
 */
export function cohensKappa(matrix: readonly (readonly number[])[], confidence = 0.95): Interval | undefined {
  const classes = matrix.length;
  let n = 0;
  const rows = new Float64Array(classes);
  const columns = new Float64Array(classes);
  for (let i = 0; i < classes; i++) {
    if (matrix[i]!.length !== classes)
      throw new RangeError(`row ${i} has ${matrix[i]!.length} columns, expected ${classes}`);
    for (let j = 0; j < classes; j++) {
      const count = matrix[i]![j]!;
      if (!(count >= 0)) throw new RangeError(`cell ${i}, ${j} holds ${count}; expected a count >= 0`);
      n += count;
      rows[i] = rows[i]! + count;
      columns[j] = columns[j]! + count;
    }
  }
  if (n === 0) return undefined;
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < classes; i++) {
    observed += matrix[i]![i]! / n;
    expected += (rows[i]! / n) * (columns[i]! / n);
  }
  if (1 - expected < 1e-12) return undefined;
  const kappa = (observed - expected) / (1 - expected);
  let a = 0;
  let b = 0;
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) {
      const p = matrix[i]![j]! / n;
      if (i === j) a += p * (1 - ((rows[i]! + columns[i]!) / n) * (1 - kappa)) ** 2;
      else b += p * ((columns[i]! + rows[j]!) / n) ** 2;
    }
  }
  b *= (1 - kappa) ** 2;
  const c = (kappa - expected * (1 - kappa)) ** 2;
  const error = Math.sqrt(Math.max(0, a + b - c) / n) / (1 - expected);
  const half = normalQuantile(1 - (1 - confidence) / 2) * error;
  return { value: kappa, low: Math.max(-1, kappa - half), high: Math.min(1, kappa + half) };
}
