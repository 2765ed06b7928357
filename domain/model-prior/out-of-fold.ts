import { chance } from "../chance.ts";
import { groupedFolds } from "../split/folds.ts";
import { fitHead, probabilitiesOf, type Rows, type Standardised } from "./softmax-regression.ts";

/** An image with what people said of it, if they said anything. */
export interface PriorImage {
  sha256: string;
  /** Its duplicate group: a prior never comes from a head that saw a member of it. */
  group: string;
  /** Likelihood of the human answers over the classes; undefined where nobody has answered. */
  soft?: readonly number[] | undefined;
}

const FOLDS = 5;
/** Rows that one head learns from at most: beyond it, a linear head on frozen features gains little for the time it takes. */
const MOST_ROWS = 6000;
/** Inverse strengths of the ridge penalty per training row, strongest first (C of the common libraries). */
const STRENGTHS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];

export interface OutOfFold {
  /** images x classes, rows sum to 1: from heads that saw no member of the image's group. */
  probabilities: Float64Array;
  strength: number;
  /** Mean held-out cross-entropy of the human labels, in nats. */
  logLoss: number;
  /** Images that taught. */
  labelled: number;
}

/**
 * What frozen features and the labels bought so far say of every image, answered or not: five-fold cross-fitted logistic
 * regression, whole duplicate groups in one fold, the ridge strength by held-out log loss. `rows` row i belongs to image i.
 * undefined where there is nothing to learn from: fewer than ten labelled images per fold, or one class only.
 */
export function outOfFold(
  images: readonly PriorImage[],
  rows: Rows,
  classes: number,
  seed: number,
): OutOfFold | undefined {
  const parts = priorFolds(images, seed);
  if (parts === undefined) return undefined;
  const { foldOf, teaching } = parts;
  const labelled = images.filter(({ soft }) => soft !== undefined).length;
  const starts: (Standardised | undefined)[] = new Array(FOLDS).fill(undefined);
  let found: OutOfFold | undefined;
  for (const strength of STRENGTHS) {
    const probabilities = new Float64Array(images.length * classes);
    teaching.forEach((at, fold) => {
      const soft = Float64Array.from([...at].flatMap((i) => images[i]!.soft ?? []));
      const { head, standardised } = fitHead(rows, at, soft, classes, 1 / (strength * at.length), starts[fold]);
      starts[fold] = standardised;
      for (let i = 0; i < images.length; i++) {
        if (foldOf[i] === fold) probabilitiesOf(head, rows, i, probabilities.subarray(i * classes, (i + 1) * classes));
      }
    });
    const logLoss = heldOutLoss(images, probabilities, classes);
    if (found !== undefined && logLoss >= found.logLoss) break;
    found = { probabilities, strength, logLoss, labelled };
  }
  return found;
}

/**
 * Folds by duplicate group and, per fold, the labelled images of the others, at most MOST_ROWS of them. undefined where there
 * is nothing to learn from.
 */
export function priorFolds(
  images: readonly PriorImage[],
  seed: number,
): { foldOf: Int32Array; teaching: Int32Array[] } | undefined {
  const labelled = images.filter(({ soft }) => soft !== undefined).length;
  const best = (soft: readonly number[]) => soft.indexOf(Math.max(...soft));
  const hard = images.map(({ soft }) => (soft === undefined ? "" : String(best(soft))));
  if (labelled < 10 * FOLDS || new Set(hard.filter((label) => label !== "")).size < 2) return undefined;
  const folds = groupedFolds(
    images.map(({ sha256, group }, i) => ({ sha256, group, label: hard[i] ?? "" })),
    FOLDS,
    seed,
  );
  const foldOf = Int32Array.from(images, ({ sha256 }) => folds.get(sha256) ?? 0);
  const teaching = Array.from({ length: FOLDS }, (_, fold) => {
    const all = Array.from(images.keys()).filter((i) => foldOf[i] !== fold && images[i]!.soft !== undefined);
    return Int32Array.from(chance(`${seed}/prior/${fold}`).sample(all, MOST_ROWS)).sort();
  });
  return { foldOf, teaching };
}

function heldOutLoss(images: readonly PriorImage[], probabilities: Float64Array, classes: number): number {
  let sum = 0;
  let count = 0;
  images.forEach(({ soft }, i) => {
    if (soft === undefined) return;
    for (let k = 0; k < classes; k++)
      if (soft[k]! > 0) sum -= soft[k]! * Math.log(Math.max(probabilities[i * classes + k]!, 1e-12));
    count++;
  });
  return sum / count;
}
