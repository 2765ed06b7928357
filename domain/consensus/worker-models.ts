/**
 * How annotators err: three models of the same shape. Each turns expected counts into P(said | truth) per worker, at the
 * maximum a posteriori under a prior that stays fixed while EM runs, so that EM's objective can only rise.
 *
 * A `WorkerTable` holds both for each (worker, column): `classes` factors P(said = column | truth)^temper, one per truth,
 * then `classes` expected counts. Side by side, for EM needs them together and memory is what it waits for.
 * columns = classes + 1; the last is "cannot tell".
 */
export type WorkerTable = Float64Array;

export interface WorkerModel {
  /** Whether the share of each class is learned (true) or taken as equal (false). */
  learnsShares: boolean;
  /** Writes the factors from the counts; returns the log prior density of what it wrote, up to a constant. */
  maximise(table: WorkerTable, temper: number): number;
}

/** Where the factors of a (worker, column) begin; its counts begin `classes` further. */
export const rowOf = (classes: number, worker: number, column: number) =>
  (worker * (classes + 1) + column) * 2 * classes;

/** How strongly priors pull, in answers. */
export interface Strength {
  /** Answers that a worker's accuracy prior is worth. */
  accuracy: number;
  /** Answers that a worker's prior for one row of the confusion matrix is worth. */
  row: number;
}

const FLOOR = 1e-10;

interface CoinShape {
  classes: number;
  workers: number;
  /** Prior mean of accuracy and of the rate of "cannot tell". */
  accuracy: number;
  cannotTell: number;
  strength: number;
}

interface Tally {
  right: number;
  wrong: number;
  unsure: number;
}

/** Right answers, wrong answers and "cannot tell" of one worker. */
function tally(table: WorkerTable, worker: number, classes: number): Tally {
  let right = 0;
  let all = 0;
  let unsure = 0;
  for (let column = 0; column <= classes; column++) {
    const counts = rowOf(classes, worker, column) + classes;
    let said = 0;
    for (let truth = 0; truth < classes; truth++) said += table[counts + truth]!;
    if (column === classes) unsure = said;
    else {
      all += said;
      right += table[counts + column]!;
    }
  }
  return { right, wrong: Math.max(0, all - right), unsure };
}

/** One accuracy per worker, errors spread evenly over the other classes; "cannot tell" says nothing of the truth. */
export function oneCoin(shape: CoinShape): WorkerModel {
  const { classes, workers } = shape;
  return {
    learnsShares: true,
    maximise(table, temper) {
      let prior = 0;
      for (let w = 0; w < workers; w++) {
        prior += writeCoin(shape, tally(table, w, classes), table, temper, { from: w, to: w + 1, least: 0 });
      }
      return prior;
    },
  };
}

/**
 * One accuracy for everybody, at least that of chance, and equal shares: the winner is the plurality, with a posterior
 * that means something.
 */
export function sharedCoin(shape: CoinShape): WorkerModel {
  const { classes, workers } = shape;
  return {
    learnsShares: false,
    maximise(table, temper) {
      const sum: Tally = { right: 0, wrong: 0, unsure: 0 };
      for (let w = 0; w < workers; w++) {
        const one = tally(table, w, classes);
        sum.right += one.right;
        sum.wrong += one.wrong;
        sum.unsure += one.unsure;
      }
      return writeCoin(shape, sum, table, temper, { from: 0, to: workers, least: 1.05 / classes });
    },
  };
}

function writeCoin(
  { classes, accuracy, cannotTell, strength }: CoinShape,
  { right, wrong, unsure }: Tally,
  table: WorkerTable,
  temper: number,
  { from, to, least }: { from: number; to: number; least: number },
): number {
  const a = Math.max(least, clamp((right + strength * accuracy) / (right + wrong + strength)));
  const c = clamp((unsure + strength * cannotTell) / (right + wrong + unsure + strength));
  const hit = ((1 - c) * a) ** temper;
  const miss = (((1 - c) * (1 - a)) / (classes - 1)) ** temper;
  for (let w = from; w < to; w++) {
    for (let column = 0; column < classes; column++) {
      const at = rowOf(classes, w, column);
      table.fill(miss, at, at + classes);
      table[at + column] = hit;
    }
    const last = rowOf(classes, w, classes);
    table.fill(c ** temper, last, last + classes);
  }
  return (
    strength * (accuracy * Math.log(a) + (1 - accuracy) * Math.log(1 - a)) +
    strength * (cannotTell * Math.log(c) + (1 - cannotTell) * Math.log(1 - c))
  );
}

