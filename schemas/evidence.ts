import { z } from "zod";
import { Evaluation } from "./evaluation.ts";
import { Instant, Micros, ObjectKey, Sha256 } from "./names.ts";

export const Gate = z.strictObject({
  name: z.string(),
  outcome: z.enum(["pass", "fail", "not-enough-data"]),
  /** What was asked, what was measured, and against what: shown to the owner as it is. */
  measured: z.number(),
  low: z.number(),
  high: z.number(),
  required: z.number(),
  /** More test labels needed, and their price, when the data can't tell. */
  moreTestLabels: z.int().optional(),
  priceMicros: Micros.optional(),
  reason: z.string(),
});
export type Gate = z.infer<typeof Gate>;

export const Judgement = z.strictObject({
  outcome: z.enum(["promote", "reject", "not-enough-data"]),
  gates: z.array(Gate),
  /** Which look at the sealed test it was, of how many planned, and the part of alpha that it spent. */
  look: z.strictObject({ number: z.int().min(1), planned: z.int().min(1), alpha: z.number() }).optional(),
});
export type Judgement = z.infer<typeof Judgement>;

/** Everything that the owner decides on; `digest` is the sha256 of the canonical JSON of the rest. */
export const Evidence = z.strictObject({
  digest: Sha256,
  campaign: z.string(),
  cycle: z.int().min(1),
  datasetVersion: Sha256,
  modelKey: ObjectKey,
  modelSha256: Sha256,
  backbone: z.string(),
  evaluationKey: ObjectKey,
  evaluation: Evaluation,
  judgement: Judgement,
  dataset: z.strictObject({ train: z.int(), validation: z.int(), test: z.int() }),
  labels: z.strictObject({
    bought: z.int(),
    perImage: z.number(),
    spentMicros: Micros,
    budgetMicros: Micros,
    currency: z.string(),
  }),
  residualLabelError: z.number(),
  madeAt: Instant,
});
export type Evidence = z.infer<typeof Evidence>;
