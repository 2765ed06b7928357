/**
 * How far a model's confidence in its likeliest class is believed. Where it says odds o = p / (1 - p), the class holds with odds
 * floor + o^power x e^-discount, a little less where these are uncertain. floor = discount = 0, power = others = 1: the model at
 * its word.
 *
 * A power and a shift alone bend the wrong way: where a classifier is unsure its class holds far less often than it says, but
 * more often than a straight line through the sure end would have it. The floor lets the sure end keep its slope.
 */
export interface Calibration {
  floor: number;
  power: number;
  discount: number;
  /** Exponent of the other classes' probabilities, in proportion to which what is left is shared. */
  others: number;
  /** Covariance of (ln floor, power, discount), 3 x 3, rows one after the other. Left out: they are known. */
  doubt?: Float64Array;
}

export const AT_ITS_WORD: Calibration = { floor: 0, power: 1, discount: 0, others: 1 };

/** The normal prior of (ln floor, power, discount): a model nearly at its word, whose power hardly differs from 1. */
const PRIOR = [-2.3, 1, 0] as const;
const PRECISION = [1, 100, 1] as const;
/** Of the images on which a classifier errs its second choice holds in 70 to 75 %, where it says 80 % (docs/experiments.md). */
const OTHERS = 0.7;
const MOST_PASSES = 300;
const LEAST_PROBABILITY = 1e-12;

/** One image as calibration sees it. */
interface Word {
  /** ln of the odds that the model gives its likeliest class. */
  logOdds: number;
  /** 1 or 0 where gold says whether that class holds, -1 where it does not. */
  known: number;
  /** How likely people's answers are if that class holds, and if another does. */
  own: number;
  other: number;
}

/**
 * The calibration under which gold and the human answers are likeliest, by expectation maximisation over whether the model's
 * class is right: where there is no gold, by what people said. Buying more for unsure images does not bias it, since what was
 * bought followed from what was seen; of the surest images, which nobody is asked about, the form speaks.
 *
 * `likelihood`: images x classes, of the human answers alone, each counted to the power `temper`. Images without answers or
 * gold say nothing; where none says anything the model is at its word. O(images) a pass.
 */
export function calibrate(known: {
  classes: number;
  probabilities: Float64Array;
  likelihood: Float64Array;
  answers: Int32Array;
  gold: Int32Array;
  temper?: number;
}): Calibration {
  const words = wordsOf(known);
  if (words.length === 0) return AT_ITS_WORD;
  let at: Step["at"] = [...PRIOR];
  for (let pass = 0; ; pass++) {
    const { at: next, farthest, doubt } = improved(words, at);
    at = next;
    if (farthest < 1e-4 || pass === MOST_PASSES) return { ...calibrationAt(at), doubt };
  }
}

/**
 * A model's probabilities as log priors at a calibration: rows sum to 1 before the log, none is below 1e-12, and the likeliest
 * class stays the likeliest.
 */
export function logPrior(probabilities: Float64Array, classes: number, calibration: Calibration): Float64Array {
  const prior = new Float64Array(probabilities.length);
  for (let from = 0; from < prior.length; from += classes) {
    const row = probabilities.subarray(from, from + classes);
    const top = topOf(row);
    const { odds, slopes } = oddsAt(logOddsOf(row, top), calibration);
    // The mean error over what is not known of the calibration, where errors are rare: that of e^-z under a normal z.
    const believed = odds * Math.exp(-varianceOf(calibration.doubt, slopes) / 2);
    const rest = sharesOfOthers(row, top, calibration.others);
    const second = Math.max(...rest);
    const p = Math.max(believed / (1 + believed), second / (1 + second));
    for (let k = 0; k < classes; k++)
      prior[from + k] = Math.log(Math.max(k === top ? p : (1 - p) * rest[k]!, LEAST_PROBABILITY));
  }
  return prior;
}

