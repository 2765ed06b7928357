import { clopperPearson, type Interval, wilson } from "../intervals.ts";

/** Answers of one model to real requests whose truth was bought, and how many of them were wrong. */
export interface Audited {
  audited: number;
  wrong: number;
}

export interface ProductionAccuracy {
  /** Share of right answers, exact 95 % interval (Clopper and Pearson). */
  accuracy: Interval;
  /** `below-floor`: the whole interval lies below the floor; `unsure`: nothing was labelled, or the floor lies inside. */
  outcome: "below-floor" | "unsure" | "above-floor";
}

/** How right a model is on a random sample of real requests, beside the least that is asked of it. Counts as in `Audited`. */
export function productionAccuracy({ audited, wrong }: Audited, floor: number): ProductionAccuracy {
  const accuracy = clopperPearson(audited - wrong, audited);
  if (accuracy.high < floor) return { accuracy, outcome: "below-floor" };
  return { accuracy, outcome: audited > 0 && accuracy.low >= floor ? "above-floor" : "unsure" };
}

/**
 * By how much more often one model is wrong than another, in independent samples: 95 % interval of the difference of two
 * shares (Newcombe 1998, method 10: Wilson's bounds of each, combined). Example: 56 of 70 against 48 of 80 wrong is
 * .20 [.052, .334]. A side without answers leaves [-1, 1].
 */
export function moreWrong(one: Audited, other: Audited): Interval {
  if (one.audited === 0 || other.audited === 0) return { value: 0, low: -1, high: 1 };
  const [a, b] = [wilson(one.wrong, one.audited), wilson(other.wrong, other.audited)];
  const value = a.value - b.value;
  return {
    value,
    low: value - Math.hypot(a.value - a.low, b.high - b.value),
    high: value + Math.hypot(a.high - a.value, b.value - b.low),
  };
}
