import turbo from "@julusian/jpeg-turbo";
import sharp from "sharp";
import { boxShrink } from "../../domain/image-checks/box-shrink.ts";
import { fitWithin, type Raster, shrink } from "../../domain/image-checks/raster.ts";
import { type Header, Quarantine } from "./header.ts";
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
  const pixels = header.width * header.height;
  if (header.type === "jpeg" && header.simple) {
    if (!header.foreignColour && pixels <= LIMITS.fullDecodePixels) {
      const factor = Math.ceil(Math.max(header.width, header.height) / SIDES.web);
      const isLarge = factor > 2 && header.components === 3;
      const raster = isLarge ? decodeLargeJpeg(bytes, header, factor) : webSized(decodeJpeg(bytes, header));
      return upright(raster, header.orientation);
    }
    // sharp looks away from some damage; a strict decode without colour costs half of one with it.
    decodeJpeg(bytes, header, "gray");
  }
  return upright(webSized(await decodeWithSharp(bytes, header)), header.orientation);
}

function webSized(raster: Raster): Raster {
  const { width, height } = fitWithin(raster.width, raster.height, SIDES.web);
  return shrink(raster, width, height);
}

function decodeJpeg(bytes: Uint8Array, header: Header, colour: "gray" | "as-is" = "as-is"): Raster {
  const channels = colour === "gray" || header.components === 1 ? 1 : 3;
  // Not from Node's pool: the raster outlives this call, and others are decoded beside it.
  const target = Buffer.allocUnsafeSlow(header.width * header.height * channels);
  const { width, height } = decodeStrictly(
    bytes,
    header,
    target,
    channels === 1 ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB,
  );
  return { pixels: target.subarray(0, width * height * channels), width, height, channels };
}

/** A large JPEG at a whole fraction of its size. */
function decodeLargeJpeg(bytes: Uint8Array, header: Header, factor: number): Raster {
  const target = Buffer.allocUnsafeSlow(header.width * header.height * 4);
  const { width, height } = decodeStrictly(bytes, header, target, turbo.FORMAT_RGBX);
  return boxShrink(new Uint32Array(target.buffer, target.byteOffset, width * height), width, height, factor);
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

/** A baseline JPEG without any metadata; 4:4:4 keeps the colour of small things, 4:2:0 is for thumbnails. */
export function encodeJpeg(raster: Raster, quality: number, sampling: "444" | "420"): Uint8Array {
  const gray = raster.channels === 1;
  const colour = sampling === "444" ? turbo.SAMP_444 : turbo.SAMP_420;
  return turbo.compressSync(asBuffer(raster.pixels), {
    format: gray ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB,
    width: raster.width,
    height: raster.height,
    subsampling: gray ? turbo.SAMP_GRAY : colour,
    quality,
  });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
