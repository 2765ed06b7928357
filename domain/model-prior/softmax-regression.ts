/** Rows of features in one array, row-major: row i stands at i x width. */
export interface Rows {
  values: Float32Array;
  width: number;
}

/** scores[k] = bias[k] + row . weight[k]; the standardisation of the training rows is folded in. */
export interface Head {
  classes: number;
  width: number;
  /** classes x width. */
  weight: Float64Array;
  bias: Float64Array;
}

/** Most steps of the optimiser for one strength, gradient norm at which it stops, and steps that it remembers. */
const MOST_STEPS = 60;
const TOLERANCE = 1e-3;
const MEMORY = 8;

/**
 * Multinomial logistic regression for soft labels, ridge penalty `ridge` / 2 x |weight|^2 on standardised features, mean
 * cross-entropy in nats; L-BFGS (Liu and Nocedal 1989) from `start` or zero. `at` lists the training rows, `soft` (as many x
 * classes, rows sum to 1) their labels. Deterministic. Throws RangeError without rows or where lengths do not fit.
 * A class that no row may be of ends far below the others. O(rows x width x classes) a step.
 */
export function fitHead(
  rows: Rows,
  at: Int32Array,
  soft: Float64Array,
  classes: number,
  ridge: number,
  start?: Standardised,
): { head: Head; standardised: Standardised } {
  if (at.length === 0) throw new RangeError("a head needs at least one training row");
  if (soft.length !== at.length * classes)
    throw new RangeError(`${soft.length} soft labels for ${at.length} rows of ${classes} classes`);
  const { mean, spread } = moments(rows, at);
  const x = new Float64Array(at.length * rows.width);
  for (let i = 0; i < at.length; i++) {
    for (let j = 0; j < rows.width; j++)
      x[i * rows.width + j] = (rows.values[at[i]! * rows.width + j]! - mean[j]!) / spread[j]!;
  }
  const parameters = start === undefined ? new Float64Array(classes * (rows.width + 1)) : start.parameters.slice();
  minimise(parameters, (point, gradient) => loss(x, rows.width, soft, classes, ridge, point, gradient));
  return { head: unfolded(parameters, classes, rows.width, mean, spread), standardised: { parameters } };
}

/** A head before its standardisation is folded in: where a fit of another strength may begin. */
export interface Standardised {
  parameters: Float64Array;
}

/** Probabilities of one row under a head, written into `into` (classes long). */
export function probabilitiesOf({ classes, width, weight, bias }: Head, rows: Rows, row: number, into: Float64Array) {
  for (let k = 0; k < classes; k++) {
    let score = bias[k]!;
    for (let j = 0; j < width; j++) score += weight[k * width + j]! * rows.values[row * width + j]!;
    into[k] = score;
  }
  softmax(into);
}

function moments({ values, width }: Rows, at: Int32Array): { mean: Float64Array; spread: Float64Array } {
  const mean = new Float64Array(width);
  const spread = new Float64Array(width);
  for (const i of at) for (let j = 0; j < width; j++) mean[j] = mean[j]! + values[i * width + j]! / at.length;
  for (const i of at) {
    for (let j = 0; j < width; j++) spread[j] = spread[j]! + (values[i * width + j]! - mean[j]!) ** 2 / at.length;
  }
  for (let j = 0; j < width; j++) spread[j] = spread[j]! > 1e-18 ? Math.sqrt(spread[j]!) : 1;
  return { mean, spread };
}

/** Mean cross-entropy with its penalty; the gradient is written. Parameters: a row of weights and its bias per class. */
function loss(
  x: Float64Array,
  width: number,
  soft: Float64Array,
  classes: number,
  ridge: number,
  point: Float64Array,
  gradient: Float64Array,
): number {
  const count = soft.length / classes;
  const stride = width + 1;
  const scores = new Float64Array(classes);
  let total = 0;
  gradient.fill(0);
  for (let i = 0; i < count; i++) {
    const from = i * width;
    for (let k = 0; k < classes; k++) {
      const own = k * stride;
      let score = point[own + width]!;
      for (let j = 0; j < width; j++) score += point[own + j]! * x[from + j]!;
      scores[k] = score;
    }
    softmax(scores);
    for (let k = 0; k < classes; k++) {
      const label = soft[i * classes + k]!;
      if (label > 0) total -= label * Math.log(Math.max(scores[k]!, 1e-300));
      const error = (scores[k]! - label) / count;
      const own = k * stride;
      for (let j = 0; j < width; j++) gradient[own + j] = gradient[own + j]! + error * x[from + j]!;
      gradient[own + width] = gradient[own + width]! + error;
    }
  }
  let penalty = 0;
  for (let k = 0; k < classes; k++) {
    for (let j = k * stride; j < k * stride + width; j++) {
      penalty += point[j]! ** 2;
      gradient[j] = gradient[j]! + ridge * point[j]!;
    }
  }
  return total / count + (ridge / 2) * penalty;
}

