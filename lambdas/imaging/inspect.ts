import { createHash } from "node:crypto";
import { flagsOf } from "../../domain/image-checks/flags.ts";
import { measure } from "../../domain/image-checks/measurements.ts";
import { differenceHash, perceptualHash } from "../../domain/image-checks/perceptual-hash.ts";
import { fitWithin, type Raster, shrink, toGray } from "../../domain/image-checks/raster.ts";
import type { Finding, ImageFacts } from "../../schemas/catalogue.ts";
import { captureOf } from "./capture.ts";
import { decode, encodeJpeg, giveBack } from "./codec.ts";
import { type Header, Quarantine, sniff, typeMismatch } from "./header.ts";
import { walkJpeg } from "./jpeg-walk.ts";
import { LIMITS, SIDES } from "./limits.ts";
import { walkPng } from "./png-walk.ts";
import { walkWebp } from "./webp-walk.ts";

export interface InspectionJob {
  name: string;
  /** What the manifest says of the bytes. */
  sha256: string;
  bytes: Uint8Array;
}

/** What one look at a file found. An admitted one carries its facts and its copies without metadata. */
export type Inspection =
  | { verdict: "quarantined"; findings: Finding[] }
  | {
      verdict: "admitted";
      findings: Finding[];
      facts: ImageFacts;
      /** JPEG, long side at most 1024. */
      web: Uint8Array;
      /** JPEG, long side at most 160. */
      thumbnail: Uint8Array;
      /** For jobs: upright, sRGB, long side at most 512; the original's own coding where that allows. */
      normalised: { bytes: Uint8Array; extension: "jpg" | "png" | "webp" };
    };

export function quarantined(code: Finding["code"], message: string): Inspection {
  return { verdict: "quarantined", findings: [{ code, severity: "quarantine", message }] };
}

/** Everything that the checks need of one file; a web-sized raster and its smaller copies. */
export interface Examination {
  header: Header;
  findings: Finding[];
  facts: ImageFacts;
  web: Raster;
  normalised: Raster;
  thumbnail: Raster;
}

/**
 * Hash, sniff, header walk, one decode, checks, hashes, copies. Never throws for what the bytes are: a bad file is a
 * finding. Deterministic: the same bytes and name give the same inspection, byte for byte.
 */
export async function inspect(job: InspectionJob): Promise<Inspection> {
  try {
    const { header, findings, facts, web, normalised, thumbnail } = await examine(job);
    const inspection: Inspection = {
      verdict: "admitted",
      findings,
      facts,
      web: encodeJpeg(web, 90, "444"),
      thumbnail: encodeThumbnail(thumbnail),
      normalised: normalisedCopy(header, normalised),
    };
    giveBack(web);
    return inspection;
  } catch (error) {
    if (error instanceof Quarantine) return quarantined(error.code, error.message);
    // Decoders and walkers fail in ways of their own on hostile bytes (RangeError and the like).
    return quarantined("corrupt", `it can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function encodeThumbnail(thumbnail: Raster): Uint8Array {
  return encodeJpeg(thumbnail, 80, "420");
}

/** The checks of one file: one decode feeds them all. Throws Quarantine, and what decoders throw. */
export async function examine({ name, sha256, bytes }: InspectionJob): Promise<Examination> {
  if (bytes.length === 0) throw new Quarantine("empty", "the file has no bytes");
  const seen = createHash("sha256").update(bytes).digest("hex");
  if (seen !== sha256) {
    throw new Quarantine(
      "hash-mismatch",
      `the stored bytes have sha256 ${seen}, the manifest says ${sha256}: they changed on the way`,
    );
  }
  const type = sniff(bytes);
  if (type === undefined) throw new Quarantine("not-an-image", "its first bytes are those of no JPEG, PNG or WebP");
  const header = { jpeg: walkJpeg, png: walkPng, webp: walkWebp }[type](bytes);
  const web = await decode(bytes, header);
  const turned = header.orientation >= 5;
  const width = turned ? header.height : header.width;
  const height = turned ? header.width : header.height;
  const normalised = within(web, SIDES.normalised);
  const thumbnail = within(normalised, SIDES.thumbnail);
  const m = measure(normalised);
  // Both hashes look at 32 and 9 means a side: the thumbnail's pixels are as good as the image's.
  const small = toGray(thumbnail);
  const capture = captureOf(bytes, header.type);
  const facts: ImageFacts = {
    width,
    height,
    type,
    bytes: bytes.length,
    brightness: rounded(m.brightness),
    contrast: rounded(m.contrast),
    entropy: rounded(m.entropy),
    blur: rounded(m.blur),
    grayscale: m.grayscale,
    colour: m.colour.map(rounded) as [number, number, number],
    ...(capture === undefined ? {} : { capture }),
    dHash: differenceHash(small),
    pHash: perceptualHash(small),
  };
  const findings = [...fileFlags(name, bytes, header), ...flagsOf(m, width, height)];
  return { header, findings, facts, web, normalised, thumbnail };
}

function fileFlags(name: string, bytes: Uint8Array, header: Header): Finding[] {
  const flags: Finding[] = [];
  const mismatch = typeMismatch(name, header.type);
  if (mismatch !== undefined) flags.push(mismatch);
  if (header.animated) {
    flags.push({ code: "animated", severity: "flag", message: "it is an animation; its first picture is used" });
  }
  const trailing = bytes.length - header.length;
  if (trailing > 0) {
    const message = `${trailing} bytes follow the end of the image; they are not passed on`;
    flags.push({ code: "trailing-bytes", severity: "flag", value: trailing, message });
  }
  return flags;
}

function normalisedCopy(header: Header, raster: Raster): { bytes: Uint8Array; extension: "jpg" | "png" | "webp" } {
  const fits = Math.max(header.width, header.height) <= SIDES.normalised;
  if (fits && header.orientation === 1 && header.keepable) {
    return { bytes: header.strip(), extension: header.type === "jpeg" ? "jpg" : header.type };
  }
  return { bytes: encodeJpeg(raster, 95, "444"), extension: "jpg" };
}

function within(raster: Raster, side: number): Raster {
  const { width, height } = fitWithin(raster.width, raster.height, side);
  return shrink(raster, width, height);
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

/** Files above the limit are not even read. */
export function tooLargeToRead(bytes: number): Inspection | undefined {
  if (bytes <= LIMITS.fileBytes) return undefined;
  return quarantined("too-large", `${bytes} bytes; at most ${LIMITS.fileBytes} are taken`);
}
