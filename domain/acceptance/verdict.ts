import type { AnswerValue } from "../../schemas/answer.ts";
import type { Verdict, VerdictReason } from "../../schemas/lot.ts";
import { correctedDefectRate } from "./expert-error.ts";
import { risks } from "./oc.ts";
import type { SamplingPlan } from "./z14.ts";

/** A sampled item: what the vendor's annotator said, and each blind expert's class, or null for "cannot tell". */
export interface Inspected {
  item: string;
  image: string;
  said: AnswerValue;
  truths: readonly (string | null)[];
  /** Items of the sample that this one stands for; 1 where left out. Below 1 where its class was sampled more densely. */
  weight?: number;
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
  /** Pairs of classes whose errors have a plan of their own; judged by the sample's first `plan.n` items. */
  critical?: { plan: SamplingPlan; pairs: readonly { truth: string; said: string }[] };
  /** What experts get wrong themselves, to correct the defect rate by. */
  experts?: { agreedWrong: number; classes: number };
  /** The lot passed its deadline: what was answered is judged, and nothing of it comes back. */
  cutShort?: boolean;
}

/** A lot changes hands this often at most; then it is refused for good and its images go into another wave. */
export const MOST_REASSIGNMENTS = 2;

/**
 * Judges a delivered lot by its inspected sample.
 *
 * - A defect is an answer that differs from two experts who agree on a class, each blind; "cannot tell" differs too.
 *   Experts who disagree, who can't tell, or of whom fewer than two answered make no defect: the item is undecided. One
 *   expert who says what the annotator said decides it: no second could make it a defect.
 * - Fewer than `re` defects accept: also where the inspection was not finished in time (deemed accepted). Items that were
 *   sampled more densely than the rest count by their weight.
 * - Critical defects are defects, and are held to their own acceptance number besides.
 * - Rejected in round 1: the same vendor reworks it, free, once. Rejected in round 2: another vendor gets it.
 *   After two reassignments, or where no other vendor is left, or past its deadline: `reject`, nothing is paid.
 *
 * Defects between Ac and Re (reduced inspection) accept; the reasons tell to go back to normal inspection.
 */
