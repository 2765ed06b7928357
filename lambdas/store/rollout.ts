import { judgeRollout, type RolloutJudgement } from "../../domain/gates/rollout.ts";
import { type Ports, TokenGoneError } from "../ports.ts";
import { cycleAgreement } from "./campaigns.ts";
import { candidateTokenContext, releaseState } from "./release.ts";
import { traffic } from "./traffic.ts";

/**
 * Looks at a candidate's real requests and, when they decide, sends the token of the release that waits.
 * Called by the predict front now and then and by the sweep; a second call after the decision does nothing.
 */
export async function watchRollout(ports: Ports, campaign: string): Promise<RolloutJudgement | undefined> {
  const { champion, candidate } = await releaseState(ports, campaign);
  if (champion === undefined || candidate?.sealedToken === undefined) return undefined;
  const agreement = await cycleAgreement(ports, campaign, candidate.cycle);
  const judgement = judgeRollout(
    await traffic(ports, campaign, champion.endpoint),
    await traffic(ports, campaign, candidate.endpoint),
    agreement.release,
  );
  if (judgement.decision !== "continue") {
    const token = await ports.sealer.open(candidate.sealedToken, candidateTokenContext(campaign, candidate.endpoint));
    try {
      await ports.tokens.succeed(token, { decision: judgement.decision });
    } catch (error) {
      if (!(error instanceof TokenGoneError)) throw error;
    }
  }
  return judgement;
}
