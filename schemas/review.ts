import { z } from "zod";
import { AnswerValue } from "./answer.ts";
import { Instant, Sha256, Slug } from "./names.ts";

/** Why the experts see an image. Never shown to them: they see "review". */
export const ReviewKind = z.enum(["inspection", "gold", "test", "queue", "audit", "production"]);
export type ReviewKind = z.infer<typeof ReviewKind>;

/** One image before the experts: two different ones answer blind, once per guideline version and class set; a third where it is disputed. */
export const ReviewTask = z.strictObject({
  task: Slug,
  image: Sha256,
  /** What it was first asked for; its truth serves every later question about the same image. */
  kind: ReviewKind,
  guidelineVersion: z.int().min(1),
  classSet: Sha256,
  /** Classes that may be answered, in the agreement's order. */
  classes: z.array(z.string()),
  pricePerAnswerMicros: z.int().min(0),
  currency: z.string(),
  answers: z.array(z.strictObject({ expert: Slug, value: AnswerValue, at: Instant })).max(3),
  /** Answers that it waits for: two, or three once somebody disputes what two said. */
  needed: z.union([z.literal(2), z.literal(3)]).optional(),
  /** Where the first expert says this class, no second one is asked: they confirm what was said by others before. */
  expected: z.string().optional(),
  /** Batches that wait for it. */
  batches: z.array(Slug),
});
export type ReviewTask = z.infer<typeof ReviewTask>;

/** A stage that waits until all tasks of a set are done. */
export const ReviewBatch = z.strictObject({
  batch: Slug,
  images: z.int().min(0),
  /** Task token of the stage, sealed. */
  sealedToken: z.string(),
});
export type ReviewBatch = z.infer<typeof ReviewBatch>;
