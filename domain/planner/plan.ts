import { expectedGains, type Skill, temperedSkill } from "./value.ts";

export interface PurchaseInput {
  classes: number;
  images: {
    /** images x classes: the consensus, with the model's prior where there is one. */
    posterior: Float64Array;
    /** Answers so far per image, "cannot tell" among them. */
    answers: Int32Array;
    /** "Cannot tell" so far per image. */
    cannotTell: Int32Array;
  };
  minAnswers: number;
  maxAnswers: number;
  /** classes x classes: P(said | truth) expected of a fresh answer, from gold. */
  skill: Skill;
  /** Exponent under which answers to one image count; as in the consensus. 1 where left out. */
  temper?: number;
  /**
   * Share of the answered images whose label stays wrong however many answers agree, 0..1: people and truth differ there.
   * Measured on gold or on an audit; 0 where left out. It is predicted, and nobody buys against it.
   */
  residualError?: number;
  /** In any one unit, the same for all amounts. */
  pricePerAnswer: number;
  /** What settling one image by experts costs. Left out: ten answers. */
  expertPrice?: number;
  /** What one wrong label costs the owner. Left out: solved so that the predicted error meets the target. */
  lossPerError?: number;
  /** Wanted share of right labels, 0..1. */
  targetAccuracy: number;
  budgetLeft: number;
  /** Whether skill stands on gold. Until it does nobody stops early: answers may all be wrong together. */
  goldAnchored: boolean;
  /** Waves that can still be bought, this one among them. Left out: plenty, so answers are bought one by one. */
  wavesLeft?: number;
  /** What waiting for one more wave costs the owner, whatever it holds. Left out: nothing. */
  wavePrice?: number;
}

export interface PurchasePlan {
  /** Answers to buy now, per image. */
  buy: Int32Array;
  /**
   * `over-budget`: what every image must have can't be afforded (`buy` holds what can), or the budget is used up and something
   * would be worth its price still.
   */
  decision: "buy" | "enough" | "over-budget";
  /** Expected share of wrong labels if buying stops now. */
  predictedError: number;
  /** The same after all purchases that are worth their price, not only this wave's. */
  predictedErrorAfter: number;
  /** The cost per error that the plan used: the owner's, or the solved one, or what the budget reaches for. */
  lossPerError: number;
  /** 1 where nothing more is worth buying and no expert is needed. */
  settled: Uint8Array;
  /** Images that only experts can settle: two "cannot tell", or as many answers as allowed and still worth an expert. */
  expertQueue: Int32Array;
}

/** An error is never valued above so many answers, so that a target out of reach doesn't spend without end (333-600 did best on replays). */
export const MOST_ANSWERS_PER_ERROR = 500;
const CANNOT_TELL_TO_EXPERT = 2;
/** Answers imagined ahead at most: whoever needs more is not settled by fewer, and is looked at again in the next wave. */
const LOOK_AHEAD = 6;

/**
 * Which images get more answers now, by value against price: m more answers for an image are worth buying iff for some m
 * up to what is allowed the loss that they are expected to save exceeds their price; the m with the largest surplus counts.
 *
 * First every image gets `minAnswers`. A wave is bought where all its surplus together exceeds the price of waiting for it.
 * Before gold anchors skill, all get one more up to `maxAnswers`. Throws RangeError on
 * lengths that don't fit and on negative or endless amounts. No images: "enough".
 */
