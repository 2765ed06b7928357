import { z } from "zod";
import { Instant, Sha256, Slug } from "./names.ts";

/** A signed decision on one evidence digest. */
export const Approval = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  evidenceDigest: Sha256,
  modelSha256: Sha256,
  datasetVersion: Sha256,
  decision: z.enum(["approve", "reject", "ask-for-more"]),
  by: Slug,
  /** `policy` where campaign.yaml asked for automatic approval: recorded as such. */
  how: z.enum(["person", "policy"]),
  reason: z.string().max(2000),
  at: Instant,
  /** sha256 of the record before this one in the campaign's chain (zeros for the first). */
  previous: Sha256,
  /** HMAC-SHA256 over the canonical JSON of the rest. */
  signature: Sha256,
});
export type Approval = z.infer<typeof Approval>;
