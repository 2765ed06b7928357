import { z } from "zod";
import { CycleInput, CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { verifyIntake } from "../store/intakes.ts";
import { objectKeys } from "../store/keys.ts";

/** Is the sealed intake whole, and which agreement does this cycle work under? */
export const openCycle = stage({
  name: "open-cycle",
  input: CycleInput,
  output: CycleRef.extend({
    intake: z.string(),
    manifestKey: z.string(),
    admissionPrefix: z.string(),
    seed: z.int(),
    approvalSeconds: z.int().positive(),
    /** How long the data team has for its report; left out where nobody waits for it. */
    dataReviewSeconds: z.int().positive().optional(),
    releaseSeconds: z.int().positive(),
  }),
  async run({ campaign, cycle, intake }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    await verifyIntake(ports, campaign, intake);
    return {
      campaign,
      cycle,
      intake,
      manifestKey: objectKeys.manifest(campaign, intake),
      admissionPrefix: objectKeys.admission(campaign, cycle),
      seed: agreement.seed,
      ...(agreement.intake.review === "none"
        ? {}
        : { dataReviewSeconds: Math.round(agreement.intake.deadlineHours * 3600) }),
      approvalSeconds: Math.round(agreement.approvals.deadlineHours * 3600),
      // The release's own watch, and a day for starting the endpoint and for retries.
      releaseSeconds: Math.round(agreement.release.watchHours * 3600) + 86_400,
    };
  },
});
