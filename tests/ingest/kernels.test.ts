import { readFileSync } from "node:fs";
import turbo from "@julusian/jpeg-turbo";
import sharp from "sharp";
import { expect, test } from "vitest";
import { shrink } from "../../domain/image-checks/raster.ts";
import { compiledKernels } from "../../lambdas/imaging/compile-kernels.ts";
import { inspect } from "../../lambdas/imaging/inspect.ts";
import { quarterOf, type Scan } from "../../lambdas/imaging/jpeg-entropy.ts";
import { walkJpeg } from "../../lambdas/imaging/jpeg-walk.ts";
import { job, picture } from "./pictures.ts";

test("the compiled kernels are those of their sources", async () => {
  for (const [path, text] of await compiledKernels()) expect(readFileSync(path, "utf8") === text, path).toBe(true);
});

/** A photo-like JPEG with a long side beyond the limit above which it is decoded at a quarter. */
async function large(options: { subsampling: string; gray?: boolean; quality: number; restarts?: boolean }) {
  const small = await picture(21, { width: 410, height: 83 });
  let image = sharp(small).resize(3281, 661, { fit: "fill", kernel: "cubic" });
  if (options.gray) image = image.toColourspace("b-w");
  const bytes = await image.jpeg({ quality: options.quality, chromaSubsampling: options.subsampling }).toBuffer();
  const scan = walkJpeg(bytes).quarteredScan;
  expect(scan).toBeDefined();
  return { bytes, scan: scan as Scan };
}

test.each([
  { subsampling: "4:2:0", quality: 90 },
  { subsampling: "4:4:4", quality: 95 },
  { subsampling: "4:2:0", quality: 60 },
  { subsampling: "4:4:4", quality: 90, gray: true },
])("a quarter of $subsampling at quality $quality is the mean of what libjpeg decodes in full", async (options) => {
  const { bytes, scan } = await large(options);
  const quarter = quarterOf(bytes, scan, 3281, 661);
  const channels = options.gray ? 1 : 3;
  expect(quarter).toMatchObject({ width: 821, height: 166, channels });
  const format = options.gray ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB;
  const full = turbo.decompressSync(bytes, { format });
  // Whole blocks of 4 x 4 only: at the right and lower edge the encoder's padding counts in.
  const means = shrink(
    { pixels: cropped(full.data, 3281, 3280, 660, channels), width: 3280, height: 660, channels },
    820,
    165,
  );
  let worst = 0;
  let sum = 0;
  for (let y = 0; y < 165; y += 1) {
    for (let i = 0; i < 820 * channels; i += 1) {
      const off = Math.abs((quarter.pixels[y * 821 * channels + i] ?? 0) - (means.pixels[y * 820 * channels + i] ?? 0));
      worst = Math.max(worst, off);
      sum += off;
    }
  }
  // Chroma of 4:2:0 is one value for 2 x 2 output pixels here, and smoothed by libjpeg.
  expect(sum / (820 * 165 * channels)).toBeLessThan(options.subsampling === "4:2:0" ? 1.5 : 0.5);
  if (options.subsampling === "4:4:4") expect(worst).toBeLessThanOrEqual(4);
});

function cropped(pixels: Uint8Array, from: number, width: number, height: number, channels: number): Uint8Array {
  const kept = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1)
    kept.set(pixels.subarray(y * from * channels, (y * from + width) * channels), y * width * channels);
  return kept;
}

test("damage in the data of a large picture is found while it is decoded at a quarter", async () => {
  const { bytes, scan } = await large({ subsampling: "4:2:0", quality: 90 });
  const middle = Math.floor((scan.from + scan.to) / 2);
  const zeroed = Buffer.from(bytes).fill(0, middle, scan.to);
  const noisy = Buffer.from(bytes);
  for (let i = 0; i < 4096; i += 1) noisy[middle + i] = (Math.imul(i + 1, 2654435761) >>> 13) & 0x7f;
  const cut = Buffer.concat([bytes.subarray(0, middle), bytes.subarray(scan.to)]);
  const doubled = Buffer.concat([bytes.subarray(0, middle), bytes.subarray(middle - 500)]);
  for (const broken of [zeroed, noisy, cut, doubled]) {
    const seen = await inspect(job("broken.jpg", broken));
    expect(seen.verdict).toBe("quarantined");
    expect(seen.findings[0]?.code).toBe("corrupt");
  }
  expect((await inspect(job("fine.jpg", bytes))).verdict).toBe("admitted");
});

test("tables that displace each other between files change no verdict", async () => {
  const files = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      sharp({ create: { width: 64 + i, height: 64, channels: 3, background: "#123" } })
        .composite([{ input: Buffer.from(noise(64, i)), raw: { width: 64, height: 64, channels: 3 }, left: 0, top: 0 }])
        .jpeg({ quality: 30 + i, optimiseCoding: true })
        .toBuffer(),
    ),
  );
  for (const bytes of [...files, ...files.toReversed()]) expect(() => walkJpeg(bytes)).not.toThrow();
});

function noise(side: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: side * side * 3 }, (_, i) => Math.imul(i + 1, 2654435761 + 977 * seed) >>> 24);
}
