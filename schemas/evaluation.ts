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

/** One variant of the model as it did on the validation images, on one thread of the machine that evaluates. */
export const ModelVariant = z.looseObject({
  name: z.string(),
  /** `refused`: not proven to lose at most the margin, or it could not be made (`reason` says why). */
  outcome: z.enum(["reference", "allowed", "refused"]),
  /** sha256 of its graph; absent, as all that is measured, where it could not be made. */
  sha256: Sha256.optional(),
  accuracy: Estimate.optional(),
  /** The reference's accuracy minus its own. */
  accuracyDrop: Estimate.optional(),
  n: z.int().optional(),
  ms: z.number().optional(),
  memoryMb: z.number().nullable().optional(),
  bytes: z.int().optional(),
  /** Of a million answers, at the price of the machine. */
  costPerMillion: z.number().optional(),
  /** Nothing that may ship is as good in all of these. */
  pareto: z.boolean(),
  reason: z.string().optional(),
});
export type ModelVariant = z.infer<typeof ModelVariant>;

/** `optimisation.json`: which variants competed, what was refused, and which one was chosen. The first is the reference. */
export const Optimisation = z.looseObject({
  margin: z.number(),
  chosen: z.string(),
  /** Whether the chosen one keeps the owner's wishes: accuracy, latency, size. */
  meetsWishes: z.boolean(),
  wishes: z.strictObject({
    accuracyFloor: z.number(),
    latencyMs: z.number().nullable(),
    megabytes: z.number().nullable(),
  }),
  variants: z.array(ModelVariant).min(1),
  /** Variants that the time did not suffice for. */
  leftOut: z.array(z.string()),
});
export type Optimisation = z.infer<typeof Optimisation>;

/** How the model was made: the recipe that shipped, and what fine-tuning gained over the probe on the same held-out images. */
export const ModelTraining = z.looseObject({
  backbone: z.string(),
  recipe: z.string(),
  fineTuning: z
    .looseObject({
      difference: Estimate.optional(),
      n: z.int().optional(),
      shipped: z.boolean().optional(),
      /** Why nothing was fine-tuned. */
      leftOut: z.string().optional(),
    })
    .optional(),
});

/** Accuracy on some test images under one family of corruption at one of five severities. */
export const CorruptionRow = z.looseObject({
  family: z.string(),
  severity: z.int().min(1).max(5),
  value: Probability,
  low: Probability,
  high: Probability,
  n: z.int(),
});
export type CorruptionRow = z.infer<typeof CorruptionRow>;

/** A kind of image against the rest; it warns where it is worse beyond chance (Holm over all slices). */
export const Slice = z.looseObject({
  slice: z.string(),
  n: z.int(),
  accuracy: Estimate,
  pValue: Probability,
  warns: z.boolean(),
});
export type Slice = z.infer<typeof Slice>;

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
  training: ModelTraining.optional(),
  /** The competition that the model came out of; absent where none was held. */
  optimisation: Optimisation.optional(),
  /** Why none was held. */
  notOptimised: z.string().optional(),
  slices: z.array(Slice).optional(),
  corruptions: z.array(CorruptionRow).optional(),
});
export type Evaluation = z.infer<typeof Evaluation>;

/** `manifest.json` of an evaluation's folder: every other file in it. */
export const EvidenceFolder = z.strictObject({
  schemaVersion: z.literal(1),
  modelSha256: Sha256,
  files: z.array(z.strictObject({ path: z.string().min(1), sha256: Sha256, bytes: z.int().min(0) })).min(1),
});

/**
 * `attributes.json`: what is known of an image beside its pixels. Each word (camera, vendor; several in a list) becomes a slice,
 * and so do the lowest and the highest quarter of each number (size, brightness).
 */
const Word = z.string().min(1).max(140);
export const ImageAttributes = z.record(
  Sha256,
  z.record(z.string().min(1).max(40), z.union([Word, z.array(Word), z.number()])),
);
export type ImageAttributes = z.infer<typeof ImageAttributes>;

/** `labels.json`: who labelled the images that a model was made of, by vendor; nobody's name is in it. */
export const LabelSources = z.strictObject({
  images: z.int().min(0),
  /** Images whose class two blind experts agreed on. */
  experts: z.int().min(0),
  vendors: z.array(
    z.strictObject({
      vendor: z.string(),
      kind: z.enum(["people", "model"]),
      images: z.int().min(0),
      answers: z.int().min(0),
    }),
  ),
});
export type LabelSources = z.infer<typeof LabelSources>;
