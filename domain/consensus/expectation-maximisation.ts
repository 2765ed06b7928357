import type { GroupedAnswers } from "./answers.ts";
import type { WorkerModel } from "./worker-models.ts";

/** What EM runs on. */
export interface Problem {
  classes: number;
  tasks: number;
  workers: number;
  answers: GroupedAnswers;
  /** Known truth per task, or -1. */
  gold: Int32Array | undefined;
  /** tasks x classes log prior per task; a row that starts with NaN means none, and the learned shares stand in. */
  prior: Float64Array | undefined;
  /** Exponent of each answer's likelihood, (0, 1]: below 1 where answers to one image err together. */
  temper: number;
}

/** Where EM is: expected counts [worker][column][truth] and counts of the classes among the tasks without a prior. */
export interface Expectation {
  counts: Float64Array;
  shares: Float64Array;
}

export interface Convergence {
  maxIterations: number;
  /** Stops when the objective grows by less than this share of itself. 0: runs all iterations. */
  tolerance: number;
}

/** Vote shares (ties shared, "cannot tell" ignored, gold as it is) as the first expectation. */
export function voteShares(problem: Problem): Expectation {
  const { classes, tasks, answers, gold } = problem;
  const expectation = emptyExpectation(problem);
  const row = new Float64Array(classes);
  for (let t = 0; t < tasks; t++) {
    const from = answers.start[t]!;
    const to = answers.start[t + 1]!;
    row.fill(0);
    let votes = 0;
    const known = gold === undefined ? -1 : gold[t]!;
    if (known >= 0) {
      row[known] = 1;
      votes = 1;
    } else {
      for (let i = from; i < to; i++) {
        const column = answers.column[i]!;
        if (column < classes) {
          row[column] = row[column]! + 1;
          votes++;
        }
      }
    }
    if (votes === 0) continue;
    for (let k = 0; k < classes; k++) row[k] = row[k]! / votes;
    addTask(problem, expectation, t, row);
  }
  return expectation;
}

export interface EmResult {
  expectation: Expectation;
  logConfusion: Float64Array;
  logShares: Float64Array;
  objective: number[];
}

/**
 * Expectation maximisation: the model's parameters from the expected counts, the counts from the parameters, and so on.
 * O(answers x classes) time per pass; posteriors are never stored, for each task's counts are added as soon as it is
 * known. `objective[i]` is the log posterior density of the parameters of pass i (up to a constant) and never falls.
 */
export function runEm(
  problem: Problem,
  model: WorkerModel,
  first: Expectation,
  { maxIterations, tolerance }: Convergence,
): EmResult {
  const { classes, tasks, workers } = problem;
  const logConfusion = new Float64Array(workers * classes * (classes + 1));
  const logShares = new Float64Array(classes).fill(-Math.log(classes));
  let expectation: Expectation = { counts: first.counts.slice(), shares: first.shares.slice() };
  let spare = emptyExpectation(problem);
  const row = new Float64Array(classes);
  const objective: number[] = [];
  for (let pass = 0; pass < maxIterations; pass++) {
    let density = model.maximise(expectation.counts, logConfusion);
    if (model.learnsShares) density += maximiseShares(expectation.shares, logShares);
    spare.counts.fill(0);
    spare.shares.fill(0);
    for (let t = 0; t < tasks; t++) {
      density += posteriorOf(problem, logConfusion, logShares, t, row);
      addTask(problem, spare, t, row);
    }
    [expectation, spare] = [spare, expectation];
    objective.push(density);
    const before = objective[pass - 1];
    if (before !== undefined && tolerance > 0 && density - before < tolerance * Math.abs(before)) break;
  }
  return { expectation, logConfusion, logShares, objective };
}

/** Writes task t's posterior into `row`; returns its log evidence. Gold is certain. */
export function posteriorOf(
  { classes, answers, gold, prior, temper }: Problem,
  logConfusion: Float64Array,
  logShares: Float64Array,
  t: number,
  row: Float64Array,
): number {
  const at = t * classes;
  if (prior !== undefined && !Number.isNaN(prior[at]!)) for (let k = 0; k < classes; k++) row[k] = prior[at + k]!;
  else for (let k = 0; k < classes; k++) row[k] = logShares[k]!;
  const width = classes * (classes + 1);
  const to = answers.start[t + 1]!;
  for (let i = answers.start[t]!; i < to; i++) {
    const from = answers.worker[i]! * width + answers.column[i]! * classes;
    for (let k = 0; k < classes; k++) row[k] = row[k]! + temper * logConfusion[from + k]!;
  }
  const known = gold === undefined ? -1 : gold[t]!;
  if (known >= 0) {
    const evidence = row[known]!;
    row.fill(0);
    row[known] = 1;
    return evidence;
  }
  return normalise(row);
}

/** Turns logs into shares that sum to 1, in place; returns the log of their sum. */
export function normalise(row: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < row.length; k++) if (row[k]! > top) top = row[k]!;
  if (top === Number.NEGATIVE_INFINITY) {
    row.fill(1 / row.length);
    return top;
  }
  let sum = 0;
  for (let k = 0; k < row.length; k++) {
    const value = Math.exp(row[k]! - top);
    row[k] = value;
    sum += value;
  }
  for (let k = 0; k < row.length; k++) row[k] = row[k]! / sum;
  return top + Math.log(sum);
}

function emptyExpectation({ classes, workers }: Problem): Expectation {
  return { counts: new Float64Array(workers * classes * (classes + 1)), shares: new Float64Array(classes) };
}

/** Adds a task's posterior to the counts of everybody who answered it, each answer weighing `temper`. */
function addTask(
  { classes, answers, prior, temper }: Problem,
  { counts, shares }: Expectation,
  t: number,
  row: Float64Array,
): void {
  if (prior === undefined || Number.isNaN(prior[t * classes]!))
    for (let k = 0; k < classes; k++) shares[k] = shares[k]! + row[k]!;
  const width = classes * (classes + 1);
  const to = answers.start[t + 1]!;
  for (let i = answers.start[t]!; i < to; i++) {
    const from = answers.worker[i]! * width + answers.column[i]! * classes;
    for (let k = 0; k < classes; k++) counts[from + k] = counts[from + k]! + temper * row[k]!;
  }
}

/** Shares of the classes under a prior of one task per class. */
function maximiseShares(shares: Float64Array, logShares: Float64Array): number {
  let total = 0;
  for (let k = 0; k < shares.length; k++) total += shares[k]! + 1;
  let prior = 0;
  for (let k = 0; k < shares.length; k++) {
    logShares[k] = Math.log((shares[k]! + 1) / total);
    prior += logShares[k]!;
  }
  return prior;
}
