import { z } from "zod";
import { ClassName, ObjectKey, Probability, Sha256 } from "./names.ts";

export const DatasetItem = z.strictObject({
  sha256: Sha256,
  split: z.enum(["train", "validation"]),
  group: Sha256,
  label: ClassName,
  /** Likelihood of the human answers over the classes, in their order. */
  soft: z.array(Probability),
});
export type DatasetItem = z.infer<typeof DatasetItem>;

/**
 * A frozen, content-addressed dataset: `version` is the sha256 of the canonical JSON of everything else.
 * The test set's labels are not in it: only their digest is (`testSha256`), so that the version covers them.
 */
export const DatasetVersion = z.strictObject({
  version: Sha256,
  campaign: z.string(),
  classes: z.array(ClassName),
  guidelineVersion: z.int().min(1),
  items: z.array(DatasetItem),
  testSha256: Sha256,
  counts: z.strictObject({ train: z.int(), validation: z.int(), test: z.int(), withheld: z.int() }),
  /** Classes that got no image at all: reported, the model can't learn them. */
  emptyClasses: z.array(ClassName),
  shards: z.array(ObjectKey),
});
export type DatasetVersion = z.infer<typeof DatasetVersion>;

/** The sealed test's truth; read by nobody but the evaluation job and the freeze. */
export const TestTruth = z.strictObject({
  campaign: z.string(),
  classes: z.array(ClassName),
  items: z.array(
    z.strictObject({
      sha256: Sha256,
      group: Sha256,
      label: ClassName,
      source: z.enum(["unanimous", "experts", "majority"]),
      answers: z.int(),
    }),
  ),
  /** Upper 95 % bound of the share of wrong labels left, from the experts' audit of unanimous ones. */
  residualError: z.strictObject({ audited: z.int(), wrong: z.int(), upper: Probability }),
});
export type TestTruth = z.infer<typeof TestTruth>;
