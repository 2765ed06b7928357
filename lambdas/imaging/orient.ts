import type { Raster } from "../../domain/image-checks/raster.ts";

/** Turns a raster upright by its EXIF orientation (1-8; CIPA DC-008 4.6.5.1). 1 returns the raster itself. */
export function upright(raster: Raster, orientation: number): Raster {
  if (orientation === 1) return raster;
  const { width, height, channels, pixels } = raster;
  const swaps = orientation >= 5;
  const [outWidth, outHeight] = swaps ? [height, width] : [width, height];
  const output = new Uint8Array(pixels.length);
  const mirrorsX = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const mirrorsY = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  for (let y = 0; y < outHeight; y += 1) {
    for (let x = 0; x < outWidth; x += 1) {
      let sx = swaps ? y : x;
      let sy = swaps ? x : y;
      if (mirrorsX) sx = width - 1 - sx;
      if (mirrorsY) sy = height - 1 - sy;
      const from = (sy * width + sx) * channels;
      const to = (y * outWidth + x) * channels;
      for (let c = 0; c < channels; c += 1) output[to + c] = pixels[from + c] as number;
    }
  }
  return { pixels: output, width: outWidth, height: outHeight, channels };
}
