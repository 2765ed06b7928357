import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { decideDataReview, openDataReview, tellDataReview } from "../store/data-reviews.ts";

/** Has the data team accepted the report on these photos? If not, it is asked; the token comes back with its answer. */
export const requestDataReview = stage({
  name: "request-data-review",
  input: CycleRef.extend({ catalogueKey: z.string(), token: z.string() }),
  output: z.strictObject({ status: z.enum(["pending", "decided"]) }),
  async run({ campaign, cycle, catalogueKey, token }, ports) {
    const { approvals, intake } = await cycleAgreement(ports, campaign, cycle);
    const record = await openDataReview(ports, { campaign, cycle, catalogueKey, token });
    if (record.answer !== undefined) {
      await tellDataReview(ports, campaign, cycle, record);
      return { status: "decided" as const };
    }
    if (approvals.mode === "auto") {
      const reason = "approvals.mode is auto";
      await decideDataReview(ports, { campaign, decision: "accept", reason, by: "policy", how: "policy" });
      return { status: "decided" as const };
    }
    await ports.notifier.notify({
      audience: "data-team",
      subject: `${campaign}: photos wait for your word`,
      text: `The report on the photos of cycle ${cycle} is ready. Read it on the page /data/${campaign}, leave out what is not yours, and accept it, or with "data accept --campaign ${campaign}": no label is bought before. Unanswered, the cycle ends after ${intake.deadlineHours} hours.`,
    });
    return { status: "pending" as const };
  },
});
