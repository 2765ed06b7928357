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

/** Luma of ITU-R BT.601 in 16-bit fixed point, rounded to nearest, as Pillow's `convert("L")`. A gray raster is returned as it is. */
export function toGray(source: Raster): Raster {
  if (source.channels === 1) return source;
  const { pixels, width, height } = source;
  const gray = new Uint8Array(width * height);
  for (let i = 0, p = 0; i < gray.length; i += 1, p += 3) {
    gray[i] =
      ((pixels[p] as number) * 19595 + (pixels[p + 1] as number) * 38470 + (pixels[p + 2] as number) * 7471 + 0x8000) >>
      16;
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
  const { channels } = source;
  const rowLength = width * channels;
  const columns = spans(source.width, width);
  const rows = spans(source.height, height);
  const row = new Float32Array(rowLength);
  const sums = new Float32Array(rowLength);
  const output = new Uint8Array(rowLength * height);
  const scale = (width * height) / (source.width * source.height);
  let rowInHand = -1;
  for (let y = 0; y < height; y += 1) {
    sums.fill(0);
    const first = rows.first[y] as number;
    const last = rows.last[y] as number;
    for (let sy = first; sy <= last; sy += 1) {
      if (sy !== rowInHand) shrinkRow(source, sy, columns, row, width);
      rowInHand = sy;
      const weight = sy === first ? (rows.head[y] as number) : sy === last ? (rows.tail[y] as number) : 1;
      if (weight === 1) for (let i = 0; i < rowLength; i += 1) sums[i] = (sums[i] as number) + (row[i] as number);
      else for (let i = 0; i < rowLength; i += 1) sums[i] = (sums[i] as number) + weight * (row[i] as number);
    }
    const base = y * rowLength;
    for (let i = 0; i < rowLength; i += 1) output[base + i] = (sums[i] as number) * scale + 0.5;
  }
  return { pixels: output, width, height, channels };
}

interface Spans {
  first: Int32Array;
  last: Int32Array;
  head: Float64Array;
  tail: Float64Array;
}

/** For each output position: the first and last source position under it and how much of each it covers. */
function spans(from: number, to: number): Spans {
  const first = new Int32Array(to);
  const last = new Int32Array(to);
  const head = new Float64Array(to);
  const tail = new Float64Array(to);
  for (let i = 0; i < to; i += 1) {
    const start = (i * from) / to;
    const end = ((i + 1) * from) / to;
    first[i] = Math.floor(start);
    last[i] = Math.min(from - 1, Math.ceil(end) - 1);
    head[i] = Math.min((first[i] as number) + 1, end) - start;
    tail[i] = end - (last[i] as number);
  }
  return { first, last, head, tail };
}

/** Sums one source row into `row` by the column spans. */
function shrinkRow(source: Raster, y: number, columns: Spans, row: Float32Array, width: number): void {
  if (source.channels === 3) shrinkColourRow(source, y, columns, row, width);
  else shrinkGrayRow(source, y, columns, row, width);
}

function shrinkColourRow(
  { pixels, width: from }: Raster,
  y: number,
  columns: Spans,
  row: Float32Array,
  width: number,
): void {
  const base = y * from * 3;
  const { first, last, head, tail } = columns;
  for (let x = 0, at = 0; x < width; x += 1, at += 3) {
    let p = base + (first[x] as number) * 3;
    const end = base + (last[x] as number) * 3;
    const share = head[x] as number;
    let r = (pixels[p] as number) * share;
    let g = (pixels[p + 1] as number) * share;
    let b = (pixels[p + 2] as number) * share;
    if (end > p) {
      let wholeR = 0;
      let wholeG = 0;
      let wholeB = 0;
      for (p += 3; p < end; p += 3) {
        wholeR += pixels[p] as number;
        wholeG += pixels[p + 1] as number;
        wholeB += pixels[p + 2] as number;
      }
      const rest = tail[x] as number;
      r += wholeR + rest * (pixels[end] as number);
      g += wholeG + rest * (pixels[end + 1] as number);
      b += wholeB + rest * (pixels[end + 2] as number);
    }
    row[at] = r;
    row[at + 1] = g;
    row[at + 2] = b;
  }
}

function shrinkGrayRow(
  { pixels, width: from }: Raster,
  y: number,
  columns: Spans,
  row: Float32Array,
  width: number,
): void {
  const base = y * from;
  const { first, last, head, tail } = columns;
  for (let x = 0; x < width; x += 1) {
    const start = base + (first[x] as number);
    const end = base + (last[x] as number);
    let sum = (pixels[start] as number) * (head[x] as number);
    if (end > start) {
      let whole = 0;
      for (let p = start + 1; p < end; p += 1) whole += pixels[p] as number;
      sum += whole + (tail[x] as number) * (pixels[end] as number);
    }
    row[x] = sum;
  }
}
