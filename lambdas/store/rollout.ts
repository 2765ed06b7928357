import { judgeRollout, type RolloutJudgement, type Traffic } from "../../domain/gates/rollout.ts";
import { type Ports, TokenGoneError } from "../ports.ts";
import { auditedOf, auditsOf } from "./audits.ts";
import { cycleAgreement } from "./campaigns.ts";
import { candidateTokenContext, releaseState } from "./release.ts";
import { traffic } from "./traffic.ts";

/**
 * Looks at a candidate's real requests and, when they decide, sends the token of the release that waits.
 * Called by the predict front now and then and by the sweep; a second call after the decision does nothing.
 */
export async function watchRollout(ports: Ports, campaign: string): Promise<RolloutJudgement | undefined> {
  const { champion, candidate, order } = await releaseState(ports, campaign);
  if (champion === undefined || candidate?.sealedToken === undefined) return undefined;
  if (order?.version === candidate.version) {
    const decision = order.kind === "back" ? ("promote" as const) : ("rollback" as const);
    await wake(ports, campaign, candidate, decision);
    return { decision, reasons: [`${order.by}: ${order.reason}`] };
  }
  const { release, monitor } = await cycleAgreement(ports, campaign, candidate.cycle);
  const audits = await auditsOf(ports, campaign);
  const judgement = judgeRollout(
    {
      ...since(await traffic(ports, campaign, champion.endpoint), candidate.championBefore),
      ...auditedOf(audits, champion.version, candidate.since.slice(0, 10)),
    },
    { ...(await traffic(ports, campaign, candidate.endpoint)), ...auditedOf(audits, candidate.version) },
    release,
    monitor?.holdsRollout === true
      ? {
          labels: monitor.labels,
          ...(monitor.accuracyFloor === undefined ? {} : { floor: monitor.accuracyFloor }),
        }
      : undefined,
  );
  if (judgement.decision !== "continue") await wake(ports, campaign, candidate, judgement.decision);
  return judgement;
}

/** Sends the waiting release its decision; one that has gone on already needs none. */
async function wake(
  ports: Ports,
  campaign: string,
  { endpoint, sealedToken = "" }: { endpoint: string; sealedToken?: string | undefined },
  decision: "promote" | "rollback",
): Promise<void> {
  const token = await ports.sealer.open(sealedToken, candidateTokenContext(campaign, endpoint));
  try {
    await ports.tokens.succeed(token, { decision });
  } catch (error) {
    if (!(error instanceof TokenGoneError)) throw error;
  }
}

/** Traffic after a moment whose counts are known. The latency's percentile stays that of all requests. */
function since<T extends Pick<Traffic, "requests" | "errors">>(
  now: T,
  before: Pick<Traffic, "requests" | "errors"> | undefined,
): T {
  if (before === undefined) return now;
  return { ...now, requests: now.requests - before.requests, errors: now.errors - before.errors };
}
