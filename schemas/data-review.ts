import { z } from "zod";
import { Instant, ObjectKey, Sha256, Slug } from "./names.ts";

/** What the data team says of a cycle's photos before labels are bought for them. */
export const DataReviewDecision = z.enum(["accept", "refuse"]);
export type DataReviewDecision = z.infer<typeof DataReviewDecision>;

/** An answered question; `policy` where the agreement decides by itself (approvals.mode auto). */
export const DataReview = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  /** The catalogue that the report was about. */
  catalogueKey: ObjectKey,
  decision: DataReviewDecision,
  reason: z.string().max(2000),
  by: Slug,
  how: z.enum(["person", "policy"]),
  at: Instant,
});
export type DataReview = z.infer<typeof DataReview>;

/** The question of a cycle while it waits and once it is answered. */
export const DataReviewRecord = z.strictObject({
  catalogueKey: ObjectKey,
  sealedToken: z.string(),
  tokenSha256: Sha256,
  answer: DataReview.optional(),
});
export type DataReviewRecord = z.infer<typeof DataReviewRecord>;

export const DataReviewRequest = z.strictObject({
  decision: DataReviewDecision,
  reason: z.string().max(2000).default(""),
});
