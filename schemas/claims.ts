import { z } from "zod";
import { CampaignName, ClassName, Sha256 } from "./names.ts";

/**
 * Labels that came with the photos: what somebody said before this campaign asked anybody. They are shown beside what was
 * bought; they never count as answers, gold or truth.
 */
export const Claims = z.strictObject({
  campaign: CampaignName,
  intake: z.string().min(1),
  /** Who brought them and from what, such as `labels.csv (csv)`. */
  source: z.string().min(1).max(400),
  by: z.string().min(1).max(120),
  labels: z.array(z.strictObject({ image: Sha256, label: ClassName })),
});
export type Claims = z.infer<typeof Claims>;
