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
  /** Chance that its label is wrong, see chanceOfError. */
  errorProbability: number;
}

/** One image to be labelled again, blind, by a vendor that has not labelled it. */
export interface RelabelProposal extends Doubt {
  excludedVendors: string[];
  price: number;
  /** Expected saving less the price. */
  expectedGain: number;
}

/** Nobody is surer than this: neither people nor a model. */
const SUREST = 1e-6;

/**
 * Chance that a label is wrong, by Bayes' rule, from what a model says that never learned from it (`model`, probabilities over
 * the classes) and what people said (`people`, the likelihood of their answers over the classes). A model's doubt alone would be
 * no such chance: most labels that it finds unlikely are right, for people err more seldom than it does.
 */
export function chanceOfError(label: number, model: ArrayLike<number>, people: ArrayLike<number>): number {
  const weight = (k: number) => Math.max(model[k]!, SUREST) * Math.max(people[k]!, SUREST);
  let sum = 0;
  for (let k = 0; k < people.length; k++) sum += weight(k);
  return 1 - weight(label) / sum;
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
    const right = 1 - errorProbability;
    const differs = errorProbability * skill + right * (1 - skill);
    const price = pricePerAnswer * (1 + differs);
    // Mended where the label was wrong and both new answers are right; spoilt where it was right and both are wrong.
    const saved = lossPerError * (errorProbability * skill * skill - right * (1 - skill) * (1 - skill));
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
