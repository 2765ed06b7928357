import { pixelKernels } from "./kernels.ts";

/** 8-bit pixels, rows top to bottom, channels interleaved: 3 = RGB (sRGB), 1 = gray. */
export interface Raster {
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3;
}

/** Size with the same shape whose long side is at most `side`; each side at least 1; never larger than the source. */
export function fitWithin(width: number, height: number, side: number): { width: number; height: number } {
  const long = Math.max(width, height);
  if (long <= side) return { width, height };
  return {
    width: Math.max(1, Math.round((width * side) / long)),
    height: Math.max(1, Math.round((height * side) / long)),
  };
}

/** Pixels that are looked at in one go: their copies stay in the cache. */
const PIXELS_AT_ONCE = 1 << 15;
const BYTES_AT_ONCE = 1 << 20;

/** Luma of ITU-R BT.601 in 16-bit fixed point, rounded to nearest, as Pillow's `convert("L")`. A gray raster is returned as it is. */
export function toGray(source: Raster): Raster {
  if (source.channels === 1) return source;
  const { pixels, width, height } = source;
  const count = width * height;
  const gray = new Uint8Array(count);
  const kernels = pixelKernels(4 * PIXELS_AT_ONCE + 128);
  const memory = new Uint8Array(kernels.memory.buffer);
  const to = 3 * PIXELS_AT_ONCE;
  for (let done = 0; done < count; done += PIXELS_AT_ONCE) {
    const some = Math.min(PIXELS_AT_ONCE, count - done);
    memory.set(pixels.subarray(done * 3, (done + some) * 3));
    kernels.luma(0, to, some, to + PIXELS_AT_ONCE + 16);
    gray.set(memory.subarray(to, to + some), done);
  }
  return { pixels: gray, width, height, channels: 1 };
}

/**
 * Shrinks by area: each output pixel is the mean of the source area under it, edges weighted by their share.
 * Precondition: the new sides are at least 1 and at most the source's. The same size returns the source itself.
 */
export function shrink(source: Raster, width: number, height: number): Raster {
  if (width === source.width && height === source.height) return source;
  if (width < 1 || height < 1 || width > source.width || height > source.height) {
    throw new RangeError(
      `can't shrink ${source.width} x ${source.height} to ${width} x ${height}: each side must be 1 to the source's`,
    );
  }
  const { channels, pixels } = source;
  const rowBytes = source.width * channels;
  const reach = new Int32Array(spans(source.height, height).buffer);
  const rowAfter = (y: number) => (reach[4 * y + 1] as number) + 1;
  const output = new Uint8Array(width * channels * height);
  for (let y = 0; y < height; ) {
    // As many output rows as their sources fit into what is looked at in one go, at least one.
    const from = (reach[4 * y] as number) * rowBytes;
    let end = y + 1;
    while (end < height && rowAfter(end) * rowBytes - from <= BYTES_AT_ONCE) end += 1;
    const sourceBytes = rowAfter(end - 1) * rowBytes - from;
    const { memory } = pixelKernels(sourceBytes + 16);
    new Uint8Array(memory.buffer).set(pixels.subarray(from, from + sourceBytes));
    // Rows are counted from the source's first: the address is where that one would lie.
    const rows = shrinkLoaded(source, -from, { width, height, y, end }, sourceBytes + 16);
    output.set(rows, y * width * channels);
    y = end;
  }
  return { pixels: output, width, height, channels };
}

/**
 * Rows [y, end) of a raster shrunk to width x height whose pixels lie in the kernels' memory at `at`, 16 readable bytes
 * behind them; `free`: from where on memory may be used. What it returns is the next caller's.
 */
export function shrinkLoaded(
  source: Omit<Raster, "pixels">,
  at: number,
  { width, height, y, end }: { width: number; height: number; y: number; end: number },
  free: number,
): Uint8Array {
  const columns = spans(source.width, width);
  const rows = spans(source.height, height);
  const rowBytes = source.width * source.channels;
  // Areas begin at multiples of 16, with room for what is written beyond their ends.
  const columnsAt = Math.ceil(free / 16) * 16;
  const rowsAt = columnsAt + columns.length;
  const sums = rowsAt + rows.length;
  const out = sums + 4 * (Math.ceil(rowBytes / 16) * 16 + 16);
  const outBytes = (end - y) * width * source.channels;
  const kernels = pixelKernels(out + outBytes + 16);
  const memory = new Uint8Array(kernels.memory.buffer);
  memory.set(columns, columnsAt);
  memory.set(rows, rowsAt);
  const scale = (width * height) / (source.width * source.height);
  kernels.shrink(at, rowBytes, columnsAt, rowsAt + 16 * y, sums, out, width, end - y, source.channels, scale);
  return memory.subarray(out, out + outBytes);
}

const knownSpans = new Map<string, Uint8Array<ArrayBuffer>>();
const MOST_KNOWN = 64;

/**
 * What lies under each of `to` output positions, 16 bytes each: the first and last source position (i32), how much of
 * each is covered (f32); one that is both counts as the first. The last few are kept, for pictures are often of one size.
 */
function spans(from: number, to: number): Uint8Array<ArrayBuffer> {
  const key = `${from} ${to}`;
  const known = knownSpans.get(key);
  if (known !== undefined) return known;
  const places = new Int32Array(4 * to);
  const shares = new Float32Array(places.buffer);
  for (let i = 0; i < to; i += 1) {
    const start = (i * from) / to;
    const end = ((i + 1) * from) / to;
    const first = Math.floor(start);
    const last = Math.min(from - 1, Math.ceil(end) - 1);
    places[4 * i] = first;
    places[4 * i + 1] = last;
    shares[4 * i + 2] = Math.min(first + 1, end) - start;
    shares[4 * i + 3] = first === last ? 0 : end - last;
  }
  const bytes = new Uint8Array(places.buffer);
  if (knownSpans.size >= MOST_KNOWN) knownSpans.clear();
  knownSpans.set(key, bytes);
  return bytes;
}
