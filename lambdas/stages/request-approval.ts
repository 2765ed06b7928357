import { z } from "zod";
import { Evidence } from "../../schemas/evidence.ts";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { decide, modelVersion, openApproval, sendDecision } from "../store/approvals.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { readDocument } from "../store/documents.ts";

/** Has the owner decided on this evidence? If not, the question is put; the token comes back with the decision. */
export const requestApproval = stage({
  name: "request-approval",
  input: CycleRef.extend({ evidenceKey: z.string(), token: z.string() }),
  output: z.strictObject({ status: z.enum(["pending", "decided"]) }),
  async run({ campaign, cycle, evidenceKey, token }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    const record = await openApproval(ports, { campaign, cycle, evidenceKey, token });
    if (record.status === "decided") {
      await sendDecision(ports, campaign, cycle, record);
      return { status: "decided" as const };
    }
    if (agreement.approvals.mode === "auto") {
      const evidence = await readDocument(ports.objects, evidenceKey, Evidence);
      await decide(ports, {
        campaign,
        cycle,
        evidenceDigest: evidence.digest,
        modelVersion: modelVersion(evidence.modelSha256),
        decision: "approve",
        reason: "approvals.mode is auto and every gate passed",
        by: "policy",
        how: "policy",
      });
      return { status: "decided" as const };
    }
    await ports.notifier.notify({
      audience: "owner",
      subject: `${campaign}: a model waits for your decision`,
      text: `Cycle ${cycle} of ${campaign} passed its gates. Open the approval page to read the evidence and decide.`,
    });
    return { status: "pending" as const };
  },
});
