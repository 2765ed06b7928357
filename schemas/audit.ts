import { z } from "zod";
import { Instant, Micros, ObjectKey, Probability, Sha256 } from "./names.ts";

/** Which real requests of which models are labelled, written once before anything is bought. */
export const AuditPlan = z.strictObject({
  campaign: z.string(),
  day: z.iso.date(),
  /** Whose agreement the answers are given under, and the number that stands for the audit where lots have a wave's. */
  cycle: z.int().min(1),
  wave: z.int().min(0),
  /** A random sample of each model's captured requests: the image, and the class that the model named. */
  models: z.array(
    z.strictObject({
      version: z.string(),
      floor: Probability,
      answers: z.array(z.strictObject({ image: Sha256, label: z.string() })),
    }),
  ),
  waveKey: ObjectKey,
  priceMicros: Micros,
  timeoutSeconds: z.int().positive(),
});
export type AuditPlan = z.infer<typeof AuditPlan>;

/** What an audit found of one model. */
export const AuditResult = z.strictObject({
  version: z.string(),
  /** Requests whose truth people could name, and how many of them the model got wrong. */
  audited: z.int().min(0),
  wrong: z.int().min(0),
  accuracy: z.strictObject({ value: Probability, low: Probability, high: Probability }),
  floor: Probability,
  outcome: z.enum(["below-floor", "unsure", "above-floor"]),
});
export type AuditResult = z.infer<typeof AuditResult>;

/** An audit while it is alive, and what came of it. */
export const AuditRecord = z.strictObject({
  day: z.iso.date(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  versions: z.array(z.string()),
  planKey: ObjectKey,
  /** When it is given up for lost. */
  until: Instant,
  /** Set when it has ended. */
  results: z.array(AuditResult).optional(),
});
export type AuditRecord = z.infer<typeof AuditRecord>;
