import { z } from "zod";

/** Lower-case hex sha256 of some bytes: an image's identity, a document's key. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");
export type Sha256 = z.infer<typeof Sha256>;

/** A campaign's name: it prefixes executions (80 characters at most on AWS), jobs (63) and object keys. */
export const CampaignName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, "expected 1-32 characters: a-z, 0-9 and inner hyphens");
export type CampaignName = z.infer<typeof CampaignName>;

/** A class's name as the guideline shows it. Control characters are refused: it is printed on pages and in reports. */
export const ClassName = z
  .string()
  .min(1)
  .max(80)
  .regex(/^[^\p{Cc}]+$/u, "control characters are not allowed");
export type ClassName = z.infer<typeof ClassName>;

/** Key of an object in the campaign store (S3 key | path below the objects folder). */
export const ObjectKey = z
  .string()
  .min(1)
  .max(900)
  .regex(/^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[^\p{Cc}\\]+$/u, "expected a relative key without . or .. parts");
export type ObjectKey = z.infer<typeof ObjectKey>;

/** A short stable name of a vendor, an annotator, an expert, a lot. */
export const Slug = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,79}$/, "expected 1-80 characters: letters, digits, . _ -");
export type Slug = z.infer<typeof Slug>;

/** An amount in a currency's smallest useful unit: micro-units (1 USD = 1_000_000), so that sums are exact. */
export const Micros = z.int();
export type Micros = z.infer<typeof Micros>;

/** UTC instant, ISO 8601. */
export const Instant = z.iso.datetime();
export type Instant = z.infer<typeof Instant>;

export const Probability = z.number().min(0).max(1);
