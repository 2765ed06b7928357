import type { ConsensusFit } from "./fit.ts";

/**
 * One more answer to one image, between full refits: the image's posterior and likelihood by Bayes' rule with the
 * annotator's fitted confusion; nobody's confusion changes. O(classes). An annotator that the fit does not know has the
 * mean confusion of all others. Writes into the fit's tables; gold (a certain row) stays certain.
 * `column`: the class said, or `classes` for "cannot tell"; `temper` as in the fit. Throws RangeError on indices out of range.
 */
export function addAnswer(
  fit: ConsensusFit,
  classes: number,
  answer: { task: number; worker: number; column: number },
  temper = 1,
): void {
  const { task, worker, column } = answer;
  const columns = classes + 1;
  const workers = fit.confusion.length / (classes * columns);
  if (!(task >= 0 && (task + 1) * classes <= fit.posterior.length))
    throw new RangeError(`task ${task} is not in the fit`);
  if (!(column >= 0 && column <= classes)) throw new RangeError(`column ${column}: expected 0..${classes}`);
  const said = (w: number, truth: number) => fit.confusion[(w * classes + truth) * columns + column]!;
  const factor = Float64Array.from({ length: classes }, (_, truth) => {
    if (worker >= 0 && worker < workers) return said(worker, truth) ** temper;
    let sum = 0;
    for (let w = 0; w < workers; w++) sum += said(w, truth);
    return (workers === 0 ? 1 / columns : sum / workers) ** temper;
  });
  for (const table of [fit.posterior, fit.likelihood]) {
    const row = table.subarray(task * classes, (task + 1) * classes);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += row[k]! * factor[k]!;
    for (let k = 0; k < classes; k++) row[k] = (row[k]! * factor[k]!) / sum;
  }
}
