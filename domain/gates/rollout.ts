import type { z } from "zod";
import type { ReleasePolicy } from "../../schemas/campaign.ts";

/** What the predict front counted for one endpoint since the candidate got its share. */
export interface Traffic {
  requests: number;
  errors: number;
  /** Sampled answers that people labelled since, and how many of them were wrong. */
  audited: number;
  wrong: number;
  /** 95th percentile of the latency in milliseconds; undefined before any request. */
  p95Milliseconds: number | undefined;
}

export interface RolloutJudgement {
  decision: "promote" | "rollback" | "continue";
  reasons: string[];
}

/** Looks are taken when the candidate's requests pass 25, 50, 100, ...: ten looks reach 12,800 requests. */
const FIRST_LOOK = 25;
const LOOKS = 10;
/** Chance over the whole watch of a wrong rollback (or a wrong promotion), spent in equal parts. */
const ALPHA = 0.05;

/**
 * Watches a candidate: rolled back as soon as it is surely worse than the champion by more than the margin (errors, or
 * wrong answers in the audit) or slower than allowed; promoted once it has the planned number of real requests and is
 * surely not worse by more than the margin; else watched on. Without requests there is no decision.
 * Bounds are Hoeffding's, valid at every sample size; each of the ten looks spends ALPHA / 10, so that looking often
 * does not make a false alarm likelier than ALPHA. Source: Bonferroni over looks; Hoeffding 1963, theorem 1.
 */
export function judgeRollout(
  champion: Traffic,
  candidate: Traffic,
  policy: Pick<z.infer<typeof ReleasePolicy>, "minimumRequests" | "errorMargin" | "latencyFactor">,
): RolloutJudgement {
  const look = Math.floor(Math.log2(candidate.requests / FIRST_LOOK));
  if (candidate.requests < FIRST_LOOK)
    return { decision: "continue", reasons: [`${candidate.requests} requests are too few to judge`] };
  const spent = ALPHA / LOOKS;
  const atLook = Math.min(look, LOOKS - 1);
  const errors = difference(candidate.errors, candidate.requests, champion.errors, champion.requests, spent);
  if (errors.low > policy.errorMargin) {
    return {
      decision: "rollback",
      reasons: [
        `errors are ${percent(errors.value)} above the champion's, surely more than ${percent(policy.errorMargin)}`,
      ],
    };
  }
  if (candidate.audited > 0 && champion.audited > 0) {
    const wrong = difference(candidate.wrong, candidate.audited, champion.wrong, champion.audited, spent);
    if (wrong.low > policy.errorMargin) {
      return {
        decision: "rollback",
        reasons: [`wrong answers in the audit are ${percent(wrong.value)} above the champion's`],
      };
    }
  }
  const slow =
    candidate.p95Milliseconds !== undefined &&
    champion.p95Milliseconds !== undefined &&
    candidate.p95Milliseconds > champion.p95Milliseconds * policy.latencyFactor;
  if (slow) {
    return {
      decision: "rollback",
      reasons: [
        `95 % of answers take up to ${candidate.p95Milliseconds} ms, the champion's ${champion.p95Milliseconds} ms`,
      ],
    };
  }
  if (candidate.requests < policy.minimumRequests) {
    return {
      decision: "continue",
      reasons: [`look ${atLook + 1}: ${candidate.requests} of ${policy.minimumRequests} requests`],
    };
  }
  // With no error on either side the bound is wide only for want of requests; the owner planned their number.
  if (errors.value <= policy.errorMargin) {
    return {
      decision: "promote",
      reasons: [`${candidate.requests} real requests, errors ${percent(errors.value)} against the champion's`],
    };
  }
  return { decision: "continue", reasons: [`errors are ${percent(errors.value)} above the champion's: not sure yet`] };
}

/** Difference of two shares (a - b) with a lower bound at level alpha. A side without observations counts as 0. */
function difference(a: number, n: number, b: number, m: number, alpha: number): { value: number; low: number } {
  const shareA = n === 0 ? 0 : a / n;
  const shareB = m === 0 ? 0 : b / m;
  const radius = (k: number) => (k === 0 ? 0 : Math.sqrt(Math.log(2 / alpha) / (2 * k)));
  return { value: shareA - shareB, low: shareA - shareB - radius(n) - radius(m) };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} points`;
}
