import { z } from "zod";
import { Evidence } from "../../schemas/evidence.ts";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { isApproved } from "../store/approvals.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { readDocument } from "../store/documents.ts";

/** A release was asked for without a valid approval of exactly this evidence. */
export class NotApprovedError extends Error {
  override name = "NotApprovedError";
}

export const ReleaseOrder = z.strictObject({
  endpointName: z.string().max(63),
  modelName: z.string().max(63),
  configName: z.string().max(63),
  modelKey: z.string(),
  modelSha256: z.string(),
  evidenceDigest: z.string(),
  version: z.string(),
});
export type ReleaseOrder = z.infer<typeof ReleaseOrder>;

/** Is there a valid approval of exactly this evidence? If so, under which names is it released? */
export const prepareRelease = stage({
  name: "prepare-release",
  input: CycleRef.extend({ evidenceKey: z.string() }),
  output: ReleaseOrder,
  async run({ campaign, cycle, evidenceKey }, ports) {
    const evidence = await readDocument(ports.objects, evidenceKey, Evidence);
    const agreement = await cycleAgreement(ports, campaign, cycle);
    if (!(await isApproved(ports, campaign, cycle, evidence.digest, agreement.approvals.count))) {
      throw new NotApprovedError(
        `cycle ${cycle} of "${campaign}": evidence ${evidence.digest.slice(0, 12)} has no ${agreement.approvals.count} valid approval(s)`,
      );
    }
    const version = evidence.modelSha256.slice(0, 8);
    const name = `${campaign}-${cycle}-${version}`;
    return {
      endpointName: name,
      modelName: name,
      configName: name,
      modelKey: evidence.modelKey,
      modelSha256: evidence.modelSha256,
      evidenceDigest: evidence.digest,
      version,
    };
  },
});
