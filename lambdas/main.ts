import type { Stage } from "./stage.ts";
import { acceptLot } from "./stages/accept-lot.ts";
import { admitImages } from "./stages/admit-images.ts";
import { beginRollout } from "./stages/begin-rollout.ts";
import { buildCatalogue } from "./stages/build-catalogue.ts";
import { closeCycle } from "./stages/close-cycle.ts";
import { closeLot } from "./stages/close-lot.ts";
import { consultExperts } from "./stages/consult-experts.ts";
import { dispatchLots } from "./stages/dispatch-lots.ts";
import { drawTestSet } from "./stages/draw-test-set.ts";
import { expireLot } from "./stages/expire-lot.ts";
import { finishRollout } from "./stages/finish-rollout.ts";
import { freezeDataset } from "./stages/freeze-dataset.ts";
import { inspectLot } from "./stages/inspect-lot.ts";
import { judgeCandidate } from "./stages/judge-candidate.ts";
import { judgeLot } from "./stages/judge-lot.ts";
import { measureDrift } from "./stages/measure-drift.ts";
import { offerLot } from "./stages/offer-lot.ts";
import { openCycle } from "./stages/open-cycle.ts";
import { planAudit } from "./stages/plan-audit.ts";
import { planWave } from "./stages/plan-wave.ts";
import { prepareRelease } from "./stages/prepare-release.ts";
import { proposeRelabel } from "./stages/propose-relabel.ts";
import { recordFailure } from "./stages/record-failure.ts";
import { requestApproval } from "./stages/request-approval.ts";
import { requestDataReview } from "./stages/request-data-review.ts";
import { reviewAudit } from "./stages/review-audit.ts";
import { settleAudit } from "./stages/settle-audit.ts";
import { settleWave } from "./stages/settle-wave.ts";
import { watchCandidate } from "./stages/watch-candidate.ts";

/** Table of contents: every stage under the name that it bears in the workflows, its file, its log line and its metric. */
export const stages: Readonly<Record<string, Stage>> = Object.fromEntries(
  (
    [
      acceptLot,
      admitImages,
      beginRollout,
      buildCatalogue,
      closeCycle,
      closeLot,
      consultExperts,
      dispatchLots,
      drawTestSet,
      expireLot,
      finishRollout,
      freezeDataset,
      inspectLot,
      judgeCandidate,
      judgeLot,
      measureDrift,
      offerLot,
      openCycle,
      planAudit,
      planWave,
      prepareRelease,
      proposeRelabel,
      recordFailure,
      requestApproval,
      requestDataReview,
      reviewAudit,
      settleAudit,
      settleWave,
      watchCandidate,
    ] as unknown as Stage[]
  ).map((stage) => [stage.name, stage]),
);