/**
 * A full confusion matrix per worker (Dawid and Skene 1979), each row under a Dirichlet prior.
 * `base` [worker][column][truth] holds the prior's means, `row` its strength in answers; strength 0 is maximum likelihood
 * (a row without any count then falls back on its base).
 */
export function dawidSkene(classes: number, workers: number, base: Float64Array, row: number): WorkerModel {
  const columns = classes + 1;
  const total = new Float64Array(classes);
  return {
    learnsShares: true,
    maximise(table, temper) {
      let prior = 0;
      for (let w = 0; w < workers; w++) {
        const from = w * columns * classes;
        total.fill(row);
        for (let column = 0; column < columns; column++) {
          const counts = rowOf(classes, w, column) + classes;
          for (let truth = 0; truth < classes; truth++) total[truth] = total[truth]! + table[counts + truth]!;
        }
        for (let column = 0; column < columns; column++) {
          const at = rowOf(classes, w, column);
          const means = from + column * classes;
          for (let truth = 0; truth < classes; truth++) {
            const mass = total[truth]!;
            const mean = base[means + truth]!;
            const share = Math.max(mass > 1e-12 ? (table[at + classes + truth]! + row * mean) / mass : mean, FLOOR);
            table[at + truth] = temper === 1 ? share : share ** temper;
            if (row > 0) prior += row * mean * Math.log(share);
          }
        }
      }
      return prior;
    },
  };
}

/**
 * Means of the hierarchical prior of `dawidSkene`: each worker's own accuracy from the one-coin fit, with errors spread
 * as all workers together spread theirs. So a sparse worker is a coin, and counts turn it into its own matrix.
 */
export function hierarchicalBase(table: WorkerTable, classes: number, workers: number, coin: CoinShape): Float64Array {
  const columns = classes + 1;
  const width = classes * columns;
  const pooled = new Float64Array(width);
  for (let w = 0; w < workers; w++) {
    for (let column = 0; column < columns; column++) {
      const counts = rowOf(classes, w, column) + classes;
      for (let truth = 0; truth < classes; truth++) {
        pooled[column * classes + truth] = pooled[column * classes + truth]! + table[counts + truth]!;
      }
    }
  }
  // Shares of the wrong answers per truth, smoothed by one even answer; the chance of being right relative to the average per truth.
  const spread = new Float64Array(width);
  const easiness = new Float64Array(classes);
  for (let truth = 0; truth < classes; truth++) {
    let wrong = 0;
    for (let column = 0; column < classes; column++) if (column !== truth) wrong += pooled[column * classes + truth]!;
    const right = pooled[truth * classes + truth]!;
    for (let column = 0; column < classes; column++) {
      if (column !== truth)
        spread[column * classes + truth] = (pooled[column * classes + truth]! + 1 / (classes - 1)) / (wrong + 1);
    }
    const accuracy = (right + coin.strength * coin.accuracy) / (right + wrong + coin.strength);
    easiness[truth] = Math.log(accuracy / (1 - accuracy)) - Math.log(coin.accuracy / (1 - coin.accuracy));
  }
  const base = new Float64Array(workers * width);
  for (let w = 0; w < workers; w++) {
    const { right, wrong, unsure } = tally(table, w, classes);
    const accuracy = clamp((right + coin.strength * coin.accuracy) / (right + wrong + coin.strength));
    const cannotTell = clamp((unsure + coin.strength * coin.cannotTell) / (right + wrong + unsure + coin.strength));
    const logit = Math.log(accuracy / (1 - accuracy));
    for (let truth = 0; truth < classes; truth++) {
      const a = 1 / (1 + Math.exp(-(logit + easiness[truth]!)));
      for (let column = 0; column < classes; column++) {
        const share = column === truth ? a : (1 - a) * spread[column * classes + truth]!;
        base[w * width + column * classes + truth] = (1 - cannotTell) * share;
      }
      base[w * width + classes * classes + truth] = cannotTell;
    }
  }
  return base;
}

function clamp(p: number): number {
  return Math.min(Math.max(p, 1e-6), 1 - 1e-6);
}
