import { z } from "zod";
import { CampaignName, Instant, ObjectKey, Sha256 } from "./names.ts";

/** Input of a campaign execution. */
export const CycleInput = z.strictObject({ campaign: CampaignName, cycle: z.int().min(1), intake: z.string().min(1) });
export type CycleInput = z.infer<typeof CycleInput>;

/** What every stage of a cycle is told. */
export const CycleRef = z.strictObject({ campaign: CampaignName, cycle: z.int().min(1) });
export type CycleRef = z.infer<typeof CycleRef>;

/** A container job as the workflow asks for it: names and prefixes only. */
export const JobOrder = z.strictObject({
  jobName: z.string().min(1).max(60),
  outputPrefix: ObjectKey,
  channels: z.array(z.strictObject({ name: z.string(), prefix: ObjectKey })),
  backbone: z.string(),
  recipe: z.string(),
  /** For fine-tuning under recipe `auto`. */
  minutes: z.number().positive().optional(),
});
export type JobOrder = z.infer<typeof JobOrder>;

const JobInput = z.strictObject({ name: z.string(), prefix: ObjectKey });

/** A processing job as the workflow asks for it; `arguments` are the container's. */
export const ProcessingOrder = z.strictObject({
  jobName: z.string().min(1).max(60),
  outputPrefix: ObjectKey,
  inputs: z.array(JobInput),
  arguments: z.array(z.string()).min(1),
});
export type ProcessingOrder = z.infer<typeof ProcessingOrder>;

/** Whether smaller variants compete; the rest is left out where none do. */
export const OptimisationOrder = ProcessingOrder.partial().extend({ wanted: z.boolean(), reason: z.string() });
export type OptimisationOrder = z.infer<typeof OptimisationOrder>;

/** The sealed draw: which duplicate groups are test, gold, or left for buying; by image. */
export const Split = z.strictObject({
  campaign: CampaignName,
  cycle: z.int().min(1),
  classes: z.array(z.string()),
  test: z.array(Sha256),
  gold: z.array(Sha256),
  pool: z.array(Sha256),
  /** Newcomers whose duplicates bridge test and the rest: used for nothing. */
  withheld: z.array(Sha256),
  /** Image -> duplicate group, confirmed by embedding. */
  groups: z.record(Sha256, Sha256),
});
export type Split = z.infer<typeof Split>;

/** How a cycle can end. */
export const CycleOutcome = z.enum([
  "open",
  "nothing-admitted",
  "too-few-images",
  "refused-by-data-team",
  "data-review-expired",
  "reject",
  "not-enough-data",
  "rejected-by-owner",
  "approval-expired",
  "live",
  "promoted",
  "rolled-back",
  "unproven",
  "failed",
  "cancelled",
]);
export type CycleOutcome = z.infer<typeof CycleOutcome>;

/** The head record of a campaign. */
export const CampaignHead = z.strictObject({
  campaign: CampaignName,
  agreementKey: ObjectKey,
  agreementDigest: Sha256,
  status: z.enum(["active", "paused", "cancelled"]),
  cycles: z.int().min(0),
  openCycle: z.int().min(1).nullable(),
  /** Sealed intakes that wait for the next cycle. */
  queue: z.array(z.string()),
  /** Who sealed the first intake: never an approver where the policy excludes the requester. */
  requester: z.string(),
});
export type CampaignHead = z.infer<typeof CampaignHead>;

/** One cycle's record: what the pages and `status` show. */
export const CycleRecord = z.strictObject({
  campaign: CampaignName,
  cycle: z.int().min(1),
  intake: z.string(),
  agreementKey: ObjectKey,
  outcome: CycleOutcome,
  openedAt: Instant,
  closedAt: Instant.optional(),
  failure: z.strictObject({ error: z.string(), cause: z.string() }).optional(),
  /** References that stages leave for people: catalogue, split, dataset, evaluation, evidence. */
  refs: z.record(z.string(), z.string()),
  counts: z.record(z.string(), z.number()),
});
export type CycleRecord = z.infer<typeof CycleRecord>;

/** The looks at a campaign's sealed test so far. Test images stay where they were drawn, so all of them count together. */
export const TestLooks = z.strictObject({
  looks: z.array(z.strictObject({ evaluationKey: ObjectKey, cycle: z.int().min(1), testSha256: Sha256, at: Instant })),
});
export type TestLooks = z.infer<typeof TestLooks>;
