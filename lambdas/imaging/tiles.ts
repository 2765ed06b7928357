import turbo from "@julusian/jpeg-turbo";
import sharp from "sharp";
import type { Raster } from "../../domain/image-checks/raster.ts";
import { encodeJpeg } from "./codec.ts";
import { type Header, sniff } from "./header.ts";
import { walkJpeg } from "./jpeg-walk.ts";
import { LIMITS, SIDES } from "./limits.ts";
import { upright } from "./orient.ts";
import { walkPng } from "./png-walk.ts";
import { walkWebp } from "./webp-walk.ts";

/** Side of a tile: about 60 kB, so that a zoomed page asks for few. */
const TILE_SIDE = 512;
/** Pictures with more pixels are tiled at half their size: a whole raster is in memory at once. */
const MOST_PIXELS = 40_000_000;
const QUALITY = 90;

/** A picture's tiles as one block, and their grid. */
export interface Tiling {
  width: number;
  height: number;
  size: number;
  columns: number;
  rows: number;
  /** The tiles' ends, row by row, 4 bytes each (big-endian, from the block's first byte), then the tiles. */
  block: Uint8Array;
}

/** Whether the web variant shows less than half of the detail that there is; docs/decisions/0016 says what tiles cost. */
export function needsTiles({ width, height }: { width: number; height: number }): boolean {
  return Math.max(width, height) > 2 * SIDES.web;
}

/**
 * Cuts a picture that was admitted into upright JPEG tiles without metadata, at full resolution (half of it beyond 40 million
 * pixels). A second decode, for large pictures only. Deterministic. Throws what decoders throw.
 */
export async function tilesOf(bytes: Uint8Array): Promise<Tiling> {
  const type = sniff(bytes);
  if (type === undefined) throw new TypeError("no picture that was admitted");
  const header = { jpeg: walkJpeg, png: walkPng, webp: walkWebp }[type](bytes);
  const raster = await fullRaster(bytes, header);
  const turned = header.orientation >= 5;
  const width = turned ? raster.height : raster.width;
  const height = turned ? raster.width : raster.height;
  const columns = Math.ceil(width / TILE_SIDE);
  const rows = Math.ceil(height / TILE_SIDE);
  const tiles: Uint8Array[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [x, y] = [column * TILE_SIDE, row * TILE_SIDE];
      const part = { x, y, width: Math.min(TILE_SIDE, width - x), height: Math.min(TILE_SIDE, height - y) };
      tiles.push(encodeJpeg(uprightPart(raster, part, header.orientation), QUALITY, "444"));
    }
  }
  const head = Buffer.alloc(4 * tiles.length);
  let end = head.length;
  tiles.forEach((tile, at) => {
    end += tile.length;
    head.writeUInt32BE(end, 4 * at);
  });
  return { width, height, size: TILE_SIDE, columns, rows, block: Buffer.concat([head, ...tiles]) };
}

async function fullRaster(bytes: Uint8Array, header: Header): Promise<Raster> {
  const { width, height } = header;
  const isLarge = width * height > MOST_PIXELS;
  if (header.type === "jpeg" && header.simple && !header.foreignColour && !isLarge) {
    const channels = header.components === 1 ? 1 : 3;
    const target = Buffer.allocUnsafeSlow(width * height * channels);
    // Metadata may be broken; the picture was found whole.
    turbo.decompressSync(Buffer.from(header.strip()), target, {
      format: channels === 1 ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB,
    });
    return { pixels: target, width, height, channels };
  }
  const image = sharp(bytes, { limitInputPixels: LIMITS.jpegPixels, sequentialRead: true, page: 0, pages: 1 });
  const sized = isLarge ? image.resize(Math.ceil(width / 2), Math.ceil(height / 2), { fit: "fill" }) : image;
  const { data, info } = await sized
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 1 && info.channels !== 3) throw new Error(`${info.channels} channels after decoding`);
  return { pixels: data, width: info.width, height: info.height, channels: info.channels };
}

interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A part of the upright picture from the raster as it is stored: only the part is turned. */
function uprightPart(raster: Raster, part: Part, orientation: number): Raster {
  const { width, height, channels, pixels } = raster;
  const swaps = orientation >= 5;
  const mirrorsX = [2, 3, 7, 8].includes(orientation);
  const mirrorsY = [3, 4, 6, 7].includes(orientation);
  const stored = swaps ? { x: part.y, y: part.x, width: part.height, height: part.width } : { ...part };
  if (mirrorsX) stored.x = width - stored.x - stored.width;
  if (mirrorsY) stored.y = height - stored.y - stored.height;
  const cut = new Uint8Array(stored.width * stored.height * channels);
  for (let row = 0; row < stored.height; row += 1) {
    const from = ((stored.y + row) * width + stored.x) * channels;
    cut.set(pixels.subarray(from, from + stored.width * channels), row * stored.width * channels);
  }
  return upright({ pixels: cut, width: stored.width, height: stored.height, channels }, orientation);
}