function wordsOf({ classes, probabilities, likelihood, answers, gold, temper = 1 }: Parameters<typeof calibrate>[0]) {
  const words: Word[] = [];
  for (let i = 0; i < answers.length; i++) {
    const truth = gold[i]!;
    if (answers[i]! === 0 && truth < 0) continue;
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const top = topOf(row);
    const said = likelihood.subarray(i * classes, (i + 1) * classes).map((l) => l ** (1 / temper));
    words.push({
      logOdds: logOddsOf(row, top),
      known: truth < 0 ? -1 : Number(truth === top),
      own: said[top]!,
      other: sharesOfOthers(row, top, OTHERS).reduce((sum, share, k) => sum + share * said[k]!, 0),
    });
  }
  return words;
}

interface Step {
  /** ln floor, power, discount. */
  at: [number, number, number];
  farthest: number;
  doubt: Float64Array;
}

/** One pass: whether each class is right as things stand, and Fisher's step under the prior, at most 1 far. */
function improved(words: readonly Word[], at: Step["at"]): Step {
  const calibration = calibrationAt(at);
  const slope = at.map((value, j) => PRECISION[j]! * (PRIOR[j]! - value));
  const curve = Float64Array.of(PRECISION[0], 0, 0, 0, PRECISION[1], 0, 0, 0, PRECISION[2]);
  for (const { logOdds, known, own, other } of words) {
    const { odds, slopes } = oddsAt(logOdds, calibration);
    const p = odds / (1 + odds);
    const right = known >= 0 ? known : (p * own) / (p * own + (1 - p) * other);
    for (let j = 0; j < 3; j++) {
      slope[j] = slope[j]! + (right - p) * slopes[j]!;
      for (let l = 0; l < 3; l++) curve[3 * j + l] = curve[3 * j + l]! + p * (1 - p) * slopes[j]! * slopes[l]!;
    }
  }
  const doubt = inverse(curve);
  const move = [0, 1, 2].map((j) => slope.reduce((sum, value, l) => sum + doubt[3 * j + l]! * value, 0));
  const farthest = Math.max(...move.map(Math.abs));
  const length = Math.min(1, 1 / Math.max(farthest, 1e-12));
  const [floor, power, discount] = at.map((value, j) => value + length * move[j]!) as Step["at"];
  // A model that is surer is never taken as less right.
  return { at: [floor, Math.max(0, power), discount], farthest, doubt };
}

const calibrationAt = ([floor, power, discount]: Step["at"]): Calibration => ({
  floor: Math.exp(floor),
  power,
  discount,
  others: OTHERS,
});

/** Odds that the likeliest class holds, and how their logarithm moves with (ln floor, power, discount). */
function oddsAt(logOdds: number, { floor, power, discount }: Calibration) {
  const earned = Math.exp(power * logOdds - discount);
  const odds = floor + earned;
  const share = earned / odds;
  return { odds, slopes: [1 - share, logOdds * share, -share] as const };
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

function topOf(row: Float64Array): number {
  let top = 0;
  for (let k = 1; k < row.length; k++) if (row[k]! > row[top]!) top = k;
  return top;
}

/** ln(p / (1 - p)) of the class at `top`. From the others' own sum: 1 - p would lose the last digits. */
function logOddsOf(row: Float64Array, top: number): number {
  let others = 0;
  for (let k = 0; k < row.length; k++) if (k !== top) others += row[k]!;
  return Math.log(Math.max(row[top]!, LEAST_PROBABILITY)) - Math.log(Math.max(others, LEAST_PROBABILITY));
}

/** Variance of the log odds under what is not known of the calibration. */
function varianceOf(doubt: Float64Array | undefined, slopes: readonly [number, number, number]): number {
  if (doubt === undefined) return 0;
  let variance = 0;
  for (let j = 0; j < 3; j++) for (let l = 0; l < 3; l++) variance += slopes[j]! * slopes[l]! * doubt[3 * j + l]!;
  return variance;
}

/** How an error is shared among the other classes; sums to 1, 0 at the likeliest class. */
function sharesOfOthers(row: Float64Array, top: number, power: number): Float64Array {
  const rest = row.map((p, k) => (k === top ? 0 : Math.max(p, LEAST_PROBABILITY) ** power));
  const sum = rest.reduce((total, share) => total + share, 0);
  return rest.map((share) => share / sum);
}