export function planPurchases(input: PurchaseInput): PurchasePlan {
  const { classes, images, minAnswers, maxAnswers, pricePerAnswer: price, targetAccuracy, goldAnchored } = input;
  check(input);
  const count = images.answers.length;
  const skill = temperedSkill(input.skill, classes, input.temper ?? 1);
  const residual = input.residualError ?? 0;
  const wanted = new Int32Array(count);
  const gains: (Float64Array | undefined)[] = new Array(count);
  const stopped = new Float64Array(count);
  let mandatory = 0;
  for (let i = 0; i < count; i++) {
    const row = images.posterior.subarray(i * classes, (i + 1) * classes);
    let best = 0;
    for (let k = 0; k < classes; k++) if (row[k]! > best) best = row[k]!;
    const answers = images.answers[i]!;
    stopped[i] = Math.max(0, 1 - best * (answers > 0 ? 1 - residual : 1));
    if (answers < minAnswers) {
      wanted[i] = minAnswers - answers;
      mandatory++;
      continue;
    }
    if (images.cannotTell[i]! >= CANNOT_TELL_TO_EXPERT || answers >= maxAnswers) continue;
    if (!goldAnchored) {
      wanted[i] = 1;
      mandatory++;
    } else if (stopped[i]! * MOST_ANSWERS_PER_ERROR > 1)
      gains[i] = expectedGains(row, skill, classes, Math.min(LOOK_AHEAD, maxAnswers - answers));
  }
  const predictedError = mean(stopped);
  const asked = input.lossPerError ?? solveLoss(gains, stopped, price, 1 - targetAccuracy);
  const mustHave = wanted.reduce((sum, n) => sum + n, 0);
  const loss = affordableLoss(gains, asked, price, input.budgetLeft - mustHave * price);

  let errorAfter = 0;
  const surplus = new Float64Array(count);
  const waves = input.wavesLeft ?? Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const gain = gains[i];
    const most = gain === undefined ? 0 : mostWorth(gain, loss, price);
    errorAfter += stopped[i]! - (gain?.[most] ?? 0);
    if (most === 0) continue;
    wanted[i] = Math.max(1, Math.ceil(most / Math.max(1, waves)));
    surplus[i] = (loss * gain![most]! - price * most) / most;
  }

  // A wave that saves less than the time it takes is not worth waiting for; what every image must have is.
  const saves = wanted.reduce((sum, n, i) => sum + (gains[i] === undefined ? 0 : surplus[i]! * n), 0);
  if (mandatory === 0 && saves <= (input.wavePrice ?? 0)) {
    wanted.fill(0);
    errorAfter = stopped.reduce((sum, error) => sum + error, 0);
  }
  const { buy, short } = withinBudget(wanted, gains, surplus, price, input.budgetLeft);
  const settled = new Uint8Array(count);
  const queue: number[] = [];
  const expertPrice = input.expertPrice ?? 10 * price;
  for (let i = 0; i < count; i++) {
    if (wanted[i]! > 0) continue;
    const undecidable = images.cannotTell[i]! >= CANNOT_TELL_TO_EXPERT;
    if (undecidable || (images.answers[i]! >= maxAnswers && loss * stopped[i]! > expertPrice)) queue.push(i);
    else settled[i] = 1;
  }
  const buysAny = buy.some((n) => n > 0);
  // What is worth its price and can't be afforded is told when the budget has done what it can.
  const lacks = loss < asked && !buysAny;
  return {
    buy,
    decision: short || lacks ? "over-budget" : buysAny ? "buy" : "enough",
    predictedError,
    predictedErrorAfter: count === 0 ? 0 : errorAfter / count,
    lossPerError: loss,
    settled,
    expertQueue: Int32Array.from(queue),
  };
}

/** The number of answers with the largest surplus of saved loss over price; 0 where none has one. */
function mostWorth(gain: Float64Array, loss: number, price: number): number {
  let best = 0;
  let bestSurplus = 0;
  for (let m = 1; m < gain.length; m++) {
    const surplus = loss * gain[m]! - price * m;
    if (surplus > bestSurplus + 1e-12) {
      best = m;
      bestSurplus = surplus;
    }
  }
  return best;
}

/**
 * The least cost per error at which the predicted error meets the target, by bisection on its logarithm (the predicted
 * error never rises with it). 0 where it is met already; the cap where it can't be met.
 */
