import turbo from "@julusian/jpeg-turbo";
import sharp from "sharp";
import { fitWithin, type Raster, shrink } from "../../domain/image-checks/raster.ts";
import { type Header, Quarantine } from "./header.ts";
import { quarterOf } from "./jpeg-entropy.ts";
import { LIMITS, SIDES } from "./limits.ts";
import { upright } from "./orient.ts";

// libvips knows dozens of formats, each an attack surface: only these three readers, and only from memory.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: ["VipsForeignLoadJpegBuffer", "VipsForeignLoadPngBuffer", "VipsForeignLoadWebpBuffer"] });
sharp.cache(false);
sharp.concurrency(1);

/**
 * Decodes once: upright, sRGB, 8 bits, transparent parts on white, long side at most that of the web variant.
 * Throws Quarantine where a decoder objects, warnings of JPEG included, as `djpeg -strict` does.
 */
export async function decode(bytes: Uint8Array, header: Header): Promise<Raster> {
  const stored = await decodeAsStored(bytes, header);
  const web = upright(webSized(stored), header.orientation);
  if (web !== stored) giveBack(stored);
  return web;
}

/** More memory than this is not kept from picture to picture. */
const KEPT_BYTES = 32 * 1024 * 1024;
let spare: Buffer | undefined;

/** Memory for one picture's pixels: taking it anew each time costs a fifth of a small picture's decoding. */
function roomFor(bytes: number): Buffer {
  const room = spare;
  if (room === undefined || room.length < bytes) return Buffer.allocUnsafeSlow(bytes);
  spare = undefined;
  return room;
}

/** Says that nobody looks at a decoded raster any more: its memory is the next picture's. */
export function giveBack({ pixels }: Raster): void {
  const { buffer, byteOffset } = pixels;
  if (!Buffer.isBuffer(pixels) || byteOffset !== 0 || !(buffer instanceof ArrayBuffer)) return;
  if (buffer.byteLength <= KEPT_BYTES && buffer.byteLength > (spare?.length ?? 0)) spare = Buffer.from(buffer);
}

async function decodeAsStored(bytes: Uint8Array, header: Header): Promise<Raster> {
  const { width, height, quarteredScan } = header;
  if (header.type === "jpeg" && header.simple) {
    const quarter = quarteredScan && quarterOf(bytes, quarteredScan, width, height);
    if (!header.foreignColour) {
      if (quarter !== undefined) return quarter;
      if (width * height <= LIMITS.fullDecodePixels) return decodeJpeg(bytes, header);
    }
    // sharp looks away from some damage; a strict decode without colour costs half of one with it.
    if (quarter === undefined) giveBack(decodeJpeg(bytes, header, "gray"));
  }
  return decodeWithSharp(bytes, header);
}

function webSized(raster: Raster): Raster {
  const { width, height } = fitWithin(raster.width, raster.height, SIDES.web);
  return shrink(raster, width, height);
}

function decodeJpeg(bytes: Uint8Array, header: Header, colour: "gray" | "as-is" = "as-is"): Raster {
  const channels = colour === "gray" || header.components === 1 ? 1 : 3;
  const target = roomFor(header.width * header.height * channels);
  const format = channels === 1 ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB;
  const { width, height } = decodeStrictly(bytes, header, target, format);
  return { pixels: target.subarray(0, width * height * channels), width, height, channels };
}

function decodeStrictly(
  bytes: Uint8Array,
  header: Header,
  target: Buffer,
  format: number,
): { width: number; height: number } {
  try {
    return turbo.decompressSync(asBuffer(bytes), target, { format });
  } catch {
    // The decoder may have objected to metadata (a broken profile, say): the picture itself decides.
    try {
      return turbo.decompressSync(asBuffer(header.strip()), target, { format });
    } catch (error) {
      const said = (error as Error).message;
      const why = said === "No error" ? "the decoder warns of damage" : said;
      throw new Quarantine("corrupt", `it can't be decoded faithfully: ${why}`);
    }
  }
}

async function decodeWithSharp(bytes: Uint8Array, header: Header): Promise<Raster> {
  try {
    const { data, info } = await sharp(bytes, {
      failOn: header.type === "jpeg" ? "warning" : "error",
      limitInputPixels: LIMITS.jpegPixels,
      sequentialRead: true,
      page: 0,
      pages: 1,
    })
      .resize(SIDES.web, SIDES.web, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3 && info.channels !== 1) throw new Error(`${info.channels} channels after decoding`);
    return { pixels: data, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    throw new Quarantine("corrupt", `it can't be decoded faithfully: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** Where pictures are encoded to: room for the worst case is ten times what most take, and costs as much to get anew. */
let desk = Buffer.alloc(0);

/** A baseline JPEG without any metadata; 4:4:4 keeps the colour of small things, 4:2:0 is for thumbnails. */
export function encodeJpeg(raster: Raster, quality: number, sampling: "444" | "420"): Uint8Array {
  const { width, height, channels } = raster;
  const gray = channels === 1;
  const colour = sampling === "444" ? turbo.SAMP_444 : turbo.SAMP_420;
  const subsampling = gray ? turbo.SAMP_GRAY : colour;
  const worst = turbo.bufferSize({ width, height, subsampling });
  if (desk.length < worst) desk = Buffer.allocUnsafeSlow(worst);
  const format = gray ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB;
  return new Uint8Array(
    turbo.compressSync(asBuffer(raster.pixels), desk, { format, width, height, subsampling, quality }),
  );
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
