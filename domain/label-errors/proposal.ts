import { MOST_ANSWERS_PER_ERROR } from "../planner/plan.ts";

export interface RelabelPolicy {
  pricePerAnswer: number;
  /** What one wrong label costs the owner, in the same unit. */
  lossPerError: number;
  /** Share of right answers that a blind re-label is expected to give. */
  skill: number;
  budgetLeft: number;
}

/** A labelled image of which a model that never learned from it thinks otherwise. */
export interface Doubt {
  index: number;
  /**
   * Chance that its label is wrong, by the model's word and people's together. A model's doubt alone is no such chance: most
   * labels that it finds unlikely are right, for people err more seldom than it does.
   */
  errorProbability: number;
}

/** One image to be labelled again, blind, by a vendor that has not labelled it. */
export interface RelabelProposal extends Doubt {
  excludedVendors: string[];
  price: number;
  /** Expected saving less the price. */
  expectedGain: number;
}

/**
 * Which doubted labels are worth a second, blind opinion: those whose expected saving exceeds the price, best first, within
 * budget. One new answer that agrees with the label ends it; one that differs costs a third, which breaks the tie, so the
 * expected price is 1 + P(differs) answers. The vendors who labelled an image never get it again.
 */
export function proposeRelabels(
  doubts: readonly Doubt[],
  labelledBy: (index: number) => readonly string[],
  { pricePerAnswer, lossPerError, skill, budgetLeft }: RelabelPolicy,
): RelabelProposal[] {
  const proposals = doubts.map(({ index, errorProbability }): RelabelProposal => {
    const price = pricePerAnswer * answersFor(errorProbability, skill);
    const expectedGain = lossPerError * mended(errorProbability, skill) - price;
    return { index, excludedVendors: [...labelledBy(index)], errorProbability, price, expectedGain };
  });
  const worth = proposals
    .filter(({ expectedGain }) => expectedGain > 0)
    .sort((a, b) => b.expectedGain - a.expectedGain || a.index - b.index);
  let left = budgetLeft;
  return worth.filter(({ price }) => {
    if (price > left) return false;
    left -= price;
    return true;
  });
}

/**
 * The least cost per error at which asking again brings the expected share of wrong labels down to `target`; in the price's
 * unit, at most so many answers as an error ever counts for. 0 where it is met already, or there is nothing to ask.
 */
export function lossForTarget(
  doubts: readonly Doubt[],
  target: number,
  { pricePerAnswer, skill }: Pick<RelabelPolicy, "pricePerAnswer" | "skill">,
): number {
  const chances = doubts.map(({ errorProbability }) => errorProbability).sort((a, b) => b - a);
  let wrong = chances.reduce((sum, chance) => sum + chance, 0);
  let loss = 0;
  for (const chance of chances) {
    const saved = mended(chance, skill);
    if (wrong <= target * chances.length || saved <= 0) break;
    // A hair above, so that this one is worth it and no label is that is less likely wrong.
    const needed = ((pricePerAnswer * answersFor(chance, skill)) / saved) * (1 + 1e-9);
    if (needed > MOST_ANSWERS_PER_ERROR * pricePerAnswer) return MOST_ANSWERS_PER_ERROR * pricePerAnswer;
    loss = needed;
    wrong -= saved;
  }
  return loss;
}

/** One answer, and a third one where the second differs. */
function answersFor(errorProbability: number, skill: number): number {
  return 1 + errorProbability * skill + (1 - errorProbability) * (1 - skill);
}

/** Errors fewer: mended where the label was wrong and both new answers are right, spoilt where it was right and both are wrong. */
function mended(errorProbability: number, skill: number): number {
  return errorProbability * skill * skill - (1 - errorProbability) * (1 - skill) * (1 - skill);
}