function solveLoss(
  gains: readonly (Float64Array | undefined)[],
  stopped: Float64Array,
  price: number,
  target: number,
): number {
  const errorAt = (loss: number) => {
    let sum = 0;
    for (let i = 0; i < stopped.length; i++) {
      const gain = gains[i];
      sum += stopped[i]! - (gain === undefined ? 0 : gain[mostWorth(gain, loss, price)]!);
    }
    return sum / Math.max(1, stopped.length);
  };
  if (mean(stopped) <= target) return 0;
  const unit = price > 0 ? price : 1;
  let high = MOST_ANSWERS_PER_ERROR * unit;
  if (errorAt(high) > target) return high;
  let low = unit;
  for (let i = 0; i < 40; i++) {
    const middle = Math.sqrt(low * high);
    if (errorAt(middle) > target) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The cost per error, at most `loss`, at which all purchases that are worth their price, not only this wave's, fit the
 * budget: a budget that binds is spent where it saves most, instead of on the first answers to everything.
 */
function affordableLoss(
  gains: readonly (Float64Array | undefined)[],
  loss: number,
  price: number,
  budget: number,
): number {
  const answersAt = (value: number) =>
    gains.reduce((sum, gain) => sum + (gain === undefined ? 0 : mostWorth(gain, value, price)), 0);
  if (price === 0 || answersAt(loss) * price <= budget + 1e-9) return loss;
  let [low, high] = [price, loss];
  for (let i = 0; i < 30; i++) {
    const middle = Math.sqrt(low * high);
    if (answersAt(middle) * price > budget + 1e-9) high = middle;
    else low = middle;
  }
  return low;
}

/** Buys what the budget allows: first what every image must have, in order, then by surplus per answer. */
function withinBudget(
  wanted: Int32Array,
  gains: readonly (Float64Array | undefined)[],
  surplus: Float64Array,
  price: number,
  budget: number,
): { buy: Int32Array; short: boolean } {
  let affordable = price > 0 ? Math.floor(budget / price + 1e-9) : Number.POSITIVE_INFINITY;
  const order = Array.from(wanted.keys()).filter((i) => wanted[i]! > 0);
  order.sort(
    (a, b) => Number(gains[a] !== undefined) - Number(gains[b] !== undefined) || surplus[b]! - surplus[a]! || a - b,
  );
  const buy = new Int32Array(wanted.length);
  let short = false;
  for (const i of order) {
    buy[i] = Math.min(wanted[i]!, affordable);
    affordable -= buy[i]!;
    if (buy[i]! < wanted[i]!) short = true;
  }
  return { buy, short };
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return values.length === 0 ? 0 : sum / values.length;
}

function check({
  classes,
  images,
  minAnswers,
  maxAnswers,
  skill,
  pricePerAnswer,
  budgetLeft,
  targetAccuracy,
  lossPerError,
  residualError = 0,
  wavePrice = 0,
}: PurchaseInput): void {
  const count = images.answers.length;
  if (images.posterior.length !== count * classes || images.cannotTell.length !== count) {
    throw new RangeError(
      `${count} images with ${images.posterior.length} posteriors and ${images.cannotTell.length} counts of "cannot tell": expected ${count * classes} and ${count}`,
    );
  }
  if (skill.length !== classes * classes)
    throw new RangeError(`skill has ${skill.length} values, expected ${classes * classes}`);
  if (!(minAnswers >= 0 && minAnswers <= maxAnswers))
    throw new RangeError(`minAnswers ${minAnswers}, maxAnswers ${maxAnswers}: expected 0 <= minAnswers <= maxAnswers`);
  for (const [name, amount] of Object.entries({
    pricePerAnswer,
    budgetLeft,
    lossPerError: lossPerError ?? 0,
    wavePrice,
  })) {
    if (!Number.isFinite(amount) || amount < 0)
      throw new RangeError(`${name} ${amount}: expected a finite amount >= 0`);
  }
  if (!(residualError >= 0 && residualError < 1))
    throw new RangeError(`residualError ${residualError}: expected a share from 0 to below 1`);
  if (!(targetAccuracy >= 0 && targetAccuracy <= 1))
    throw new RangeError(`targetAccuracy ${targetAccuracy}: expected a share from 0 to 1`);
}
