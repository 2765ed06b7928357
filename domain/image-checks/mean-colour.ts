import type { Raster } from "./raster.ts";

/** Mean red, green and blue of a raster, 0 to 1; a gray one has three equal ones. Precondition: at least one pixel. */
export function meanColour({ pixels, width, height, channels }: Raster): [number, number, number] {
  const sums = [0, 0, 0];
  const count = width * height;
  for (let pixel = 0, at = 0; pixel < count; pixel += 1, at += channels) {
    sums[0] = (sums[0] as number) + (pixels[at] as number);
    if (channels === 1) continue;
    sums[1] = (sums[1] as number) + (pixels[at + 1] as number);
    sums[2] = (sums[2] as number) + (pixels[at + 2] as number);
  }
  const mean = sums.map((sum) => sum / count / 255) as [number, number, number];
  return channels === 1 ? [mean[0], mean[0], mean[0]] : mean;
}
