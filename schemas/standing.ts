import { z } from "zod";
import { AnswerValue } from "./answer.ts";
import { Instant, Sha256, Slug } from "./names.ts";

/** What a person of the data team decided about a vendor, or about one annotator of it. Proposals never decide by themselves. */
export const Standing = z.strictObject({
  vendor: Slug,
  annotator: Slug.optional(),
  /** Paused: no new work until somebody sets it active again. Released: the same, and not meant to come back. */
  standing: z.enum(["active", "paused", "released"]),
  by: Slug,
  reason: z.string().min(1).max(2000),
  at: Instant,
});
export type Standing = z.infer<typeof Standing>;

/** A vendor's objection to a verdict on a lot's round, and what came of it. */
export const Dispute = z.strictObject({
  lot: Slug,
  round: z.int().min(1),
  vendor: Slug,
  reason: z.string().min(1).max(2000),
  at: Instant,
  status: z.enum(["open", "upheld", "overturned"]),
  by: Slug.optional(),
  note: z.string().max(2000).optional(),
  decidedAt: Instant.optional(),
});
export type Dispute = z.infer<typeof Dispute>;

/** An annotator's attempt at the campaign's qualification test. One attempt each; after it a person decides. */
export const Qualification = z.strictObject({
  vendor: Slug,
  annotator: Slug,
  /** Opaque to the annotator, as a lot's items are. */
  questions: z.array(z.strictObject({ item: Slug, image: Sha256 })).min(1),
  answers: z.array(z.strictObject({ item: Slug, value: AnswerValue })),
  outcome: z.enum(["qualified", "not-qualified"]).optional(),
  right: z.int().min(0).optional(),
  at: Instant,
});
export type Qualification = z.infer<typeof Qualification>;
