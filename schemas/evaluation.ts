import { z } from "zod";
import { Probability, Sha256 } from "./names.ts";

/** An estimate with its 95 % interval. */
export const Estimate = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });
export type Estimate = z.infer<typeof Estimate>;

export const PairedComparison = z.looseObject({
  /** Candidate's accuracy minus the champion's on the same images; interval over duplicate groups. */
  difference: Estimate,
  discordant: z.int(),
  n: z.int(),
});

/** `evaluation.json`: one look at the sealed test. */
export const Evaluation = z.looseObject({
  schemaVersion: z.literal(1),
  classes: z.array(z.string()),
  n: z.int().min(0),
  groups: z.int().min(0),
  accuracy: Estimate,
  balancedAccuracy: z.number(),
  macroF1: z.number(),
  logLoss: z.number(),
  brier: z.number(),
  ece: z.number(),
  /** Accuracy of always answering the commonest class of the test. */
  majorityClass: z.strictObject({ label: z.string(), accuracy: Probability }),
  perClass: z.array(
    z.looseObject({ label: z.string(), n: z.int(), precision: z.number(), recall: Estimate, f1: z.number() }),
  ),
  /** Rows are truth, columns are predictions, in the order of classes. */
  confusion: z.array(z.array(z.int())),
  mistakes: z.array(
    z.looseObject({ sha256: Sha256, truth: z.string(), predicted: z.string(), confidence: Probability }),
  ),
  champion: PairedComparison.nullable(),
  modelSha256: Sha256,
});
export type Evaluation = z.infer<typeof Evaluation>;

/** `manifest.json` of an evaluation's folder: every other file in it. */
export const EvidenceFolder = z.strictObject({
  schemaVersion: z.literal(1),
  modelSha256: Sha256,
  files: z.array(z.strictObject({ path: z.string().min(1), sha256: Sha256, bytes: z.int().min(0) })).min(1),
});

/** `attributes.json`: what is known of an image beside its pixels (camera, vendor, ...); each value becomes a slice. */
export const ImageAttributes = z.record(Sha256, z.record(z.string().min(1).max(40), z.string().min(1).max(140)));
