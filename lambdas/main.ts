import type { Stage } from "./stage.ts";
import { acceptLot } from "./stages/accept-lot.ts";
import { beginRollout } from "./stages/begin-rollout.ts";
import { closeCycle } from "./stages/close-cycle.ts";
import { closeLot } from "./stages/close-lot.ts";
import { consultExperts } from "./stages/consult-experts.ts";
import { dispatchLots } from "./stages/dispatch-lots.ts";
import { expireLot } from "./stages/expire-lot.ts";
import { finishRollout } from "./stages/finish-rollout.ts";
import { judgeCandidate } from "./stages/judge-candidate.ts";
import { offerLot } from "./stages/offer-lot.ts";
import { openCycle } from "./stages/open-cycle.ts";
import { prepareRelease } from "./stages/prepare-release.ts";
import { recordFailure } from "./stages/record-failure.ts";
import { requestApproval } from "./stages/request-approval.ts";
import { settleWave } from "./stages/settle-wave.ts";
import { watchCandidate } from "./stages/watch-candidate.ts";

/** Table of contents: every stage under the name that it bears in the workflows, its file, its log line and its metric. */
export const stages: Readonly<Record<string, Stage>> = Object.fromEntries(
  (
    [
      acceptLot,
      beginRollout,
      closeCycle,
      closeLot,
      consultExperts,
      dispatchLots,
      expireLot,
      finishRollout,
      judgeCandidate,
      offerLot,
      openCycle,
      prepareRelease,
      recordFailure,
      requestApproval,
      settleWave,
      watchCandidate,
    ] as unknown as Stage[]
  ).map((stage) => [stage.name, stage]),
);
