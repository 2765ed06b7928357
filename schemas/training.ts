import { z } from "zod";
import { Probability, Sha256 } from "./names.ts";

/** What a training job is asked for; every value travels as a string hyperparameter. */
export const TrainingRequest = z.strictObject({
  command: z.literal("train"),
  backbone: z.string().min(1),
  recipe: z.enum(["probe", "finetune", "auto", "small-cnn"]),
  /** Under `auto`. */
  fineTuneMinutes: z.number().positive().optional(),
  seed: z.int().min(0),
  datasetVersion: Sha256,
});
export type TrainingRequest = z.infer<typeof TrainingRequest>;

/** `embeddings.json` beside `embeddings.f32` (little-endian float32, row-major, count x dim, rows L2-normalised). */
export const EmbeddingIndex = z.strictObject({
  ids: z.array(Sha256),
  dim: z.int().positive(),
  count: z.int().min(0),
  backbone: z.string(),
  transformDigest: z.string(),
  weightsSha256: z.string().nullable(),
});
export type EmbeddingIndex = z.infer<typeof EmbeddingIndex>;

/** `model.json` of a trained model: what a server and a reader must know. */
export const TrainingResult = z.looseObject({
  schemaVersion: z.literal(1),
  classes: z.array(z.string()).min(1),
  backbone: z.string(),
  recipe: z.string(),
  temperature: z.number().positive(),
  abstainThreshold: Probability,
  inputSize: z.int().positive(),
  datasetVersion: Sha256,
  weightsSha256: z.string().nullable(),
  onnxSha256: Sha256,
  crossValidation: z.looseObject({ accuracy: Probability, folds: z.int().min(2), n: z.int() }),
  validation: z.looseObject({ accuracy: Probability, n: z.int() }),
});
export type TrainingResult = z.infer<typeof TrainingResult>;
