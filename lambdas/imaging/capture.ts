import { createHash } from "node:crypto";
import type { ImageFacts } from "../../schemas/catalogue.ts";
import type { ImageType } from "./header.ts";

/** EXIF 2.32: tags that say which camera and when. Places (GPS) are never read. */
const TAG = { make: 0x010f, model: 0x0110, exif: 0x8769, taken: 0x9003, serial: 0xa431 } as const;
const ASCII = 2;
/** Longest text that is taken from a tag. */
const MOST_CHARACTERS = 60;

/**
 * Camera and local time of capture from a file's EXIF, each where it is there and sensible. A camera of known serial number
 * is told apart from its sisters by a digest of it. Broken EXIF says nothing; it is no fault of the picture.
 */
export function captureOf(bytes: Uint8Array, type: ImageType): NonNullable<ImageFacts["capture"]> | undefined {
  try {
    const tiff = exifBlock(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), type);
    if (tiff === undefined) return undefined;
    const tags = readTags(tiff);
    const camera = [tags.get(TAG.make), tags.get(TAG.model)].filter((text) => text !== undefined && text !== "");
    const serial = tags.get(TAG.serial);
    const body = serial ? [createHash("sha256").update(serial).digest("hex").slice(0, 8)] : [];
    const at = instant(tags.get(TAG.taken));
    const named = [...new Set(camera), ...body].join(" ");
    if (named === "" && at === undefined) return undefined;
    return { ...(named === "" ? {} : { camera: named }), ...(at === undefined ? {} : { at }) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The TIFF block of a JPEG's APP1, a PNG's eXIf or a WebP's EXIF; undefined where there is none before the picture. */
function exifBlock(bytes: Buffer, type: ImageType): Buffer | undefined {
  if (type === "jpeg") {
    for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
      const marker = bytes[at + 1] as number;
      if (marker === 0xda || marker === 0xd9) return undefined;
      const end = at + 2 + bytes.readUInt16BE(at + 2);
      const body = bytes.subarray(at + 4, end);
      if (marker === 0xe1 && body.subarray(0, 6).toString("latin1") === "Exif\0\0") return body.subarray(6);
      at = end;
    }
    return undefined;
  }
  const isPng = type === "png";
  for (let at = isPng ? 8 : 12; at + 8 <= bytes.length; ) {
    const size = isPng ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at + 4);
    const name = bytes.toString("latin1", isPng ? at + 4 : at, isPng ? at + 8 : at + 4);
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (name === (isPng ? "eXIf" : "EXIF"))
      return body.subarray(0, 6).toString("latin1") === "Exif\0\0" ? body.subarray(6) : body;
    at += 8 + size + (isPng ? 4 : size & 1);
  }
  return undefined;
}

/** Texts of the tags that are wanted, of the first directory and of the EXIF directory that it points to. */
function readTags(tiff: Buffer): Map<number, string> {
  const little = tiff.toString("latin1", 0, 2) === "II";
  const u16 = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const u32 = (at: number) => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const wanted = new Set<number>(Object.values(TAG));
  const found = new Map<number, string>();
  const readDirectory = (start: number): number | undefined => {
    let deeper: number | undefined;
    for (let entry = 0; entry < u16(start); entry += 1) {
      const at = start + 2 + entry * 12;
      const tag = u16(at);
      if (tag === TAG.exif) deeper = u32(at + 8);
      else if (wanted.has(tag) && u16(at + 2) === ASCII) {
        const count = u32(at + 4);
        const from = count <= 4 ? at + 8 : u32(at + 8);
        const text = tiff.toString("latin1", from, Math.min(from + count, from + MOST_CHARACTERS, tiff.length));
        found.set(tag, text.replaceAll(/[^ -~]+/g, " ").trim());
      }
    }
    return deeper;
  };
  const exif = readDirectory(u32(4));
  if (exif !== undefined) readDirectory(exif);
  return found;
}

/** `2026:03:09 07:08:09` as `2026-03-09T07:08:09`; undefined for zeros, blanks and dates that no calendar has. */
function instant(text: string | undefined): string | undefined {
  const parts = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)/.exec(text ?? "");
  if (parts === null) return undefined;
  const written = `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}`;
  const time = Date.parse(`${written}Z`);
  const isReal = !Number.isNaN(time) && new Date(time).toISOString().startsWith(written) && Number(parts[1]) > 1970;
  return isReal ? written : undefined;
}
