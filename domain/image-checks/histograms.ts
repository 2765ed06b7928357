import { pixelKernels } from "./kernels.ts";
import type { Raster } from "./raster.ts";

/** Parts of squared brightness that are told apart. */
const BRIGHTNESS_BINS = 4096;
const COLOUR_BYTES = 4 * (3 * 256 + BRIGHTNESS_BINS);
/** Of rasters with more pixels every second one of every second row is counted: a quarter of 100,000 moves no percentile. */
const SAMPLED_ABOVE = 100_000;

export interface ColourCounts {
  reds: Uint32Array;
  greens: Uint32Array;
  blues: Uint32Array;
  /** 4096 bins of (987 R^2 + 2830 G^2 + 279 B^2) / 65536: brightness squared. */
  squares: Uint32Array;
  /** All counted pixels have R = G = B. */
  isGray: boolean;
  /** Pixels counted. */
  count: number;
}

/** How often each of 256 values occurs. */
export function histogramOf(bytes: Uint8Array): Uint32Array {
  const kernels = pixelKernels(4096 + bytes.length);
  const memory = new Uint8Array(kernels.memory.buffer);
  memory.fill(0, 0, 4096);
  memory.set(bytes, 4096);
  kernels.histogram(4096, bytes.length, 0);
  return new Uint32Array(kernels.memory.buffer.slice(0, 1024));
}

/** Histograms of an RGB raster's colours. */
export function countColours({ pixels, width, height }: Raster): ColourCounts {
  const step = width * height > SAMPLED_ABOVE ? 2 : 1;
  const kernels = pixelKernels(COLOUR_BYTES + pixels.length);
  const memory = new Uint8Array(kernels.memory.buffer);
  memory.fill(0, 0, COLOUR_BYTES);
  memory.set(pixels, COLOUR_BYTES);
  const unequal = kernels.countColours(COLOUR_BYTES, width, height, step, 0);
  const counts = new Uint32Array(kernels.memory.buffer.slice(0, COLOUR_BYTES));
  return {
    reds: counts.subarray(0, 256),
    greens: counts.subarray(256, 512),
    blues: counts.subarray(512, 768),
    squares: counts.subarray(768),
    isGray: unequal === 0,
    count: Math.ceil(width / step) * Math.ceil(height / step),
  };
}
