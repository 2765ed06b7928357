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
  /**
   * How everybody together errs: a row per true class, a cell per class said and one for "cannot tell", with the 95 %
   * interval (Wilson) that as many answers give as the consensus expects of that class. Left out above 100 classes.
   */
  pooled: z.array(z.array(z.strictObject({ value: Probability, low: Probability, high: Probability }))).optional(),
  /** Confusion rows per annotator: P(said | truth), with the answers they stand on. */
  annotators: z.array(
    z.strictObject({
      annotator: z.string(),
      vendor: z.string(),
      answers: z.int(),
      confusion: z.array(z.array(Probability)),
      /** Answers that each row stands on, as the consensus expects them: classes in their order. */
      support: z.array(z.number().min(0)).optional(),
      /** 95 % interval of being right about each class, on that support. */
      recall: z.array(z.strictObject({ value: Probability, low: Probability, high: Probability })).optional(),
      gold: z.strictObject({ n: z.int(), right: z.int(), low: Probability, high: Probability }),
    }),
  ),
});
export type Consensus = z.infer<typeof Consensus>;
