import { z } from "zod";
import { Instant, Micros, Slug } from "./names.ts";

/** One fact about money. `id` is derived from what it is about, so that the same fact can only be written once. */
export const LedgerEntry = z.strictObject({
  id: z.string().min(1).max(300),
  campaign: z.string(),
  kind: z.enum(["answer-accepted", "gold-answered", "expert-answer", "credit"]),
  /** Whom it is owed to. */
  party: Slug,
  lot: Slug.optional(),
  item: z.string().optional(),
  annotator: Slug.optional(),
  units: z.int(),
  amountMicros: Micros,
  currency: z.string(),
  at: Instant,
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

export const Statement = z.strictObject({
  campaign: z.string(),
  party: Slug,
  currency: z.string(),
  lines: z.array(z.strictObject({ lot: z.string(), kind: z.string(), units: z.int(), amountMicros: Micros })),
  totalMicros: Micros,
});
export type Statement = z.infer<typeof Statement>;
