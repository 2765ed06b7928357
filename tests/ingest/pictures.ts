import { createHash } from "node:crypto";
import sharp from "sharp";
import { rank } from "../../domain/split/rank.ts";

export interface PictureOptions {
  type?: "jpeg" | "png" | "webp";
  width?: number;
  height?: number;
  quality?: number;
  progressive?: boolean;
  /** EXIF orientation tag. */
  orientation?: number;
}

/** Pixels of a picture with shapes and texture that follows from its seed. */
export function pixelsOf(seed: number, width: number, height: number): Buffer {
  const discs = Array.from({ length: 8 }, (_, i) => {
    const at = (k: string) => rank(seed, k, `${i}`);
    return {
      x: at("x") * width,
      y: at("y") * height,
      r: (0.1 + at("r") * 0.25) * width,
      colour: [at("a"), at("b"), at("c")],
    };
  });
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const disc = discs.findLast((d) => Math.hypot(x - d.x, y - d.y) < d.r);
      for (let c = 0; c < 3; c += 1) {
        const grain = ((x * 7 + y * 13 + c * 5) % 17) - 8;
        pixels[(y * width + x) * 3 + c] = Math.min(255, Math.max(0, 60 + (disc?.colour[c] ?? 0.2) * 170 + grain));
      }
    }
  }
  return pixels;
}

export async function picture(seed: number, options: PictureOptions = {}): Promise<Buffer> {
  const { type = "jpeg", width = 96, height = 72, quality = 85, progressive = false, orientation } = options;
  let image = sharp(pixelsOf(seed, width, height), { raw: { width, height, channels: 3 } });
  if (orientation !== undefined) image = image.withMetadata({ orientation });
  if (type === "jpeg") return image.jpeg({ quality, progressive }).toBuffer();
  return type === "png" ? image.png().toBuffer() : image.webp({ quality }).toBuffer();
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function job(name: string, bytes: Uint8Array) {
  return { name, sha256: sha256(bytes), bytes };
}
