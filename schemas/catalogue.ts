import { z } from "zod";
import { ObjectKey, Probability, Sha256 } from "./names.ts";

export const FindingCode = z.enum([
  "corrupt",
  "empty",
  "not-an-image",
  "type-mismatch",
  "too-large",
  "too-complex",
  "timeout",
  "hash-mismatch",
  "missing",
  "animated",
  "trailing-bytes",
  "dark",
  "light",
  "blurry",
  "low-information",
  "odd-size",
  "odd-aspect",
  "grayscale",
]);
export type FindingCode = z.infer<typeof FindingCode>;

/** One thing that a check saw. `quarantine` keeps the file out; `flag` admits it and tells. */
export const Finding = z.strictObject({
  code: FindingCode,
  severity: z.enum(["quarantine", "flag"]),
  /** What was seen, for people. */
  message: z.string(),
  /** The measured value, where there is one. */
  value: z.number().optional(),
});
export type Finding = z.infer<typeof Finding>;

/** Measurements of an admitted image. */
export const ImageFacts = z.strictObject({
  width: z.int().positive(),
  height: z.int().positive(),
  type: z.enum(["jpeg", "png", "webp"]),
  bytes: z.int().positive(),
  brightness: z.number(),
  contrast: z.number(),
  entropy: z.number(),
  blur: z.number(),
  grayscale: z.boolean(),
  /** Mean red, green and blue, 0 to 1. */
  colour: z.tuple([Probability, Probability, Probability]).optional(),
  /** From EXIF: the camera, and the local time at which the picture was taken. */
  capture: z
    .strictObject({
      camera: z.string().min(1).max(140).optional(),
      at: z
        .string()
        .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
        .optional(),
    })
    .optional(),
  /** 64-bit perceptual hashes as 16 hex digits. */
  dHash: z.string().regex(/^[0-9a-f]{16}$/),
  pHash: z.string().regex(/^[0-9a-f]{16}$/),
});
export type ImageFacts = z.infer<typeof ImageFacts>;

/**
 * Tiles of an image that is larger than its web variant, at full resolution, JPEG, without metadata. Their block begins with
 * the end of each tile, row by row, as 4 bytes (big-endian) counted from the block's first byte; the tiles follow.
 */
export const Tiles = z.strictObject({
  key: ObjectKey,
  offset: z.int().min(0),
  bytes: z.int().positive(),
  /** Of the tiled picture: the upright image's, or a whole fraction of it where the image is very large. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** Side of a tile in pixels; those at the right and the bottom may be smaller. */
  size: z.int().positive(),
  columns: z.int().positive(),
  rows: z.int().positive(),
});
export type Tiles = z.infer<typeof Tiles>;

/** What admission says of one file of the manifest. */
export const AdmissionResult = z.strictObject({
  name: z.string(),
  sha256: Sha256,
  verdict: z.enum(["admitted", "quarantined"]),
  findings: z.array(Finding),
  facts: ImageFacts.optional(),
  /** Re-encoded image without metadata that vendors see, and where it lies in its pack. */
  web: z.strictObject({ key: ObjectKey, offset: z.int().min(0), bytes: z.int().positive() }).optional(),
  thumbnail: z.strictObject({ key: ObjectKey, offset: z.int().min(0), bytes: z.int().positive() }).optional(),
  tiles: Tiles.optional(),
});
export type AdmissionResult = z.infer<typeof AdmissionResult>;

/** Tar shard of normalised images, entries `<sha256>.<jpg|png|webp>`. */
export const Shard = z.strictObject({ key: ObjectKey, sha256: Sha256, images: z.int() });
export type Shard = z.infer<typeof Shard>;

/** One batch's results as admission writes them below `<admissionPrefix>/results/`; no shard where nothing was admitted. */
export const AdmissionBatch = z.strictObject({ shard: Shard.optional(), results: z.array(AdmissionResult) });
export type AdmissionBatch = z.infer<typeof AdmissionBatch>;

/** One image of the catalogue: the admitted bytes, every name they came under, and the duplicate group. */
export const CatalogueEntry = AdmissionResult.omit({ name: true, verdict: true }).extend({
  names: z.array(z.string()).min(1),
  facts: ImageFacts,
  web: z.strictObject({ key: ObjectKey, offset: z.int().min(0), bytes: z.int().positive() }),
  thumbnail: z.strictObject({ key: ObjectKey, offset: z.int().min(0), bytes: z.int().positive() }),
  /** sha256 of the group's first member in order of sha256. */
  group: Sha256,
  /** Cycle that admitted it, from 1. */
  cycle: z.int().min(1),
});
export type CatalogueEntry = z.infer<typeof CatalogueEntry>;

/** The admitted images of a campaign after a cycle's admission; every file of the manifest is accounted for. */
export const Catalogue = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  counts: z.strictObject({
    files: z.int(),
    admitted: z.int(),
    quarantined: z.int(),
    duplicates: z.int(),
    /** Files whose bytes an earlier cycle had already admitted (part of duplicates). */
    known: z.int(),
  }),
  entries: z.array(CatalogueEntry),
  quarantined: z.array(z.strictObject({ name: z.string(), sha256: Sha256, findings: z.array(Finding) })),
  shards: z.array(Shard),
});
export type Catalogue = z.infer<typeof Catalogue>;
