import { z } from "zod";
import { ClassName, Instant, Sha256, Slug } from "./names.ts";

export const CannotTellReason = z.enum([
  "unclear-image",
  "none-of-the-classes",
  "several-classes",
  "guideline-silent",
  "other",
]);

/** What was said, tagged by task, so that boxes and contours can join. */
export const AnswerValue = z.discriminatedUnion("task", [
  z.strictObject({ task: z.literal("class"), label: ClassName }),
  z.strictObject({ task: z.literal("cannot-tell"), reason: CannotTellReason, note: z.string().max(500).optional() }),
]);
export type AnswerValue = z.infer<typeof AnswerValue>;

/** What one annotator said of one image; never edited, only superseded by a higher revision. */
export const Answer = z.strictObject({
  image: Sha256,
  lot: Slug,
  /** The lot's round: 1, then 2 after rework. */
  revision: z.int().min(1),
  vendor: Slug,
  annotator: Slug,
  value: AnswerValue,
  guidelineVersion: z.int().min(1),
  /** Digest of the ordered class names. */
  classSet: Sha256,
  seconds: z.number().min(0),
  at: Instant,
});
export type Answer = z.infer<typeof Answer>;
