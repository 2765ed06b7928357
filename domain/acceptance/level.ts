import { qualityAt } from "./oc.ts";
import { type InspectionLevel, type SamplingPlan, samplingPlan } from "./z14.ts";

/** Levels that a lot's value may choose, the most careful first. II is the standard's usual one; III must be agreed. */
const CHOSEN: readonly InspectionLevel[] = ["II", "I", "S-4", "S-3", "S-2", "S-1"];

/** Share of what a lot's answers cost that its inspection may cost. */
export const INSPECTION_SHARE = 0.25;

/** Part of a first lot's sample that may be gold: the rest is fresh, so that nobody passes by knowing the gold. */
export const MOST_GOLD = 0.75;

/** A lot as it will be delivered: prices in the agreement's currency. */
export interface LotToInspect {
  items: number;
  /** Items that can stand in the sample although experts are asked and paid for them already. */
  gold: number;
  pricePerAnswer: number;
}

export interface InspectionTerms {
  /** Percent defective. */
  aql: number;
  /** Expected expert answers for an inspected item, and the price of one. */
  expertsPerItem: number;
  expertPrice: number;
  /** The contract promises more than the AQL (critical errors, a limiting quality): level I at least. */
  promisesMore: boolean;
  /** The level that the agreement names: then the value chooses nothing. */
  agreed?: InspectionLevel;
}

export interface LevelChoice {
  level: InspectionLevel;
  plan: SamplingPlan;
  /** What the experts cost for it, about, and what the lot's answers cost. */
  cost: number;
  value: number;
  /** Share of defects with which a lot still passes one time in ten: the consumer's risk that the level leaves. */
  passesOneInTen: number;
  /** Whether even the least careful level costs more than the share. */
  isLeast: boolean;
}

/**
 * A lot's inspection level: the agreed one; where the agreement names none, the most careful one whose experts cost at most a quarter of
 * what the lot's answers cost, S-1 where none does. ISO 2859-1 (10.1) leaves the level to the relation of lot size, value and
 * cost of inspection. Throws RangeError as samplingPlan does.
 *
 * Example: 200 answers at .03, AQL 10, an expert's at .30, 1.5 for each item: 13 items (level I) would cost 5.85 of 6.00; S-1,
 * whose plan the arrows lead to n = 5, costs 2.25. With 40 gold images in it 6 of 8 are paid already: S-3 costs .90.
 */
export function levelByValue(lot: LotToInspect, terms: InspectionTerms): LevelChoice {
  const { aql, expertsPerItem, expertPrice, promisesMore, agreed } = terms;
  const value = lot.items * lot.pricePerAnswer;
  const of = (level: InspectionLevel): LevelChoice => {
    const plan = samplingPlan(lot.items, level, aql);
    const known = Math.min(lot.gold, Math.floor(MOST_GOLD * plan.n));
    const cost = (plan.n - known) * expertsPerItem * expertPrice;
    return { level, plan, cost, value, passesOneInTen: qualityAt(plan, 0.1), isLeast: false };
  };
  if (agreed !== undefined) return of(agreed);
  const open = promisesMore ? CHOSEN.slice(0, CHOSEN.indexOf("I") + 1) : CHOSEN;
  for (const level of open) {
    const choice = of(level);
    if (choice.cost <= INSPECTION_SHARE * value + 1e-9) return choice;
  }
  return { ...of(open.at(-1)!), isLeast: true };
}
