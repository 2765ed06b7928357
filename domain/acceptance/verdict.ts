import type { AnswerValue } from "../../schemas/answer.ts";
import type { Verdict } from "../../schemas/lot.ts";
import { risks } from "./oc.ts";
import type { SamplingPlan } from "./z14.ts";

/** A sampled item: what the vendor's annotator said, and each blind expert's class, or null for "cannot tell". */
export interface Inspected {
  item: string;
  image: string;
  said: AnswerValue;
  truths: readonly (string | null)[];
}

export interface LotCase {
  plan: SamplingPlan;
  sample: readonly Inspected[];
  /** 1, then 2 after rework. */
  round: number;
  /** Times that the lot was taken from one vendor and given to another. */
  reassigned: number;
  /** Vendors that could still take the lot. Left out: assume that there are some. */
  otherVendors?: number;
}

/** A lot changes hands this often at most; then it is refused for good and its images go into another wave. */
export const MOST_REASSIGNMENTS = 2;

/**
 * Judges a delivered lot by its inspected sample.
 *
 * - A defect is an answer that differs from two experts who agree on a class, each blind; "cannot tell" differs too.
 *   Experts who disagree, who can't tell, or of whom fewer than two answered make no defect: the item is undecided.
 * - Fewer than `re` defects accept: also where the inspection was not finished in time (deemed accepted).
 * - Rejected in round 1: the same vendor reworks it, free, once. Rejected in round 2: another vendor gets it.
 *   After two reassignments, or where no other vendor is left: `reject`, nothing is paid.
 *
 * Defects between Ac and Re (reduced inspection) accept; the reasons tell to go back to normal inspection.
 */
export function judgeLot({ plan, sample, round, reassigned, otherVendors }: LotCase): Verdict {
  const defects: Verdict["defects"] = [];
  let undecided = 0;
  let decided = 0;
  let experts = 0;
  for (const { item, image, said, truths } of sample) {
    experts = Math.max(experts, truths.length);
    const truth = agreedTruth(truths);
    if (truth === undefined) {
      undecided++;
      continue;
    }
    decided++;
    if (said.task !== "class" || said.label !== truth) defects.push({ image, item, said, truth });
  }
  const unfinished = plan.n - sample.filter(({ truths }) => truths.length >= 2).length;
  const { producerRisk, consumerRisk, limitingQuality, passesOneInTen } = risks(plan, plan.aql);
  const reasons = [
    `${plan.inspectsAll ? "all" : "a random"} ${plan.n} of ${plan.lotSize} items inspected (${plan.severity}, letter ${plan.letter}, AQL ${plan.aql} %): ` +
      `accepted at ${plan.ac} defects or fewer, rejected at ${plan.re} or more`,
    `${defects.length} defects, ${decided - defects.length} right, ${undecided} undecided`,
    `a lot with ${plan.aql} % defects is rejected with probability ${producerRisk.toFixed(3)}, ` +
      `one with ${(100 * limitingQuality).toFixed(1)} % accepted with ${consumerRisk.toFixed(3)}, one with ${(100 * passesOneInTen).toFixed(1)} % one time in ten`,
  ];
  const verdict = decide();
  return {
    verdict,
    sampleSize: plan.n,
    acceptanceNumber: plan.ac,
    defects,
    experts,
    undecided,
    producerRisk,
    consumerRisk,
    reasons,
  };

  function decide(): Verdict["verdict"] {
    if (defects.length < plan.re) {
      if (unfinished > 0)
        reasons.push(`deemed accepted: ${unfinished} of ${plan.n} items were not inspected by two experts in time`);
      if (defects.length > plan.ac)
        reasons.push("between acceptance and rejection number: accepted, and back to normal inspection");
      return "accept";
    }
    if (round <= 1) {
      reasons.push("rejected for the first time: the same vendor reworks the lot, once and free");
      return "rework";
    }
    if (reassigned < MOST_REASSIGNMENTS && otherVendors !== 0) {
      reasons.push("rejected again after rework: another vendor gets the lot");
      return "reassign";
    }
    reasons.push(
      reassigned >= MOST_REASSIGNMENTS
        ? `rejected again after ${reassigned} reassignments: refused for good; its images go into another wave`
        : "rejected again, and no other vendor can take it: refused for good; its images go into another wave",
    );
    return "reject";
  }
}

/** The class on which all experts, two at least, agree; undefined where they don't, or one can't tell. */
function agreedTruth(truths: readonly (string | null)[]): string | undefined {
  const [first] = truths;
  if (truths.length < 2 || first === null || first === undefined) return undefined;
  return truths.every((truth) => truth === first) ? first : undefined;
}
