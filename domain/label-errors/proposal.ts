import type { Suspect } from "./suspects.ts";

export interface RelabelPolicy {
  pricePerAnswer: number;
  /** What one wrong label costs the owner, in the same unit. */
  lossPerError: number;
  /** Share of right answers that a blind re-label is expected to give. */
  skill: number;
  budgetLeft: number;
}

/** One image to be labelled again, blind, by a vendor that has not labelled it. */
export interface RelabelProposal {
  index: number;
  excludedVendors: string[];
  /** Chance that the label is wrong, from the model's probability of it. */
  errorProbability: number;
  price: number;
  /** Expected saving less the price. */
  expectedGain: number;
}

/**
 * Which suspects are worth a second, blind opinion: those whose expected saving exceeds the price, best first, within budget.
 * One new answer that agrees with the label ends it; one that differs costs a third, which breaks the tie, so the expected
 * price is 1 + P(differs) answers. The vendors who labelled an image never get it again.
 */
export function proposeRelabels(
  suspects: readonly Suspect[],
  labelledBy: (index: number) => readonly string[],
  { pricePerAnswer, lossPerError, skill, budgetLeft }: RelabelPolicy,
): RelabelProposal[] {
  const proposals = suspects.map(({ index, selfConfidence }): RelabelProposal => {
    const errorProbability = 1 - selfConfidence;
    const differs = errorProbability * skill + selfConfidence * (1 - skill);
    const price = pricePerAnswer * (1 + differs);
    // Mended where the label was wrong and both new answers are right; spoilt where it was right and both are wrong.
    const saved = lossPerError * (errorProbability * skill * skill - selfConfidence * (1 - skill) * (1 - skill));
    return { index, excludedVendors: [...labelledBy(index)], errorProbability, price, expectedGain: saved - price };
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
