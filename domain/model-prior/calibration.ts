/**
 * How far a model's confidence p in its likeliest class is believed: the class holds with probability
 * sigmoid(a ln p - b ln(1 - p) + c), a little less where a, b and c are uncertain (beta calibration, Kull, Silva Filho and Flach
 * 2017). What is left is shared in proportion to the other probabilities^b. a = b = 1, c = 0: the model at its word.
 */
export interface Calibration {
  a: number;
  b: number;
  c: number;
  /** Covariance of (a, b, c), 3 x 3, rows one after the other. Left out: they are known. */
  doubt?: Float64Array;
}

export const AT_ITS_WORD: Calibration = { a: 1, b: 1, c: 0 };

/** Precisions of the normal prior around a model at its word: a and c within 1, b within .3. */
const PRECISION = [1, 11, 1] as const;
const MOST_PASSES = 60;
const LEAST_PROBABILITY = 1e-12;

/** One image as calibration sees it. */
interface Word {
  /** Index of the likeliest class, and (ln p, -ln(1 - p), 1) of its probability. */
  top: number;
  features: readonly [number, number, number];
}

/**
 * The calibration under which gold and the human answers are likeliest, by expectation maximisation over whether the model's
 * class is right: where there is no gold, by what people said. One exponent for all can't do it: fitted to images that people
 * were asked about, the unsure ones, it says too little of the sure ones (docs/experiments.md). Buying more for unsure images
 * does not bias it, since what was bought followed from what was seen.
 *
 * `likelihood`: images x classes, of the human answers alone, each counted to the power `temper`. Images without answers or
 * gold say nothing; where none says anything the model is at its word. O(images x classes) a pass.
 */
export function calibrate(known: {
  classes: number;
  probabilities: Float64Array;
  likelihood: Float64Array;
  answers: Int32Array;
  gold: Int32Array;
  temper?: number;
}): Calibration {
  const { classes, probabilities, answers, gold, temper = 1 } = known;
  const told = Array.from(answers.keys()).filter((i) => answers[i]! > 0 || gold[i]! >= 0);
  if (told.length === 0) return AT_ITS_WORD;
  const rows = told.map((i) => {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const said = known.likelihood.subarray(i * classes, (i + 1) * classes).map((l) => l ** (1 / temper));
    return { ...wordOf(row), row, said, truth: gold[i]! };
  });
  let found: Calibration = AT_ITS_WORD;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const right = rows.map(({ truth, top, features, row, said }) => {
      if (truth >= 0) return truth === top ? 1 : 0;
      const p = sigmoid(scoreOf(found, features));
      const rest = restOf(row, top, found.b);
      const own = p * said[top]!;
      return own / (own + (1 - p) * rest.reduce((sum, share, k) => sum + share * said[k]!, 0));
    });
    const next = regression(rows, right, found);
    const moved = Math.abs(next.a - found.a) + Math.abs(next.b - found.b) + Math.abs(next.c - found.c);
    found = next;
    if (moved < 1e-3) break;
  }
  return found;
}

/**
 * A model's probabilities as log priors at a calibration: rows sum to 1 before the log, none is below 1e-12, and the likeliest
 * class stays the likeliest.
 */
export function logPrior(probabilities: Float64Array, classes: number, calibration: Calibration): Float64Array {
  const prior = new Float64Array(probabilities.length);
  for (let from = 0; from < prior.length; from += classes) {
    const row = probabilities.subarray(from, from + classes);
    const { top, features } = wordOf(row);
    // The mean error over what is not known of a, b and c, where errors are rare: that of e^-z under a normal z.
    const score = scoreOf(calibration, features) - varianceOf(calibration, features) / 2;
    const rest = restOf(row, top, calibration.b);
    const second = Math.max(...rest);
    const p = Math.max(sigmoid(score), second / (1 + second));
    for (let k = 0; k < classes; k++)
      prior[from + k] = Math.log(Math.max(k === top ? p : (1 - p) * rest[k]!, LEAST_PROBABILITY));
  }
  return prior;
}

/** Logistic regression of `right` on the features under the prior, by Newton's method from where the last one ended. */
function regression(rows: readonly Pick<Word, "features">[], right: readonly number[], from: Calibration): Calibration {
  const at = [from.a, from.b, from.c];
  let doubt: Float64Array = new Float64Array(9);
  for (let step = 0; step < 20; step++) {
    const slope = [1, 1, 0].map((mean, j) => -PRECISION[j]! * (at[j]! - mean));
    const curve = Float64Array.of(PRECISION[0], 0, 0, 0, PRECISION[1], 0, 0, 0, PRECISION[2]);
    rows.forEach(({ features }, n) => {
      const p = sigmoid(at[0]! * features[0] + at[1]! * features[1] + at[2]!);
      for (let j = 0; j < 3; j++) {
        slope[j] = slope[j]! + (right[n]! - p) * features[j]!;
        for (let l = 0; l < 3; l++) curve[3 * j + l] = curve[3 * j + l]! + p * (1 - p) * features[j]! * features[l]!;
      }
    });
    doubt = inverse(curve);
    const move = [0, 1, 2].map((j) => slope.reduce((sum, value, l) => sum + doubt[3 * j + l]! * value, 0));
    const farthest = Math.max(...move.map(Math.abs));
    // Far from its answer Newton's step may overshoot. A model that is surer is never taken as less right.
    move.forEach((step, j) => {
      at[j] = at[j]! + Math.min(1, 2 / Math.max(farthest, 1e-12)) * step;
      if (j < 2) at[j] = Math.max(0, at[j]!);
    });
    if (farthest < 1e-6) break;
  }
  return { a: at[0]!, b: at[1]!, c: at[2]!, doubt };
}

/** Of a symmetric, positive definite 3 x 3 matrix, by cofactors. */
function inverse(m: Float64Array): Float64Array {
  const [a, b, c, , d, e, , , f] = m as unknown as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [A, B, C] = [d * f - e * e, c * e - b * f, b * e - c * d];
  const [D, E, F] = [a * f - c * c, b * c - a * e, a * d - b * b];
  return Float64Array.of(A, B, C, B, D, E, C, E, F).map((value) => value / (a * A + b * B + c * C));
}

function wordOf(row: Float64Array): Word {
  let top = 0;
  for (let k = 1; k < row.length; k++) if (row[k]! > row[top]!) top = k;
  // From the others' own sum: 1 - p would lose the last digits.
  let others = 0;
  for (let k = 0; k < row.length; k++) if (k !== top) others += row[k]!;
  return {
    top,
    features: [Math.log(Math.max(row[top]!, LEAST_PROBABILITY)), -Math.log(Math.max(others, LEAST_PROBABILITY)), 1],
  };
}

const scoreOf = ({ a, b, c }: Calibration, [named, sure]: Word["features"]) => a * named + b * sure + c;

function varianceOf({ doubt }: Calibration, features: Word["features"]): number {
  if (doubt === undefined) return 0;
  let variance = 0;
  for (let j = 0; j < 3; j++) for (let l = 0; l < 3; l++) variance += features[j]! * features[l]! * doubt[3 * j + l]!;
  return variance;
}

/** How an error is shared among the other classes; sums to 1, 0 at the likeliest class. */
function restOf(row: Float64Array, top: number, power: number): Float64Array {
  const rest = row.map((p, k) => (k === top ? 0 : Math.max(p, LEAST_PROBABILITY) ** power));
  const sum = rest.reduce((total, share) => total + share, 0);
  return rest.map((share) => share / sum);
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
