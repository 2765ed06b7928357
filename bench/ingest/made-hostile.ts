import sharp from "sharp";

export interface MadeFile {
  name: string;
  expected: "quarantine" | "admit-or-flag" | "any-safe";
  make(): Promise<Buffer>;
}

const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#5a7" }, limitInputPixels: false });

/** Noise that compresses badly, enlarged: the dearest kind of picture for its number of pixels. */
function noisy(width: number, height: number) {
  const pixels = Buffer.alloc(512 * 512 * 3);
  for (let i = 0, v = 1; i < pixels.length; i += 1) {
    v = (Math.imul(v, 1103515245) + 12345) >>> 0;
    pixels[i] = v >>> 24;
  }
  return sharp(pixels, { raw: { width: 512, height: 512, channels: 3 } }).resize(width, height, {
    fit: "fill",
    kernel: "cubic",
  });
}

/** The same progressive file with its scans repeated: legal enough for most decoders, and slow. */
async function manyScans(width: number, height: number, times: number): Promise<Buffer> {
  const bytes = await flat(width, height).jpeg({ progressive: true, mozjpeg: false }).toBuffer();
  const first = bytes.indexOf(Buffer.from("ffda", "hex"));
  const scans = bytes.subarray(first, bytes.length - 2);
  return Buffer.concat([bytes.subarray(0, first), ...Array.from({ length: times }, () => scans), bytes.subarray(-2)]);
}

/** Files that a folder of small ones can't hold: bombs, and the largest that is still taken of each type. */
export const MADE: readonly MadeFile[] = [
  {
    name: "bomb-256mp.png",
    expected: "quarantine",
    make: () => flat(16000, 16000).png({ compressionLevel: 1 }).toBuffer(),
  },
  {
    name: "interlaced-36mp.png",
    expected: "quarantine",
    make: () => flat(6000, 6000).png({ progressive: true }).toBuffer(),
  },
  { name: "progressive-81mp-many-scans.jpg", expected: "quarantine", make: () => manyScans(9000, 9000, 3) },
  { name: "progressive-4mp-200-scans.jpg", expected: "quarantine", make: () => manyScans(2000, 2000, 20) },
  {
    name: "largest-jpeg.jpg",
    expected: "admit-or-flag",
    make: () => noisy(9900, 10000).jpeg({ quality: 75 }).toBuffer(),
  },
  { name: "36mp.jpg", expected: "admit-or-flag", make: () => noisy(6000, 6000).jpeg({ quality: 85 }).toBuffer() },
  {
    name: "12mp-best-quality.jpg",
    expected: "admit-or-flag",
    make: () => noisy(4000, 3000).jpeg({ quality: 98, chromaSubsampling: "4:4:4" }).toBuffer(),
  },
  {
    name: "largest-progressive.jpg",
    expected: "admit-or-flag",
    make: () => noisy(5000, 4900).jpeg({ quality: 75, progressive: true }).toBuffer(),
  },
  // Well packed, so that the pixels and not the file reach their limit.
  {
    name: "most-pixels.png",
    expected: "admit-or-flag",
    make: () => flat(6300, 6300).png({ compressionLevel: 6 }).toBuffer(),
  },
  {
    name: "largest-png.png",
    expected: "admit-or-flag",
    make: () => noisy(4650, 4650).png({ compressionLevel: 1 }).toBuffer(),
  },
  {
    name: "largest-interlaced.png",
    expected: "admit-or-flag",
    make: () => noisy(4400, 4400).png({ progressive: true, compressionLevel: 1 }).toBuffer(),
  },
  {
    name: "largest-webp-lossy.webp",
    expected: "admit-or-flag",
    make: () => noisy(5000, 4900).webp({ effort: 0, quality: 80 }).toBuffer(),
  },
  {
    name: "largest-webp-lossless.webp",
    expected: "admit-or-flag",
    make: () => noisy(5000, 4900).webp({ effort: 0, lossless: true }).toBuffer(),
  },
  {
    name: "drawing.jpg",
    expected: "quarantine",
    make: async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
  },
];
