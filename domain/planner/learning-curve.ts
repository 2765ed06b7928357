import { chance } from "../chance.ts";

/** Accuracy of models trained on so many labelled images, with the number of held-out images that it was measured on. */
export interface CurvePoint {
  labelled: number;
  accuracy: number;
  heldOut: number;
}

export interface Extrapolation {
  /** Expected accuracy at the asked size, with a 90 % interval from the points' own sampling error. */
  accuracy: number;
  low: number;
  high: number;
  /** error(n) = floor + scale x n^-rate. */
  floor: number;
  scale: number;
  rate: number;
}

const RATES = Array.from({ length: 20 }, (_, i) => 0.1 + 0.05 * i);
const DRAWS = 200;

/**
 * Extrapolates a learning curve by an inverse power law of the error (Hestness and others 2017; Figueroa and others 2012):
 * weighted least squares for floor >= 0 and scale >= 0 at each rate of a grid, the best rate kept. The interval refits 200
 * seeded redraws of the points within their binomial error: it carries sampling error, not the doubt in the law itself.
 * Needs three points of different size (RangeError).
 */
export function extrapolate(points: readonly CurvePoint[], labelled: number, seed: string | number = 1): Extrapolation {
  if (new Set(points.map((point) => point.labelled)).size < 3)
    throw new RangeError(`${points.length} points: a learning curve needs three sizes at least`);
  const errors = points.map(({ accuracy }) => 1 - accuracy);
  const fitted = fitLaw(points, errors);
  const at = ({ floor, scale, rate }: Law) => 1 - Math.min(1, floor + scale * labelled ** -rate);
  const random = chance(`${seed}/learning-curve`);
  const redrawn = Array.from({ length: DRAWS }, () => {
    const noisy = points.map(({ heldOut }, i) =>
      Math.max(0, errors[i]! + random.normal() * Math.sqrt(variance(errors[i]!, heldOut))),
    );
    return at(fitLaw(points, noisy));
  }).sort((a, b) => a - b);
  return {
    accuracy: at(fitted),
    low: redrawn[Math.floor(0.05 * DRAWS)]!,
    high: redrawn[Math.ceil(0.95 * DRAWS) - 1]!,
    ...fitted,
  };
}

/**
 * Whether more labels are worth buying for the model: the accuracy that they are expected to add, valued, against their
 * price. `stop` only where even the interval's upper end does not pay; `unsure` where the ends disagree.
 */
export function worthMoreLabels(
  points: readonly CurvePoint[],
  more: { labels: number; price: number; valuePerPoint: number },
  seed: string | number = 1,
): { decision: "buy" | "stop" | "unsure"; gain: number; low: number; high: number } {
  const most = Math.max(...points.map((point) => point.labelled));
  const now = extrapolate(points, most, seed);
  const then = extrapolate(points, most + more.labels, seed);
  const gain = then.accuracy - now.accuracy;
  const low = Math.max(0, then.low - now.low);
  const high = Math.max(gain, then.high - now.high, then.high - now.accuracy);
  const pays = (accuracy: number) => 100 * accuracy * more.valuePerPoint > more.price;
  const least = Math.min(gain, low);
  return { decision: pays(least) ? "buy" : pays(high) ? "unsure" : "stop", gain, low: least, high };
}

/**
 * What one wrong label among the `labelled` costs a model, in shares of its accuracy. Where a share `wrong` of the labels errs
 * evenly over `classes`, they carry as much as labelled x (1 - wrong x classes / (classes - 1))^2 right ones: the classes'
 * means move together by that factor and their spread stays. So a label that is mended is worth some 2 to 3 more labelled
 * images, and what one of those is worth is the curve's slope, at its steeper (90 %) end. 0 where labels say nothing at all.
 */
export function accuracyPerWrongLabel(
  points: readonly CurvePoint[],
  { wrong, classes }: { wrong: number; classes: number },
  seed: string | number = 1,
): number {
  const most = Math.max(...points.map((point) => point.labelled));
  const further = Math.ceil(0.1 * most);
  const now = extrapolate(points, most, seed);
  const then = extrapolate(points, most + further, seed);
  const slope = Math.max(then.accuracy - now.accuracy, then.high - now.high, 0) / further;
  const blur = classes / (classes - 1);
  const kept = 1 - blur * wrong;
  return kept <= 0 ? 0 : (slope * 2 * blur) / kept;
}

interface Law {
  floor: number;
  scale: number;
  rate: number;
}

function fitLaw(points: readonly CurvePoint[], errors: readonly number[]): Law {
  let best: Law = { floor: 0, scale: 0, rate: RATES[0]! };
  let least = Number.POSITIVE_INFINITY;
  for (const rate of RATES) {
    const x = points.map(({ labelled }) => labelled ** -rate);
    const w = points.map(({ heldOut }, i) => 1 / variance(errors[i]!, heldOut));
    const sum = (f: (i: number) => number) => points.reduce((total, _, i) => total + w[i]! * f(i), 0);
    const [s, sx, sxx, sy, sxy] = [
      sum(() => 1),
      sum((i) => x[i]!),
      sum((i) => x[i]! ** 2),
      sum((i) => errors[i]!),
      sum((i) => x[i]! * errors[i]!),
    ];
    const determinant = s * sxx - sx * sx;
    let floor = (sxx * sy - sx * sxy) / determinant;
    let scale = (s * sxy - sx * sy) / determinant;
    if (!(floor >= 0)) {
      floor = 0;
      scale = sxy / sxx;
    }
    if (!(scale >= 0)) {
      scale = 0;
      floor = sy / s;
    }
    const loss = sum((i) => (errors[i]! - floor - scale * x[i]!) ** 2);
    if (loss < least) {
      least = loss;
      best = { floor, scale, rate };
    }
  }
  return best;
}

/** Binomial variance of an error rate, with one error and one right image added so that it is never 0. */
function variance(error: number, heldOut: number): number {
  const p = (error * heldOut + 1) / (heldOut + 2);
  return (p * (1 - p)) / Math.max(1, heldOut);
}
