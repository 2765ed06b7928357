import type { GroupedAnswers } from "./answers.ts";
import { addToCounts, multiplyFactors } from "./table-rows.ts";
import type { WorkerModel, WorkerTable } from "./worker-models.ts";

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
  /** 1 where a task tells of its workers: see `teachingTasks`. */
  teaches: Uint8Array;
}

/**
 * Tasks that tell how their workers err: all but those with a single answer and neither gold nor prior. A lone answer
 * agrees with itself whatever it is; taught by it, matrices drift until one class explains everything.
 */
export function teachingTasks({ classes, tasks, answers, gold, prior }: Omit<Problem, "teaches">): Uint8Array {
  const teaches = new Uint8Array(tasks);
  for (let t = 0; t < tasks; t++) {
    let told = 0;
    for (let i = answers.start[t]!; i < answers.start[t + 1]!; i++) if (answers.column[i]! < classes) told++;
    const anchored =
      (gold !== undefined && gold[t]! >= 0) || (prior !== undefined && !Number.isNaN(prior[t * classes]!));
    teaches[t] = told !== 1 || anchored ? 1 : 0;
  }
  return teaches;
}

export interface Convergence {
  maxIterations: number;
  /** Stops when the objective grows by less than this share of itself. 0: runs all iterations. */
  tolerance: number;
}

export interface EmResult {
  table: WorkerTable;
  /** Expected number of tasks per class, among those without a prior. */
  classCounts: Float64Array;
  shares: Float64Array;
  /** tasks x classes, under the table's factors. */
  posterior: Float64Array;
  objective: number[];
}

/** A start for EM from vote shares (ties shared, "cannot tell" ignored, gold as it is): counts without factors. */
export function voteShares(problem: Problem): EmResult {
  const { classes, tasks, answers, gold, prior, temper, teaches } = problem;
  const result = emptyResult(problem);
  const { table, classCounts, posterior } = result;
  const told = new Float64Array(classes);
  for (let t = 0; t < tasks; t++) {
    const to = answers.start[t + 1]!;
    const known = gold === undefined ? -1 : gold[t]!;
    const row = posterior.subarray(t * classes, (t + 1) * classes);
    let votes = 0;
    for (let i = answers.start[t]!; i < to; i++) {
      const column = answers.column[i]!;
      if (column < classes) {
        row[column]!++;
        votes++;
      }
    }
    if (known >= 0) {
      row.fill(0);
      row[known] = 1;
      votes = 1;
    }
    if (votes === 0 || teaches[t] === 0) continue;
    const learns = prior === undefined || Number.isNaN(prior[t * classes]!);
    for (let k = 0; k < classes; k++) {
      row[k] = row[k]! / votes;
      if (learns) classCounts[k] = classCounts[k]! + row[k]!;
    }
    for (let k = 0; k < classes; k++) told[k] = temper * row[k]!;
    addToCounts(table, answers.place, answers.start[t]!, to, told);
  }
  return result;
}

/**
 * Expectation maximisation: the model's factors from the expected counts, the counts from the factors, and so on, starting
 * from the counts of `state`, which it takes over and returns. O(answers x classes) time per pass.
 * `objective[i]` is the log posterior density of the parameters of pass i (up to a constant) and never falls.
 */
export function runEm(
  problem: Problem,
  model: WorkerModel,
  state: EmResult,
  { maxIterations, tolerance }: Convergence,
): EmResult {
  const { table, classCounts, shares, posterior } = state;
  shares.fill(1 / problem.classes);
  const objective: number[] = [];
  for (let pass = 0; pass < maxIterations; pass++) {
    let density = model.maximise(table, problem.temper);
    if (model.learnsShares) density += maximiseShares(classCounts, shares);
    density += expect(problem, state);
    objective.push(density);
    const before = objective[pass - 1];
    if (before !== undefined && tolerance > 0 && density - before < tolerance * Math.abs(before)) break;
  }
  return { table, classCounts, shares, posterior, objective };
}

/** A running product is rescaled after so many factors: each is above 1e-10, so that 1e-100 can't become 0 in between. */
const RESCALE_EVERY = 8;

/**
 * The expectation step: each task's posterior from the factors, in order of task, and from it the counts anew. Returns the
 * summed log evidence. Gold is certain. Products are taken in place of sums of logs, and rescaled before they could vanish:
 * as exact, and without a logarithm per class and answer.
 */
