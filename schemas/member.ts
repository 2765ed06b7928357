import { z } from "zod";
import { CampaignName, Instant, Slug } from "./names.ts";

export const Role = z.enum(["annotator", "expert", "vendor", "owner", "data-team"]);
export type Role = z.infer<typeof Role>;

/** One person's place in a campaign. A link and a session only point here: what counts is what this record says now. */
export const Member = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** `*`: every campaign; for the data team only. */
  campaign: z.union([CampaignName, z.literal("*")]),
  role: Role,
  /** Whose people they are: annotators and vendors only. */
  vendor: Slug.optional(),
  subject: Slug,
  invitedAt: Instant,
  /** Who took the invitation up, where an identity provider says who people are; goes with a revocation. */
  identity: z.string().min(1).max(200).optional(),
  /** Grows with each revocation, so that older links and sessions stay dead after a new invitation. */
  epoch: z.int().min(1),
  revokedAt: Instant.optional(),
});
export type Member = z.infer<typeof Member>;

/** What an annotator asks the customer, and the answer. */
export const Question = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  campaign: CampaignName,
  vendor: Slug,
  annotator: Slug,
  lot: Slug,
  item: Slug.optional(),
  text: z.string().min(1).max(2000),
  at: Instant,
  reply: z.strictObject({ by: Slug, text: z.string().min(1).max(4000), at: Instant }).optional(),
});
export type Question = z.infer<typeof Question>;
