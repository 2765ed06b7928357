import { clopperPearson, type Interval } from "../intervals.ts";

/** What two blind experts said of one image; null for "cannot tell". */
export type ExpertPair = readonly [string | null, string | null];

export interface ExpertError {
  /** Pairs in which both named a class. */
  pairs: number;
  disagreed: number;
  /** Chance that one expert names a wrong class, solved from how often two differ. */
  rate: number;
  /** Chance that a class on which two experts agree is wrong. */
  agreedWrong: number;
}

/**
 * How often experts err, from their own disagreement: two who err independently with rate e, wrong classes being equally
 * likely, differ with chance 2 e (1 - e) + e^2 (1 - 1 / (C - 1)). No pairs: no error known, rate 0.
 * Errors that both make because the image misleads them don't show in this, so the rate is a lower bound.
 */
export function expertErrorOf(pairs: Iterable<ExpertPair>, classes: number): ExpertError {
  if (!(classes >= 2)) throw new RangeError(`${classes} classes: expected at least 2`);
  let n = 0;
  let disagreed = 0;
  for (const [a, b] of pairs) {
    if (a === null || b === null) continue;
    n++;
    if (a !== b) disagreed++;
  }
  const share = n === 0 ? 0 : disagreed / n;
  const others = classes - 1;
  const differs = (e: number) => 2 * e * (1 - e) + e * e * (1 - 1 / others);
  let low = 0;
  let high = others / classes;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (differs(middle) < share) low = middle;
    else high = middle;
  }
  const rate = n === 0 ? 0 : high;
  const bothWrong = (rate * rate) / others;
  const bothRight = (1 - rate) * (1 - rate);
  return { pairs: n, disagreed, rate, agreedWrong: bothWrong === 0 ? 0 : bothWrong / (bothWrong + bothRight) };
}

/**
 * A defect rate with the experts' own errors taken out (Rogan and Gladen 1978): where both experts are wrong together, a
 * right answer looks like a defect, and a wrong one passes where it is the same wrong class. Exact interval, corrected alike.
 */
export function correctedDefectRate(
  defects: number,
  decided: number,
  { agreedWrong }: Pick<ExpertError, "agreedWrong">,
  classes: number,
): Interval {
  const passes = agreedWrong / (classes - 1);
  const correct = (p: number) => Math.min(1, Math.max(0, (p - agreedWrong) / (1 - agreedWrong - passes)));
  const { value, low, high } = clopperPearson(defects, decided);
  return { value: correct(value), low: correct(low), high: correct(high) };
}
