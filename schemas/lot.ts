import { z } from "zod";
import { AnswerValue } from "./answer.ts";
import { InspectionLevel, InspectionPolicy } from "./campaign.ts";
import { Instant, Probability, Sha256, Slug } from "./names.ts";

/** Why an image is in a lot. Vendors never see it. */
export const ItemPurpose = z.enum(["label", "gold", "test", "overlap", "audit"]);

export const LotItem = z.strictObject({
  /** Opaque to vendors; unique in the campaign; says nothing of purpose. */
  item: Slug,
  image: Sha256,
  purpose: ItemPurpose,
});
export type LotItem = z.infer<typeof LotItem>;

/** What the planner wants done: written once, as an object, before the lot's execution starts. */
export const LotPlan = z.strictObject({
  lot: Slug,
  campaign: z.string(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  vendor: Slug,
  pricePerAnswerMicros: z.int().min(0),
  guidelineVersion: z.int().min(1),
  classSet: Sha256,
  items: z.array(LotItem).min(1).max(500),
  /** The level as the agreement names it, or as this lot's value chose it. */
  inspection: InspectionPolicy.extend({ level: InspectionLevel }),
  /** By the switching rules, from the vendor's lots of earlier waves. */
  severity: z.enum(["normal", "tightened", "reduced"]).default("normal"),
  /** Its images were chosen for being unsure: no lot of a series, inspected by limiting quality where the agreement has one. */
  isolated: z.boolean().optional(),
  deadlineSeconds: z.int().positive(),
  reviewSeconds: z.int().positive(),
});
export type LotPlan = z.infer<typeof LotPlan>;

export const LotStatus = z.enum([
  "planned",
  "offered",
  "delivered",
  "in-review",
  "accepted",
  "rejected",
  "expired",
  "failed",
]);
export type LotStatus = z.infer<typeof LotStatus>;

/** The lot's record while it is alive. */
export const Lot = z.strictObject({
  lot: Slug,
  campaign: z.string(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  vendor: Slug,
  round: z.int().min(1),
  /** Times the lot was taken from a vendor and given to another one. */
  reassigned: z.int().min(0),
  status: LotStatus,
  items: z.int().positive(),
  answered: z.int().min(0),
  planKey: z.string(),
  /** Price of the vendor that has the lot now. */
  pricePerAnswerMicros: z.int().min(0),
  /** What the last inspection said, so that a repeated stage answers the same; `reject` = nobody is left to ask. */
  lastVerdict: z
    .strictObject({ round: z.int().min(1), verdict: z.enum(["accept", "rework", "reassign", "reject"]) })
    .optional(),
  /** Past its deadline with a part answered: that part alone is inspected, and never comes back for rework. */
  cutShort: z.boolean().optional(),
  offeredAt: Instant.optional(),
  dueAt: Instant.optional(),
  deliveredAt: Instant.optional(),
  closedAt: Instant.optional(),
  /** Task token of the step that waits, sealed. */
  sealedToken: z.string().optional(),
});
export type Lot = z.infer<typeof Lot>;

/** One image of a lot's inspection sample, as the blind experts see and answer it. */
export const ReviewItem = z.strictObject({
  item: Slug,
  image: Sha256,
  answers: z.array(z.strictObject({ expert: Slug, value: AnswerValue, at: Instant })),
});
export type ReviewItem = z.infer<typeof ReviewItem>;

export const VerdictReason = z.enum([
  "within-acceptance-number",
  "between-ac-and-re",
  "not-inspected-in-time",
  "too-many-defects",
  "critical-defects",
  "first-rejection",
  "rejected-after-rework",
  "most-reassignments",
  "no-other-vendor",
  "past-its-deadline",
]);
export type VerdictReason = z.infer<typeof VerdictReason>;

/** A lot's inspection: sample, plan and verdict with its reasons as data. */
export const Verdict = z.strictObject({
  /** `reject`: rejected for good, after rework and reassignment. */
  verdict: z.enum(["accept", "rework", "reassign", "reject"]),
  sampleSize: z.int().min(0),
  acceptanceNumber: z.int().min(0),
  defects: z.array(z.strictObject({ image: Sha256, item: Slug, said: AnswerValue, truth: z.string() })),
  experts: z.int().min(0),
  /** Sampled images on which the experts disagreed: no defect, by the contract. */
  undecided: z.int().min(0),
  /** Why, for machines; `reasons` says the same to people. */
  because: z.array(VerdictReason).optional(),
  /** Defects against the acceptance number: weighed where rare classes were sampled more densely than others. */
  weighedDefects: z.number().min(0).optional(),
  /** Errors of the pairs that the agreement calls critical, with their own plan. */
  critical: z
    .strictObject({
      sampleSize: z.int().min(0),
      acceptanceNumber: z.int().min(0),
      aql: z.number(),
      defects: z.int().min(0),
    })
    .optional(),
  /** Share of defects among decided items with the experts' own errors taken out, exact 95 % interval. */
  correctedRate: z.strictObject({ value: Probability, low: Probability, high: Probability }).optional(),
  producerRisk: z.number().optional(),
  consumerRisk: z.number().optional(),
  reasons: z.array(z.string()),
});
export type Verdict = z.infer<typeof Verdict>;
