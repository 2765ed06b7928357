import { type Counts, countsOf } from "./counts.ts";
import type { Raster } from "./raster.ts";

/** What the checks look at. Definitions as cleanvision's, so that numbers compare. */
export interface Measurements {
  /** sqrt(.241 R^2 + .691 G^2 + .068 B^2) / 255 of the mean colour, 0-1. */
  brightness: number;
  /** Mean red, green and blue, 0-1. */
  colour: [number, number, number];
  /** 5th and 99th percentile of the pixels' brightness, 0-1. */
  brightness5: number;
  brightness99: number;
  /** Standard deviation of luma, 0-1. */
  contrast: number;
  /** Shannon entropy in bits of the histogram over all channels' values, as Pillow's `entropy()`. */
  entropy: number;
  /** Sharpness score 0-1: low is blurry. */
  blur: number;
  /** All pixels have R = G = B. */
  grayscale: boolean;
}

/** Measures a raster; of a large image a copy at <= 512 pixels a side says the same. */
export function measure(raster: Raster): Measurements {
  const { lumas, count, small, colours } = countsOf(raster);
  return {
    ...(colours === undefined ? grayStatistics(lumas, count) : colourStatistics(colours, count)),
    contrast: deviation(lumas, count) / 255,
    blur: blurScore(small),
  };
}

type Colours = Omit<Measurements, "contrast" | "blur">;

function colourStatistics(
  { reds, greens, blues, squares, isGray }: NonNullable<Counts["colours"]>,
  count: number,
): Colours {
  const colour: [number, number, number] = [mean(reds, count), mean(greens, count), mean(blues, count)];
  return {
    brightness: perceived(...colour),
    colour: colour.map((value) => value / 255) as [number, number, number],
    brightness5: percentile(squares, count, 0.05),
    brightness99: percentile(squares, count, 0.99),
    entropy: isGray ? entropy([reds]) : entropy([reds, greens, blues]),
    grayscale: isGray,
  };
}

function grayStatistics(histogram: Uint32Array, count: number): Colours {
  const squares = new Uint32Array(4096);
  histogram.forEach((n, v) => {
    const bin = (4096 * v * v) >>> 16;
    squares[bin] = (squares[bin] as number) + n;
  });
  const value = mean(histogram, count) / 255;
  return {
    brightness: value,
    colour: [value, value, value],
    brightness5: percentile(squares, count, 0.05),
    brightness99: percentile(squares, count, 0.99),
    entropy: entropy([histogram]),
    grayscale: true,
  };
}

function mean(histogram: Uint32Array, count: number): number {
  let sum = 0;
  for (let v = 0; v < 256; v += 1) sum += v * (histogram[v] as number);
  return sum / count;
}

function perceived(r: number, g: number, b: number): number {
  return Math.sqrt(0.241 * r * r + 0.691 * g * g + 0.068 * b * b) / 255;
}

/** Brightness at a quantile of the pixels, to the width of a bin (under .008 where dark, .0005 where light). */
function percentile(squares: Uint32Array, count: number, quantile: number): number {
  const rank = quantile * (count - 1);
  let below = 0;
  for (let bin = 0; bin < squares.length; bin += 1) {
    below += squares[bin] as number;
    if (below > rank) return Math.min(1, Math.sqrt(bin * 16 + 8) / 255);
  }
  return 1;
}

/** Bits of the histograms taken as one. */
function entropy(histograms: readonly Uint32Array[]): number {
  let total = 0;
  for (const histogram of histograms) for (const n of histogram) total += n;
  let bits = 0;
  for (const histogram of histograms) {
    for (const n of histogram) if (n > 0) bits -= (n / total) * Math.log2(n / total);
  }
  return bits;
}

/** Standard deviation of a value whose histogram is given. */
function deviation(histogram: Uint32Array, count: number): number {
  let sum = 0;
  let squares = 0;
  for (let v = 0; v < histogram.length; v += 1) {
    sum += v * (histogram[v] as number);
    squares += v * v * (histogram[v] as number);
  }
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}

/**
 * min(1 - exp(-.01 e) + s, 1): e is the standard deviation of edges at <= 64 px; s = 1 - exp(-.01 d), 0 when <= .18,
 * d the standard deviation of the counts in the same small picture's histogram (few gray levels make it large: drawings
 * aren't blurry).
 */
function blurScore(small: Raster): number {
  const histogram = new Uint32Array(256);
  for (const value of small.pixels) histogram[value] = (histogram[value] as number) + 1;
  let squares = 0;
  for (const n of histogram) squares += n * n;
  const mean = small.pixels.length / 256;
  const spread = Math.sqrt(Math.max(0, squares / 256 - mean * mean));
  const few = 1 - Math.exp(-0.01 * spread);
  return Math.min(1 - Math.exp(-0.01 * edgeDeviation(small)) + (few <= 0.18 ? 0 : few), 1);
}

/** Standard deviation of |8 x centre - neighbours| clipped to 0-255, borders copied: Pillow's FIND_EDGES. */
function edgeDeviation({ pixels, width, height }: Raster): number {
  let sum = 0;
  let squares = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const i = y * width + x;
      let value = pixels[i] as number;
      if (x > 0 && y > 0 && x < width - 1 && y < height - 1) {
        const around =
          (pixels[i - width - 1] as number) +
          (pixels[i - width] as number) +
          (pixels[i - width + 1] as number) +
          (pixels[i - 1] as number) +
          (pixels[i + 1] as number) +
          (pixels[i + width - 1] as number) +
          (pixels[i + width] as number) +
          (pixels[i + width + 1] as number);
        value = Math.min(255, Math.max(0, 8 * value - around));
      }
      sum += value;
      squares += value * value;
    }
  }
  const count = width * height;
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}
