import { z } from "zod";
import { CampaignName, Instant, Sha256 } from "./names.ts";

/** What the data team may say of an admitted image: seen and kept, left out, or taken back in. */
export const DecisionKind = z.enum(["accept", "exclude", "restore"]);
export type DecisionKind = z.infer<typeof DecisionKind>;

/** One decision about one image. An excluded image is bought no more answers for and teaches no model. */
export const Decision = z.strictObject({
  campaign: CampaignName,
  image: Sha256,
  decision: DecisionKind,
  reason: z.string().trim().min(1).max(500),
  by: z.string().min(1).max(120),
  at: Instant,
});
export type Decision = z.infer<typeof Decision>;
