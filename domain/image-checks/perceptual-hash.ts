import { type Raster, shrink, toGray } from "./raster.ts";

/**
 * Difference hash: the image as 9 x 8 gray means, one bit per pair of neighbours, 1 where the right one is lighter.
 * 16 hex digits, row by row. An image with a side under 9 or 8 pixels is first repeated up to it.
 */
export function differenceHash(raster: Raster): string {
  const { pixels } = resized(toGray(raster), 9, 8);
  const bits: boolean[] = [];
  for (let y = 0; y < 8; y += 1) {
    for (let x = 0; x < 8; x += 1) bits.push((pixels[y * 9 + x + 1] as number) > (pixels[y * 9 + x] as number));
  }
  return hex(bits);
}

/**
 * Perceptual hash: the 8 x 8 lowest frequencies (DCT-II) of the image as 32 x 32 gray means; a bit is 1 where a
 * coefficient is at least the median of the 63 without the mean. 16 hex digits. (Zauner 2010; imagededup's PHash.)
 */
export function perceptualHash(raster: Raster): string {
  const { pixels } = resized(toGray(raster), 32, 32);
  const rows = new Float64Array(8 * 32);
  for (let y = 0; y < 32; y += 1) {
    for (let u = 0; u < 8; u += 1) {
      let sum = 0;
      for (let x = 0; x < 32; x += 1) sum += (pixels[y * 32 + x] as number) * (COSINES[u * 32 + x] as number);
      rows[u * 32 + y] = sum;
    }
  }
  const low: number[] = [];
  for (let v = 0; v < 8; v += 1) {
    for (let u = 0; u < 8; u += 1) {
      let sum = 0;
      for (let y = 0; y < 32; y += 1) sum += (rows[u * 32 + y] as number) * (COSINES[v * 32 + y] as number);
      // Rounded, so that the noise of a flat image's sums decides no bit.
      low.push(Math.round(sum * 1000));
    }
  }
  const sorted = low.slice(1).sort((a, b) => a - b);
  const median = sorted[31] as number;
  return hex(low.map((c) => c >= median));
}

const COSINES = Float64Array.from({ length: 8 * 32 }, (_, i) =>
  Math.cos((Math.PI * Math.floor(i / 32) * (2 * (i % 32) + 1)) / 64),
);

function resized(gray: Raster, width: number, height: number): Raster {
  return shrink(repeated(gray, Math.ceil(width / gray.width), Math.ceil(height / gray.height)), width, height);
}

/** Each pixel `x` by `y` times. */
function repeated(gray: Raster, x: number, y: number): Raster {
  if (x <= 1 && y <= 1) return gray;
  const width = gray.width * Math.max(1, x);
  const height = gray.height * Math.max(1, y);
  const pixels = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const from = Math.floor(row / Math.max(1, y)) * gray.width;
    for (let column = 0; column < width; column += 1) {
      pixels[row * width + column] = gray.pixels[from + Math.floor(column / Math.max(1, x))] as number;
    }
  }
  return { pixels, width, height, channels: 1 };
}

function hex(bits: readonly boolean[]): string {
  let text = "";
  for (let i = 0; i < bits.length; i += 4) {
    text += ((bits[i] ? 8 : 0) + (bits[i + 1] ? 4 : 0) + (bits[i + 2] ? 2 : 0) + (bits[i + 3] ? 1 : 0)).toString(16);
  }
  return text;
}
