import { z } from "zod";
import { Instant, Slug } from "./names.ts";

/** What one wave buys, written once before anything is dispatched. */
export const WavePlan = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  lots: z.array(Slug),
  /** Answers to be bought, by why. */
  answers: z.strictObject({ label: z.int(), gold: z.int(), test: z.int(), audit: z.int().optional() }),
  priceMicros: z.int(),
  timeoutSeconds: z.int().positive(),
  /** Instant of the owner's wish for more that this wave serves. */
  asked: z.string().optional(),
});
export type WavePlan = z.infer<typeof WavePlan>;

/** The wave's record while it is alive. */
export const WaveRecord = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  settled: z.boolean(),
  asked: z.string().optional(),
  settledAt: Instant.optional(),
  /** Task token of the step that waits for the wave's lots, sealed. */
  sealedToken: z.string().optional(),
});
export type WaveRecord = z.infer<typeof WaveRecord>;
