import { type Interval, wilsonShare } from "../intervals.ts";
import { type AnswerColumns, CANNOT_TELL } from "./answers.ts";
import type { ConsensusFit } from "./fit.ts";

export interface ConfusionIntervals {
  /** workers x classes: answers expected of each true class. */
  support: Float64Array;
  /** Per worker and true class: the share answered right, with its interval. */
  recall: Interval[][];
  /** Per true class, per class said and last "cannot tell": everybody together. */
  pooled: Interval[][];
}

/**
 * How sure a fit can be of what it says of people: each cell's share of the answers that the posterior expects of its true
 * class, with Wilson's interval on that many. Counts of posteriors, so it holds what the consensus believes for true.
 * O(answers x classes).
 */
export function confusionIntervals(
  { classes, workers, task, worker, label }: AnswerColumns,
  { posterior }: Pick<ConsensusFit, "posterior">,
): ConfusionIntervals {
  const columns = classes + 1;
  const support = new Float64Array(workers * classes);
  const right = new Float64Array(workers * classes);
  const all = new Float64Array(classes * columns);
  for (let i = 0; i < task.length; i++) {
    const said = label[i]! === CANNOT_TELL ? classes : label[i]!;
    for (let truth = 0; truth < classes; truth++) {
      const p = posterior[task[i]! * classes + truth]!;
      const at = worker[i]! * classes + truth;
      support[at] = support[at]! + p;
      if (said === truth) right[at] = right[at]! + p;
      all[truth * columns + said] = all[truth * columns + said]! + p;
    }
  }
  return {
    support,
    recall: each(workers, (w) => each(classes, (k) => wilsonShare(right[w * classes + k]!, support[w * classes + k]!))),
    pooled: each(classes, (truth) => {
      const whole = all.subarray(truth * columns, (truth + 1) * columns).reduce((sum, count) => sum + count, 0);
      return each(columns, (said) => wilsonShare(all[truth * columns + said]!, whole));
    }),
  };
}

function each<T>(length: number, at: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => at(index));
}