export function judgeLot(lot: LotCase): Verdict {
  const { plan, sample, round, reassigned, otherVendors, critical } = lot;
  const reasons: string[] = [];
  const codes: VerdictReason[] = [];
  const { defects, weighed, undecided, decided, experts, criticalDefects } = findingsOf(lot);
  const unfinished = plan.n - sample.filter((one) => one.truths.length >= 2 || isConfirmed(one)).length;
  const { producerRisk, consumerRisk, limitingQuality, passesOneInTen } = risks(plan, plan.aql);
  const letter = plan.letter === "LQ" ? "by limiting quality" : `level ${plan.level ?? "?"}, letter ${plan.letter}`;
  reasons.push(
    `${plan.inspectsAll ? "all" : "a random"} ${plan.n} of ${plan.lotSize} items inspected (${plan.severity}, ${letter}, AQL ${plan.aql} %): ` +
      `accepted at ${plan.ac} defects or fewer, rejected at ${plan.re} or more`,
    `${defects.length} defects, ${decided - defects.length} right, ${undecided} undecided`,
    `a lot with ${plan.aql} % defects is rejected with probability ${producerRisk.toFixed(3)}, ` +
      `one with ${(100 * limitingQuality).toFixed(1)} % accepted with ${consumerRisk.toFixed(3)}, one with ${(100 * passesOneInTen).toFixed(1)} % one time in ten`,
  );
  if (Math.abs(weighed - defects.length) > 1e-9)
    reasons.push(
      `rare classes were sampled more densely: weighed by their share of the lot it is ${weighed.toFixed(1)} defects`,
    );
  if (critical !== undefined)
    reasons.push(
      `${criticalDefects} critical defects in ${critical.plan.n} items: rejected at ${critical.plan.re} or more (AQL ${critical.plan.aql} %)`,
    );
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
    because: codes,
    ...(Math.abs(weighed - defects.length) > 1e-9 ? { weighedDefects: weighed } : {}),
    ...(critical === undefined
      ? {}
      : {
          critical: {
            sampleSize: critical.plan.n,
            acceptanceNumber: critical.plan.ac,
            aql: critical.plan.aql,
            defects: criticalDefects,
          },
        }),
    ...(lot.experts === undefined
      ? {}
      : { correctedRate: correctedDefectRate(defects.length, decided, lot.experts, lot.experts.classes) }),
    reasons,
  };

  function because(code: VerdictReason, words: string): void {
    codes.push(code);
    reasons.push(words);
  }

  function decide(): Verdict["verdict"] {
    const tooMany = weighed >= plan.re - 1e-9;
    const tooCritical = critical !== undefined && criticalDefects >= critical.plan.re;
    if (!tooMany && !tooCritical) {
      if (unfinished > 0)
        because(
          "not-inspected-in-time",
          `deemed accepted: ${unfinished} of ${plan.n} items were not inspected by two experts in time`,
        );
      if (weighed > plan.ac && plan.re > plan.ac + 1)
        because(
          "between-ac-and-re",
          "between acceptance and rejection number: accepted, and back to normal inspection",
        );
      if (codes.length === 0) codes.push("within-acceptance-number");
      return "accept";
    }
    if (tooMany) codes.push("too-many-defects");
    if (tooCritical) because("critical-defects", "too many errors of a kind that the agreement calls critical");
    if (lot.cutShort === true) {
      because(
        "past-its-deadline",
        "the lot passed its deadline: nothing of it comes back, its images go into another wave",
      );
      return "reject";
    }
    if (round <= 1) {
      because("first-rejection", "rejected for the first time: the same vendor reworks the lot, once and free");
      return "rework";
    }
    codes.push("rejected-after-rework");
    if (reassigned < MOST_REASSIGNMENTS && otherVendors !== 0) {
      reasons.push("rejected again after rework: another vendor gets the lot");
      return "reassign";
    }
    if (reassigned >= MOST_REASSIGNMENTS)
      because(
        "most-reassignments",
        `rejected again after ${reassigned} reassignments: refused for good; its images go into another wave`,
      );
    else
      because(
        "no-other-vendor",
        "rejected again, and no other vendor can take it: refused for good; its images go into another wave",
      );
    return "reject";
  }
}

/** Defects among what two experts decided; critical ones among the first items of the sample, as many as their plan asks. */
function findingsOf({ plan, sample, critical }: LotCase) {
  const defects: Verdict["defects"] = [];
  let weighed = 0;
  let undecided = 0;
  let decided = 0;
  let experts = 0;
  let criticalDefects = 0;
  const isCritical = (said: string, truth: string) =>
    critical?.pairs.some((pair) => pair.said === said && pair.truth === truth) ?? false;
  sample.forEach((one, at) => {
    const { item, image, said, truths, weight = 1 } = one;
    if (at < plan.n) experts = Math.max(experts, truths.length);
    const truth = isConfirmed(one) ? truths[0] : agreedTruth(truths);
    if (truth === undefined || truth === null) {
      if (at < plan.n) undecided++;
      return;
    }
    if (at < plan.n) decided++;
    if (said.task === "class" && said.label === truth) return;
    if (at < plan.n) {
      defects.push({ image, item, said, truth });
      weighed += weight;
    }
    if (critical !== undefined && at < critical.plan.n && said.task === "class" && isCritical(said.label, truth))
      criticalDefects++;
  });
  return { defects, weighed, undecided, decided, experts, criticalDefects };
}

/** The only expert so far says what the annotator said. */
const isConfirmed = ({ said, truths }: Pick<Inspected, "said" | "truths">) =>
  truths.length === 1 && said.task === "class" && truths[0] === said.label;

/** The class on which all experts, two at least, agree; undefined where they don't, or one can't tell. */
function agreedTruth(truths: readonly (string | null)[]): string | undefined {
  const [first] = truths;
  if (truths.length < 2 || first === null || first === undefined) return undefined;
  return truths.every((truth) => truth === first) ? first : undefined;
}
