import { chance } from "../chance.ts";
import type { CurvePoint } from "../planner/learning-curve.ts";
import { type PriorImage, priorFolds } from "./out-of-fold.ts";
import { fitHead, probabilitiesOf, type Rows } from "./softmax-regression.ts";

/** Parts of the labels that heads learn from; the whole comes from the prior itself. */
const SHARES = [0.25, 0.5, 1];

/**
 * A learning curve of the labels bought so far: heads that learn from a quarter, half and all of each fold's labels, judged on
 * the fold that they did not see. Accuracy is the mean likelihood that people's answers give to the head's class, so it is
 * lower than against the truth, and gains show smaller than they are by as much. [] where there are too few labels.
 */
export function learningPoints(
  images: readonly PriorImage[],
  rows: Rows,
  classes: number,
  about: { seed: number; strength: number },
): CurvePoint[] {
  const folds = priorFolds(images, about.seed);
  if (folds === undefined) return [];
  const { foldOf, teaching } = folds;
  const p = new Float64Array(classes);
  return SHARES.map((share) => {
    let right = 0;
    let heldOut = 0;
    let labelled = 0;
    teaching.forEach((all, fold) => {
      const wanted = Math.max(1, Math.round(share * all.length));
      const at = Int32Array.from(chance(`${about.seed}/curve/${fold}`).sample([...all], wanted)).sort();
      labelled += at.length / teaching.length;
      const soft = Float64Array.from([...at].flatMap((i) => images[i]!.soft ?? []));
      const { head } = fitHead(rows, at, soft, classes, 1 / (about.strength * at.length));
      images.forEach(({ soft: said }, i) => {
        if (said === undefined || foldOf[i] !== fold) return;
        probabilitiesOf(head, rows, i, p);
        right += said[p.indexOf(Math.max(...p))]!;
        heldOut++;
      });
    });
    return { labelled: Math.round(labelled), accuracy: right / heldOut, heldOut };
  });
}
