import { type EmResult, expect, type Problem, teachingTasks } from "./expectation-maximisation.ts";
import type { Method } from "./fit.ts";

export interface GoldChoice {
  method: Method;
  /** Each method's mean log loss on gold that it had not been shown, at its own best temper. */
  logLoss: Record<Method, number>;
  /** The best temper of the chosen method on that gold. */
  temper: number;
  /** The same, but the fit's own temper where the best one gains no more than a standard error on that gold. */
  steadyTemper: number;
  /** Answered gold tasks that the choice stands on. */
  gold: number;
}

/** Answered gold tasks below which nothing is chosen. */
const GOLD_TO_CHOOSE = 20;
const TEMPERS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
/** One image never costs more than a probability of a ten-thousandth. */
const FLOOR = 1e-4;

/**
 * Chooses a method by log loss on held-out gold: each is fitted without gold, and judged on it at the temper that suits it
 * best (else the surest method would lose for being sure, not for being wrong). Dawid-Skene stays unless another method's
 * paired gain exceeds one standard error. undefined with fewer than 20 answered gold tasks.
 */
export function chooseByGold(
  problem: Problem,
  run: (blind: Problem, method: Method) => EmResult,
): GoldChoice | undefined {
  const { gold, answers } = problem;
  if (gold === undefined) return undefined;
  const held: number[] = [];
  for (let t = 0; t < problem.tasks; t++) if (gold[t]! >= 0 && answers.start[t + 1]! > answers.start[t]!) held.push(t);
  if (held.length < GOLD_TO_CHOOSE) return undefined;
  const unlabelled = { ...problem, gold: undefined };
  const blind: Problem = { ...unlabelled, teaches: teachingTasks(unlabelled) };
  const judged = (method: Method) => bestTemper(blind, run(blind, method), gold, held);
  const found = { majority: judged("majority"), "one-coin": judged("one-coin"), "dawid-skene": judged("dawid-skene") };
  let method: Method = "dawid-skene";
  for (const other of ["one-coin", "majority"] as const) {
    if (clearlyLess(found[other].losses, found[method].losses)) method = other;
  }
  const logLoss = {
    majority: found.majority.mean,
    "one-coin": found["one-coin"].mean,
    "dawid-skene": found["dawid-skene"].mean,
  };
  const { temper, losses, asGiven } = found[method];
  const steadyTemper = clearlyLess(losses, asGiven) ? temper : problem.temper;
  return { method, logLoss, temper, steadyTemper, gold: held.length };
}

/** The temper with the least mean loss on the held tasks, the loss of each of them, and their losses at the fit's own temper. */
function bestTemper(problem: Problem, result: EmResult, gold: Int32Array, held: readonly number[]) {
  const { classes } = problem;
  const lossesAt = (temper: number) => {
    const table = result.table.map((factor) => factor ** (temper / problem.temper));
    expect({ ...problem, temper }, { ...result, table });
    const losses = held.map((t) => -Math.log(Math.max(result.posterior[t * classes + gold[t]!]!, FLOOR)));
    // One gold image more, whose truth is the runner-up: a sample in which nobody happened to err must not make the fit sure.
    const surprise = held.reduce((sum, t) => sum + runnerUp(result.posterior, t, classes), 0) / held.length;
    return Float64Array.from([...losses, -Math.log(Math.max(surprise, FLOOR))]);
  };
  let best = { temper: 1, mean: Number.POSITIVE_INFINITY, losses: new Float64Array(held.length) };
  for (const temper of TEMPERS) {
    const losses = lossesAt(temper);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    if (mean < best.mean) best = { temper, mean, losses };
  }
  return { ...best, asGiven: lossesAt(problem.temper) };
}

/** The second largest probability of a task's row. */
function runnerUp(posterior: Float64Array, task: number, classes: number): number {
  const row = posterior.slice(task * classes, (task + 1) * classes).sort();
  return row[classes - 2] ?? 0;
}

/** Whether the mean of `a` is below that of `b` by more than one standard error of their paired difference. */
function clearlyLess(a: Float64Array, b: Float64Array): boolean {
  const n = a.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += (b[i]! - a[i]!) / n;
  let variance = 0;
  for (let i = 0; i < n; i++) variance += (b[i]! - a[i]! - mean) ** 2 / (n - 1);
  return mean > Math.sqrt(variance / n);
}
