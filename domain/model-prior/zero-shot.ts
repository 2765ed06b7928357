/** Answers' worth of the prior on a model's accuracy, whose mean is chance: nothing is believed of it before gold speaks. */
const ACCURACY = 4;
/** Answers' worth with which each class's row leans on one coin for all classes. */
const ROW = 8;

/** One model vendor's answers: class index per image, -1 where it gave none or could not tell. */
export interface ModelAnswers {
  said: Int32Array;
}

/**
 * P(said | truth) of a model vendor as a whole, from gold alone: classes x classes, rows sum to 1. Its instances are one
 * network and err as one, so they have one confusion. Without gold every row is even.
 */
export function modelConfusion(said: Int32Array, gold: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes * classes);
  let right = 0;
  let n = 0;
  gold.forEach((truth, i) => {
    const label = said[i] as number;
    if (truth < 0 || label < 0) return;
    counts[truth * classes + label] = (counts[truth * classes + label] as number) + 1;
    right += Number(label === truth);
    n += 1;
  });
  const coin = (right + ACCURACY / classes) / (n + ACCURACY);
  const miss = (1 - coin) / Math.max(1, classes - 1);
  for (let truth = 0; truth < classes; truth += 1) {
    const row = counts.subarray(truth * classes, (truth + 1) * classes);
    const seen = row.reduce((sum, count) => sum + count, 0);
    for (let label = 0; label < classes; label += 1)
      row[label] = ((row[label] as number) + ROW * (label === truth ? coin : miss)) / (seen + ROW);
  }
  return counts;
}

/**
 * What model vendors' answers make likely of each image before people have looked: images x classes, rows sum to 1; NaN where
 * no model answered. Bayes' rule with each vendor's confusion on gold and the classes' shares. Models err together on the
 * images that are hard for models, so several count as one: the mean of their logarithms, never their product.
 *
 * `gold`: class index per image that experts gave, -1 elsewhere. `shares`: of the classes, sums to 1.
 */
export function zeroShotPrior(
  vendors: readonly ModelAnswers[],
  gold: Int32Array,
  shares: ArrayLike<number>,
): Float64Array {
  const classes = shares.length;
  const prior = new Float64Array(gold.length * classes).fill(Number.NaN);
  const tables = vendors.map(({ said }) => modelConfusion(said, gold, classes).map(Math.log));
  const row = new Float64Array(classes);
  for (let image = 0; image < gold.length; image += 1) {
    row.fill(0);
    let heard = 0;
    vendors.forEach(({ said }, v) => {
      const label = said[image] as number;
      if (label < 0) return;
      heard += 1;
      for (let k = 0; k < classes; k += 1)
        row[k] = (row[k] as number) + ((tables[v] as Float64Array)[k * classes + label] as number);
    });
    if (heard === 0) continue;
    let sum = 0;
    for (let k = 0; k < classes; k += 1) {
      row[k] = Math.max(shares[k] as number, 1e-12) * Math.exp((row[k] as number) / heard);
      sum += row[k] as number;
    }
    for (let k = 0; k < classes; k += 1) prior[image * classes + k] = (row[k] as number) / sum;
  }
  return prior;
}