function softmax(scores: Float64Array): void {
  let top = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < scores.length; k++) if (scores[k]! > top) top = scores[k]!;
  let sum = 0;
  for (let k = 0; k < scores.length; k++) {
    scores[k] = Math.exp(scores[k]! - top);
    sum += scores[k]!;
  }
  for (let k = 0; k < scores.length; k++) scores[k] = scores[k]! / sum;
}

type Objective = (point: Float64Array, gradient: Float64Array) => number;

/** L-BFGS with backtracking until the gradient is small, the step fails or the steps are used up. `point` is moved. */
function minimise(point: Float64Array, objective: Objective): void {
  const n = point.length;
  const gradient = new Float64Array(n);
  let value = objective(point, gradient);
  const history: { step: Float64Array; change: Float64Array; inverse: number }[] = [];
  for (let pass = 0; pass < MOST_STEPS; pass++) {
    if (Math.sqrt(dot(gradient, gradient)) < TOLERANCE) return;
    const direction = twoLoops(gradient, history);
    const slope = dot(gradient, direction);
    if (slope >= 0) return;
    const next = new Float64Array(n);
    const nextGradient = new Float64Array(n);
    let length = pass === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let reached = value;
    for (let tries = 0; ; tries++) {
      for (let j = 0; j < n; j++) next[j] = point[j]! + length * direction[j]!;
      reached = objective(next, nextGradient);
      if (reached <= value + 1e-4 * length * slope) break;
      if (tries === 20) return;
      length /= 2;
    }
    const step = new Float64Array(n);
    const change = new Float64Array(n);
    for (let j = 0; j < n; j++) {
      step[j] = next[j]! - point[j]!;
      change[j] = nextGradient[j]! - gradient[j]!;
    }
    const curvature = dot(step, change);
    if (curvature > 1e-12) history.push({ step, change, inverse: 1 / curvature });
    if (history.length > MEMORY) history.shift();
    point.set(next);
    gradient.set(nextGradient);
    value = reached;
  }
}

function twoLoops(
  gradient: Float64Array,
  history: readonly { step: Float64Array; change: Float64Array; inverse: number }[],
) {
  const direction = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (let h = history.length - 1; h >= 0; h--) {
    const { step, change, inverse } = history[h]!;
    const alpha = inverse * dot(step, direction);
    alphas[h] = alpha;
    for (let j = 0; j < direction.length; j++) direction[j] = direction[j]! - alpha * change[j]!;
  }
  const last = history.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.inverse * dot(last.change, last.change));
    for (let j = 0; j < direction.length; j++) direction[j] = direction[j]! * scale;
  }
  history.forEach(({ step, change, inverse }, h) => {
    const beta = inverse * dot(change, direction);
    for (let j = 0; j < direction.length; j++) direction[j] = direction[j]! + (alphas[h]! - beta) * step[j]!;
  });
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

function unfolded(
  parameters: Float64Array,
  classes: number,
  width: number,
  mean: Float64Array,
  spread: Float64Array,
): Head {
  const weight = new Float64Array(classes * width);
  const bias = new Float64Array(classes);
  for (let k = 0; k < classes; k++) {
    bias[k] = parameters[k * (width + 1) + width]!;
    for (let j = 0; j < width; j++) {
      weight[k * width + j] = parameters[k * (width + 1) + j]! / spread[j]!;
      bias[k] = bias[k]! - weight[k * width + j]! * mean[j]!;
    }
  }
  return { classes, width, weight, bias };
}
