import { acceptanceProbability } from "./oc.ts";
import type { SamplingPlan } from "./z14.ts";

/** What an isolated lot is held to: no series stands behind it, so the buyer's own risk is fixed first. */
export interface LimitingQuality {
  /** Percent defective that must hardly ever pass. */
  limitingQuality: number;
  /** Chance that a lot at the limiting quality is accepted, at most: .10 as in ISO 2859-2. */
  consumerRisk: number;
  /** Percent defective of honest work, and the chance of rejecting it that is aimed at. */
  aql: number;
  producerRisk: number;
  /** No more items than these are inspected for the producer's sake; the consumer's risk is kept whatever it takes. */
  most: number;
}

/**
 * The plan for an isolated lot by limiting quality, exact for its size (hypergeometric; ISO 2859-2's principle, computed
 * in place of looked up). For each acceptance number the least sample that keeps the consumer's risk; of these the first
 * that keeps the producer's risk too, or the largest that still fits into `most`; all items where nothing smaller will do.
 * Throws RangeError for a limiting quality not above the AQL and risks outside (0, 1).
 * Example: 200 items, 25 % at .10, AQL 10 at .10: 34 inspected, 5 allowed.
 */
export function limitingQualityPlan(lotSize: number, policy: LimitingQuality): SamplingPlan {
  const { limitingQuality, consumerRisk, aql, producerRisk, most } = policy;
  if (!Number.isInteger(lotSize) || lotSize < 1)
    throw new RangeError(`a lot of ${lotSize} items: expected a whole number from 1`);
  if (!(aql >= 0 && aql < limitingQuality && limitingQuality < 100))
    throw new RangeError(`limiting quality ${limitingQuality} % at AQL ${aql} %: expected 0 <= AQL < limit < 100`);
  for (const risk of [consumerRisk, producerRisk])
    if (!(risk > 0 && risk < 1)) throw new RangeError(`risk ${risk}: expected a number between 0 and 1`);
  const whole: SamplingPlan = planOf(lotSize, aql, lotSize, Math.floor((aql / 100) * lotSize));
  let best: SamplingPlan | undefined;
  let n = 1;
  for (let ac = 0; n < lotSize; ac++) {
    n = Math.max(n, ac + 1);
    while (n < lotSize && acceptanceProbability({ n, ac, lotSize }, limitingQuality / 100) > consumerRisk) n++;
    if (n >= lotSize) break;
    if (best !== undefined && n > most) break;
    best = planOf(lotSize, aql, n, ac);
    if (acceptanceProbability({ n, ac, lotSize }, aql / 100) >= 1 - producerRisk) break;
  }
  return best ?? whole;
}

const planOf = (lotSize: number, aql: number, n: number, ac: number): SamplingPlan => ({
  letter: "LQ",
  severity: "normal",
  aql,
  lotSize,
  n,
  inspectsAll: n >= lotSize,
  ac,
  re: ac + 1,
});
