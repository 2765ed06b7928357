import { z } from "zod";
import { Probability, Sha256 } from "./names.ts";

export const ImageConsensus = z.strictObject({
  image: Sha256,
  /** Posterior over the campaign's classes, in their order. */
  posterior: z.array(Probability),
  /** Likelihood of the human answers alone, normalised, without any model's prior. */
  likelihood: z.array(Probability),
  answers: z.int().min(0),
  cannotTell: z.int().min(0),
  settled: z.boolean(),
});
export type ImageConsensus = z.infer<typeof ImageConsensus>;

export const Consensus = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  method: z.enum(["majority", "one-coin", "dawid-skene"]),
  classes: z.array(z.string()),
  images: z.array(ImageConsensus),
  /** Confusion rows per annotator: P(said | truth), with the answers they stand on. */
  annotators: z.array(
    z.strictObject({
      annotator: z.string(),
      vendor: z.string(),
      answers: z.int(),
      confusion: z.array(z.array(Probability)),
      gold: z.strictObject({ n: z.int(), right: z.int(), low: Probability, high: Probability }),
    }),
  ),
});
export type Consensus = z.infer<typeof Consensus>;
