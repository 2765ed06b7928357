import type { Finding } from "../../schemas/catalogue.ts";
import type { Scan } from "./jpeg-entropy.ts";

export type ImageType = "jpeg" | "png" | "webp";

/** What a walk over a file's markers or chunks says, before anything is decoded. */
export interface Header {
  type: ImageType;
  width: number;
  height: number;
  /** EXIF orientation 1-8. */
  orientation: number;
  /** An embedded colour profile that is not sRGB, or colours other than gray and RGB. */
  foreignColour: boolean;
  /** JPEG: 1 or 3 components, the fast decoder's kind. */
  simple: boolean;
  /** JPEG: colour components; 0 for other types. */
  components: number;
  /** JPEG of the usual kind and large: the one scan, to be followed when it is decoded at a quarter. */
  quarteredScan?: Scan;
  /** Bytes that the image itself takes; what follows is trailing. */
  length: number;
  animated: boolean;
  /** May its coding be kept for jobs, once metadata is off? Not where colours or depth must change. */
  keepable: boolean;
  /** The image's own bytes: the file without metadata and trailing bytes. */
  strip(): Uint8Array;
}

/** A file that is kept out, and why. The batch goes on. */
export class Quarantine extends Error {
  override name = "Quarantine";
  readonly code: Finding["code"];
  constructor(code: Finding["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** The first bytes' type; undefined for anything that is not taken. */
export function sniff(bytes: Uint8Array): ImageType | undefined {
  const starts = (text: string, at = 0) =>
    bytes.length >= at + text.length && [...text].every((c, i) => bytes[at + i] === c.charCodeAt(0));
  if (starts("\xff\xd8\xff")) return "jpeg";
  if (starts("\x89PNG\r\n\x1a\n")) return "png";
  if (starts("RIFF") && starts("WEBP", 8)) return "webp";
  return undefined;
}

const EXTENSIONS: Readonly<Record<string, ImageType>> = {
  jpg: "jpeg",
  jpeg: "jpeg",
  jpe: "jpeg",
  jfif: "jpeg",
  png: "png",
  apng: "png",
  webp: "webp",
};

/** A flag when the name's extension promises another type than the bytes are; a name without extension promises none. */
export function typeMismatch(name: string, type: ImageType): Finding | undefined {
  const extension = /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase();
  if (extension === undefined || EXTENSIONS[extension] === type) return undefined;
  return {
    code: "type-mismatch",
    severity: "flag",
    message: `named .${extension}, but its bytes are ${type.toUpperCase()}`,
  };
}

/** Orientation 1-8 in an EXIF block (TIFF header on); 1 where it has none or is broken. */
export function exifOrientation(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 14) return 1;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i += 1) {
    const at = directory + 2 + i * 12;
    if (at + 12 > tiff.length) return 1;
    if (view.getUint16(at, little) !== 0x0112) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Whether an ICC profile calls itself sRGB: its colours are taken as they are. */
export function isSrgbProfile(profile: Uint8Array): boolean {
  const text = Buffer.from(profile.buffer, profile.byteOffset, profile.byteLength).toString("latin1");
  return text.includes("sRGB") || text.includes("s\0R\0G\0B");
}
