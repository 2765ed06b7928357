import { pixelKernels } from "./kernels.ts";
import { type Raster, shrinkLoaded } from "./raster.ts";

/** Parts of squared brightness that are told apart. */
const BRIGHTNESS_BINS = 4096;
/**
 * Of rasters with more pixels every third one of every third row is counted by colour: 11,000 of 100,000 hold every
 * percentile, and in steps of 3 all places of a JPEG's blocks of 8 are met alike.
 */
const SAMPLED_ABOVE = 100_000;
const STEP = 3;
/** Longest side at which edges are looked at. */
const EDGES_SIDE = 64;

/** What the loops over a raster's pixels find. */
export interface Counts {
  /** How often each luma occurs among `count` pixels. */
  lumas: Uint32Array;
  /** Pixels counted. */
  count: number;
  /** Luma at <= 64 pixels a side. */
  small: Raster;
  /** Absent for a gray raster. */
  colours?: ColourCounts;
}

interface ColourCounts {
  reds: Uint32Array;
  greens: Uint32Array;
  blues: Uint32Array;
  /** 4096 bins of (987 R^2 + 2830 G^2 + 279 B^2) / 65536: brightness squared. */
  squares: Uint32Array;
  /** All counted pixels have R = G = B. */
  isGray: boolean;
}

const COLOUR_BYTES = 4 * (3 * 256 + BRIGHTNESS_BINS);
/** Four histograms; of a colour raster only the first is used, of a gray one three are spare. */
const LUMA_BYTES = 4 * 1024;
const ROOM_BYTES = 128;
const LUMA_AT = COLOUR_BYTES + LUMA_BYTES + ROOM_BYTES;

/** Counts a raster: its pixels are copied once into the kernels' memory, and all loops look at them there. */
export function countsOf({ pixels, width, height, channels }: Raster): Counts {
  const all = width * height;
  const colourAt = LUMA_AT + Math.ceil((all + 16) / 16) * 16;
  const kernels = pixelKernels(colourAt + 3 * all + 16);
  const memory = new Uint8Array(kernels.memory.buffer);
  memory.fill(0, 0, COLOUR_BYTES + LUMA_BYTES);
  memory.set(pixels, channels === 1 ? LUMA_AT : colourAt);
  if (channels === 1) {
    kernels.histogram(LUMA_AT, all, COLOUR_BYTES);
    const lumas = new Uint32Array(kernels.memory.buffer.slice(COLOUR_BYTES, COLOUR_BYTES + 1024));
    return { lumas, count: all, small: smallLuma(width, height, colourAt) };
  }
  kernels.luma(colourAt, LUMA_AT, all, COLOUR_BYTES + LUMA_BYTES);
  const step = all > SAMPLED_ABOVE ? STEP : 1;
  const unequal = kernels.countColours(colourAt, width, height, step, 0);
  const bins = new Uint32Array(kernels.memory.buffer.slice(0, COLOUR_BYTES + 1024));
  const colours = {
    reds: bins.subarray(0, 256),
    greens: bins.subarray(256, 512),
    blues: bins.subarray(512, 768),
    squares: bins.subarray(768, 768 + BRIGHTNESS_BINS),
    isGray: unequal === 0,
  };
  return {
    lumas: bins.subarray(768 + BRIGHTNESS_BINS),
    count: Math.ceil(width / step) * Math.ceil(height / step),
    small: smallLuma(width, height, colourAt + 3 * all + 16),
    colours,
  };
}

function smallLuma(width: number, height: number, free: number): Raster {
  const ratio = Math.max(1, Math.max(width, height) / EDGES_SIDE);
  const to = { width: Math.max(1, Math.floor(width / ratio)), height: Math.max(1, Math.floor(height / ratio)) };
  const pixels = shrinkLoaded({ width, height, channels: 1 }, LUMA_AT, { ...to, y: 0, end: to.height }, free).slice();
  return { pixels, ...to, channels: 1 };
}
