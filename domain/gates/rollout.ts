import type { z } from "zod";
import type { ReleasePolicy } from "../../schemas/campaign.ts";
import { moreWrong, productionAccuracy } from "./production.ts";

/** What the predict front counted for one endpoint since it was released. */
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

/** What the rollout waits for, where the agreement asks for it. */
export interface RolloutAudit {
  /** Answers of the candidate that people have to label before it can be promoted. */
  labels: number;
  /** The owner's own least accuracy in production, if there is one. */
  floor?: number;
}

/** Fewer requests of the candidate say nothing, its latency least of all. */
const FEWEST = 25;
/** Chance over the whole watch, however often one looks, of rolling back a candidate that is within the margin. */
const ALPHA = 0.05;
/** Errors and the audit, each with a bound on either side. */
const BOUNDS = 4;

/**
 * Watches a candidate. Rolled back as soon as its errors, or its wrong answers in the audit, are surely more than the
 * margin above the champion's, or its 95th percentile is slower than allowed. Promoted once it has the planned number of
 * real requests and its measured errors are at most the margin above; else watched on. Without requests: no decision.
 *
 * With an `audit` the promotion also waits for so many labelled answers of the candidate. Once they are there, it is rolled
 * back when the 95 % interval of its accuracy lies below the owner's floor, or that of the difference in wrong answers above
 * the margin: with 100 labels of each, one that is 20 points worse than a champion at 90 % is refused 91 times in 100, one
 * that is equal once in 200 (simulated). Audits are few and of planned size: plain intervals, without the bound below.
 *
 * "Surely" is Hoeffding's bound with ALPHA / 4 / (k (k + 1)) spent at the k-th observation of a side. These add up to
 * ALPHA over all k, so looking at every request makes a wrong rollback no likelier than ALPHA. Latency and promotion are
 * judged by what was measured: on how many requests is the owner's choice. Source: Hoeffding 1963, theorem 1; union bound.
 */
export function judgeRollout(
  champion: Traffic,
  candidate: Traffic,
  policy: Pick<z.infer<typeof ReleasePolicy>, "minimumRequests" | "errorMargin" | "latencyFactor">,
  audit?: RolloutAudit,
): RolloutJudgement {
  const found = audit === undefined ? undefined : audited(champion, candidate, policy.errorMargin, audit);
  if (found?.decision === "rollback") return found;
  if (candidate.requests < FEWEST)
    return { decision: "continue", reasons: [`${candidate.requests} requests are too few to judge`] };
  const errors = difference(candidate.errors, candidate.requests, champion.errors, champion.requests);
  if (errors.low > policy.errorMargin) {
    return {
      decision: "rollback",
      reasons: [
        `errors are ${percent(errors.value)} above the champion's, surely more than ${percent(policy.errorMargin)}`,
      ],
    };
  }
  if (candidate.audited > 0 && champion.audited > 0) {
    const wrong = difference(candidate.wrong, candidate.audited, champion.wrong, champion.audited);
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
      reasons: [`${candidate.requests} of ${policy.minimumRequests} requests`],
    };
  }
  if (found !== undefined) return found;
  if (errors.value <= policy.errorMargin) {
    return {
      decision: "promote",
      reasons: [`${candidate.requests} real requests, errors ${percent(errors.value)} against the champion's`],
    };
  }
  return { decision: "continue", reasons: [`errors are ${percent(errors.value)} above the champion's: not sure yet`] };
}

/** What the labelled answers say: a rollback, to go on for want of them, or nothing against a promotion. */
function audited(
  champion: Traffic,
  candidate: Traffic,
  margin: number,
  { labels, floor }: RolloutAudit,
): RolloutJudgement | undefined {
  if (candidate.audited < labels)
    return { decision: "continue", reasons: [`${candidate.audited} of ${labels} answers are labelled`] };
  const { accuracy, outcome } = productionAccuracy(candidate, floor ?? 0);
  if (outcome === "below-floor") {
    const measured = `${(100 * accuracy.value).toFixed(1)} % of real requests [${(100 * accuracy.low).toFixed(1)}, ${(100 * accuracy.high).toFixed(1)}]`;
    return {
      decision: "rollback",
      reasons: [`it is right on ${measured}, surely less than ${(100 * (floor ?? 0)).toFixed(1)} %`],
    };
  }
  const worse = moreWrong(candidate, champion);
  if (worse.low > margin) {
    return {
      decision: "rollback",
      reasons: [
        `wrong answers to real requests are ${percent(worse.value)} above the champion's, surely more than ${percent(margin)}`,
      ],
    };
  }
  return undefined;
}

/** Difference of two shares (a - b) with a lower bound that holds at all n and m at once. A side without observations counts as 0. */
function difference(a: number, n: number, b: number, m: number): { value: number; low: number } {
  const shareA = n === 0 ? 0 : a / n;
  const shareB = m === 0 ? 0 : b / m;
  const radius = (k: number) => (k === 0 ? 0 : Math.sqrt(Math.log((BOUNDS * k * (k + 1)) / ALPHA) / (2 * k)));
  return { value: shareA - shareB, low: shareA - shareB - radius(n) - radius(m) };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} points`;
}
