import { type AnswerColumns, checkAnswers, groupByTask } from "./answers.ts";
import { chooseByGold, type GoldChoice } from "./choose.ts";
import {
  type Convergence,
  type EmResult,
  likelihoodOf,
  type Problem,
  runEm,
  teachingTasks,
  voteShares,
} from "./expectation-maximisation.ts";
import { dawidSkene, hierarchicalBase, oneCoin, rowOf, type Strength, sharedCoin } from "./worker-models.ts";

export type Method = "majority" | "one-coin" | "dawid-skene";

export interface ConsensusInput extends AnswerColumns {
  /** Known truth per task, -1 where unknown. It clamps the task and anchors skill. */
  gold?: Int32Array;
  /** tasks x classes: a model's log prior per image (out of fold, calibrated). A row that starts with NaN means none. */
  prior?: Float64Array;
  /** Exponent of each answer's likelihood, in (0, 1]; 1 where left out. Below 1 where answers to one image err together. */
  temper?: number;
  method: Method | "automatic";
  /** `map` (default): shrinks sparse workers towards a coin. `mle`: plain Dawid and Skene, for comparison. */
  estimate?: "map" | "mle";
  /** Runs exactly so many passes: for comparisons. Left out: until the objective grows by less than 1e-6 of itself, 100 at most. */
  iterations?: number;
  strength?: Strength;
}

export interface ConsensusFit {
  method: Method;
  /** tasks x classes, each row sums to 1. Gold rows are certain; a task without answers or prior has the classes' shares. */
  posterior: Float64Array;
  /** tasks x classes: likelihood of the human answers alone (no prior, no shares), normalised; even where there are none. */
  likelihood: Float64Array;
  /** workers x classes x (classes + 1): P(said | truth), rows sum to 1, the last column is "cannot tell". */
  confusion: Float64Array;
  /** Log posterior density per pass; never falls. */
  objective: number[];
  iterations: number;
  /** How `automatic` chose, where there was enough gold to choose by. */
  choice?: GoldChoice;
}

/**
 * Priors' worth in answers, fixed on twelve public crowds that no benchmark here is judged on (docs/experiments.md): a row's
 * for their two classes or so; with more classes a row has more to learn, and as much is kept per class.
 */
export const defaultStrength = (classes: number): Strength => ({ accuracy: 4, row: Math.max(4, 1.6 * classes) });

/**
 * What the images show and how each annotator errs, from answers alone or with gold and a model's prior.
 * Deterministic. Throws RangeError on indices out of range. No answers at all is no error: posteriors are the priors.
 *
 * `automatic` is Dawid-Skene with shrinkage (where workers are sparse it is one-coin by itself), unless held-out gold
 * speaks clearly for another method: see choose.ts.
 */
export function fitConsensus(input: ConsensusInput): ConsensusFit {
  checkAnswers(input);
  const temper = input.temper ?? 1;
  if (!(temper > 0 && temper <= 1)) throw new RangeError(`temper ${temper}: expected a number above 0 and at most 1`);
  for (const [name, column, length] of [
    ["gold", input.gold, input.tasks],
    ["prior", input.prior, input.tasks * input.classes],
  ] as const) {
    if (column !== undefined && column.length !== length)
      throw new RangeError(`${name} has ${column.length} values, expected ${length}`);
  }
  checkPrior(input);
  const given = {
    classes: input.classes,
    tasks: input.tasks,
    workers: input.workers,
    answers: groupByTask(input),
    gold: input.gold,
    prior: input.prior,
    temper,
  };
  const problem: Problem = { ...given, teaches: teachingTasks(given) };
  const options = {
    estimate: input.estimate ?? "map",
    strength: input.strength ?? defaultStrength(input.classes),
    convergence: { maxIterations: input.iterations ?? 100, tolerance: input.iterations === undefined ? 1e-6 : 0 },
  };
  if (input.method !== "automatic") return finish(problem, input.method, fitMethod(problem, input.method, options));

  const choice = chooseByGold(problem, (blind, method) => fitMethod(blind, method, options));
  const method = choice?.method ?? "dawid-skene";
  const fit = finish(problem, method, fitMethod(problem, method, options));
  return choice === undefined ? fit : { ...fit, choice };
}

function checkPrior({ prior, classes, tasks }: ConsensusInput): void {
  if (prior === undefined) return;
  for (let t = 0; t < tasks; t++) {
    let known = 0;
    for (let k = 0; k < classes; k++) {
      const log = prior[t * classes + k]!;
      if (!Number.isNaN(log)) known++;
      if (log === Number.POSITIVE_INFINITY) known = -1;
    }
    if (known !== 0 && known !== classes) {
      throw new RangeError(
        `prior of task ${t} is ${prior.slice(t * classes, (t + 1) * classes).join(", ")}: expected logs, or NaN throughout for none`,
      );
    }
  }
}

interface Options {
  estimate: "map" | "mle";
  strength: Strength;
  convergence: Convergence;
}

/**
 * Votes give a coin that all workers share; its counts give each worker's prior, and the start. (One coin per worker is no
 * start for matrices: it collapses where classes are confused unevenly, and takes them with it.)
 */
function fitMethod(problem: Problem, method: Method, { estimate, strength, convergence }: Options): EmResult {
  const { classes, workers } = problem;
  const votes = voteShares(problem);
  if (method === "dawid-skene" && estimate === "mle") {
    const even = new Float64Array(workers * classes * (classes + 1)).fill(1 / (classes + 1));
    return runEm(problem, dawidSkene(classes, workers, even, 0), votes, convergence);
  }
  const weak = { classes, workers, accuracy: 0.7, cannotTell: 0.02, strength: 2 };
  const staged = method === "majority" ? convergence : { maxIterations: 20, tolerance: 1e-4 };
  const shared = runEm(problem, sharedCoin(weak), votes, staged);
  if (method === "majority") return shared;

  const cannotTell = shared.table[rowOf(classes, 0, classes)]! ** (1 / problem.temper);
  const accuracy = shared.table[0]! ** (1 / problem.temper) / (1 - cannotTell);
  const coin = { ...weak, accuracy: Math.max(accuracy, 1 / classes + 0.05), cannotTell, strength: strength.accuracy };
  if (method === "one-coin") return runEm(problem, oneCoin(coin), shared, convergence);

  const base = hierarchicalBase(shared.table, classes, workers, coin);
  return runEm(problem, dawidSkene(classes, workers, base, strength.row), shared, convergence);
}

/** Posteriors, likelihoods and confusions of a finished fit. */
function finish(problem: Problem, method: Method, result: EmResult): ConsensusFit {
  const { classes, workers, temper } = problem;
  const columns = classes + 1;
  const confusion = new Float64Array(workers * classes * columns);
  for (let w = 0; w < workers; w++) {
    for (let truth = 0; truth < classes; truth++) {
      const at = (w * classes + truth) * columns;
      let sum = 0;
      for (let column = 0; column < columns; column++) {
        const share = result.table[rowOf(classes, w, column) + truth]! ** (1 / temper);
        confusion[at + column] = share;
        sum += share;
      }
      for (let column = 0; column < columns; column++) confusion[at + column] = confusion[at + column]! / sum;
    }
  }
  const { posterior, objective } = result;
  return {
    method,
    posterior,
    likelihood: likelihoodOf(problem, result),
    confusion,
    objective,
    iterations: objective.length,
  };
}
