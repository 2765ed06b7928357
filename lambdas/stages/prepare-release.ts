import { z } from "zod";
import { Evidence } from "../../schemas/evidence.ts";
import { CycleRef } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { isApproved } from "../store/approvals.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { readDocument } from "../store/documents.ts";
import { releaseState } from "../store/release.ts";

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
  /** Left out where the model is served as most are, so that a release that is under way survives a rollback of ours. */
  serving: z.literal("instances").optional(),
  /** The version that this one takes the place of on the same endpoint; left out for an endpoint of its own. */
  replaces: z.string().optional(),
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
    // Several environments may share an account; a laptop is alone.
    const prefix = ports.environment === "laptop" ? "" : `${ports.environment}-`;
    const name = `${prefix}${campaign}-${cycle}-${version}${await againOf(ports, campaign, cycle, version)}`;
    const served = await servedOn(ports, campaign, `${prefix}${campaign}-live`, agreement.release.serving, version);
    return {
      endpointName: name,
      ...served,
      modelName: name,
      configName: name,
      modelKey: evidence.modelKey,
      modelSha256: evidence.modelSha256,
      evidenceDigest: evidence.digest,
      version,
    };
  },
});

/** Going back makes model, configuration and endpoint anew: SageMaker refuses names that it still holds. */
async function againOf(
  ports: Pick<Ports, "records">,
  campaign: string,
  cycle: number,
  version: string,
): Promise<string> {
  const { order } = await releaseState(ports, campaign);
  return order?.kind === "back" && order.cycle === cycle && order.version === version ? `-b${order.attempt ?? 1}` : "";
}

/** Machines of its own are kept under one endpoint, whose models replace each other with a canary; else each model has its own. */
async function servedOn(
  ports: Pick<Ports, "records">,
  campaign: string,
  endpointName: string,
  serving: "serverless" | "instances" | undefined,
  version: string,
): Promise<Partial<Pick<ReleaseOrder, "endpointName" | "serving" | "replaces">>> {
  if (serving !== "instances") return {};
  const { champion } = await releaseState(ports, campaign);
  const there = champion?.endpoint === endpointName && champion.version !== version;
  return { endpointName, serving, ...(there ? { replaces: champion.version } : {}) };
}
