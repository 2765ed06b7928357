import { z } from "zod";
import { CampaignName, Instant, ObjectKey, Sha256 } from "./names.ts";

/** One line of an intake's `manifest.jsonl`. */
export const IntakeItem = z.strictObject({
  /** Where the bytes lie in the store. */
  key: ObjectKey,
  /** The file's name as the data team knows it, relative to the dropped folder. Text, never a path to open. */
  name: z.string().min(1).max(1024),
  sha256: Sha256,
  bytes: z.int().min(0),
});
export type IntakeItem = z.infer<typeof IntakeItem>;

/** The seal (`_SUCCESS`) of an intake: written last, conditionally; names the manifest by digest. */
export const IntakeSeal = z.strictObject({
  campaign: CampaignName,
  intake: z.string().min(1),
  manifestKey: ObjectKey,
  manifestSha256: Sha256,
  files: z.int().min(0),
  sealedAt: Instant,
});
export type IntakeSeal = z.infer<typeof IntakeSeal>;