export function expect(
  { classes, tasks, workers, answers, gold, prior, temper, teaches }: Problem,
  { table, classCounts, shares, posterior }: Omit<EmResult, "objective">,
): number {
  const { start, place } = answers;
  for (let from = classes; from < workers * (classes + 1) * 2 * classes; from += 2 * classes)
    table.fill(0, from, from + classes);
  classCounts.fill(0);
  const row = new Float64Array(classes);
  let evidence = 0;
  for (let t = 0; t < tasks; t++) {
    const from = start[t]!;
    const to = start[t + 1]!;
    const known = gold === undefined ? -1 : gold[t]!;
    const hasPrior = prior !== undefined && !Number.isNaN(prior[t * classes]!);
    let scale = 1;
    if (hasPrior) evidence += exponentials(prior, t * classes, row);
    else for (let k = 0; k < classes; k++) row[k] = shares[k]!;
    if (known >= 0) {
      // The evidence of gold is that of its class alone, which may be tiny: in logs.
      evidence += Math.log(row[known]!);
      for (let i = from; i < to; i++) evidence += Math.log(table[place[i]! + known]!);
      row.fill(0);
      row[known] = 1;
    } else {
      for (let i = from; i < to; i += RESCALE_EVERY) {
        if (i > from) evidence += rescale(row);
        multiplyFactors(table, place, i, Math.min(to, i + RESCALE_EVERY), row);
      }
      let sum = 0;
      for (let k = 0; k < classes; k++) sum += row[k]!;
      if (teaches[t] === 1) evidence += Math.log(sum);
      scale = 1 / sum;
    }
    // One walk over the row: the posterior, the class counts (without a prior only), and what the workers' counts get.
    const counted = hasPrior || teaches[t] === 0 ? 0 : 1;
    const at = t * classes;
    for (let k = 0; k < classes; k++) {
      const p = row[k]! * scale;
      posterior[at + k] = p;
      classCounts[k] = classCounts[k]! + p * counted;
      row[k] = p * temper;
    }
    if (teaches[t] === 0) continue;
    addToCounts(table, place, from, to, row);
  }
  return evidence;
}

/** What the answers alone say: the posterior without what it began with (prior or shares), normalised; gold stays certain. */
export function likelihoodOf({ classes, tasks, gold, prior }: Problem, { posterior, shares }: EmResult): Float64Array {
  const likelihood = posterior.slice();
  const row = new Float64Array(classes);
  for (let t = 0; t < tasks; t++) {
    if (gold !== undefined && gold[t]! >= 0) continue;
    if (prior !== undefined && !Number.isNaN(prior[t * classes]!)) exponentials(prior, t * classes, row);
    else row.set(shares);
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      row[k] = posterior[t * classes + k]! / row[k]!;
      sum += row[k]!;
    }
    for (let k = 0; k < classes; k++) likelihood[t * classes + k] = row[k]! / sum;
  }
  return likelihood;
}

/** Divides a row by its largest value; returns that value's log. */
function rescale(row: Float64Array): number {
  let top = 0;
  for (let k = 0; k < row.length; k++) if (row[k]! > top) top = row[k]!;
  for (let k = 0; k < row.length; k++) row[k] = row[k]! / top;
  return Math.log(top);
}

/** No class is ruled out by a prior: the least is so many times less likely than the likeliest. */
const LEAST_PRIOR = 1e-20;

/** Writes exp(log - largest log) of one row of logs; returns the largest. All -Infinity: even. */
function exponentials(logs: Float64Array, from: number, row: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < row.length; k++) if (logs[from + k]! > top) top = logs[from + k]!;
  if (top === Number.NEGATIVE_INFINITY) {
    row.fill(1 / row.length);
    return 0;
  }
  for (let k = 0; k < row.length; k++) row[k] = Math.max(Math.exp(logs[from + k]! - top), LEAST_PRIOR);
  return top;
}

function emptyResult({ classes, tasks, workers }: Problem): EmResult {
  return {
    table: new Float64Array(workers * (classes + 1) * 2 * classes),
    classCounts: new Float64Array(classes),
    shares: new Float64Array(classes).fill(1 / classes),
    posterior: new Float64Array(tasks * classes),
    objective: [],
  };
}

/** Shares of the classes under a prior of one task per class; returns its log density. */
function maximiseShares(classCounts: Float64Array, shares: Float64Array): number {
  let total = 0;
  for (let k = 0; k < shares.length; k++) total += classCounts[k]! + 1;
  let density = 0;
  for (let k = 0; k < shares.length; k++) {
    shares[k] = (classCounts[k]! + 1) / total;
    density += Math.log(shares[k]!);
  }
  return density;
}
