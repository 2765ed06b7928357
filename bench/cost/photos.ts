import sharp from "sharp";
import { chance } from "../../domain/chance.ts";
import type { IncomingFile } from "../../lambdas/store/intakes.ts";

/** Files in memory, as an intake takes them. */
export function incoming(name: string, bytes: Uint8Array): IncomingFile {
  return {
    name,
    bytes: bytes.length,
    read: async () => bytes,
    async *stream() {
      yield bytes;
    },
  };
}

/** Drawn photos of about half a megabyte: 2,000 by 1,500 pixels, soft shapes and grain, JPEG as cameras write it. */
export async function largePhotos(count: number, seed: number): Promise<IncomingFile[]> {
  const photos: IncomingFile[] = [];
  for (let i = 0; i < count; i += 1) {
    const random = chance(`${seed}/photo/${i}`);
    const side = 48;
    const coarse = Buffer.from(Array.from({ length: side * side * 3 }, () => Math.floor(random.uniform() * 256)));
    const soft = await sharp(coarse, { raw: { width: side, height: side, channels: 3 } })
      .resize(2000, 1500, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
    // Grain by a small generator: what fills a camera's file is noise.
    let state = Math.floor(random.uniform() * 2 ** 31) + 1;
    for (let at = 0; at < soft.length; at += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      soft[at] = Math.max(0, Math.min(255, (soft[at] as number) + ((state >> 16) % 9) - 4));
    }
    const bytes = await sharp(soft, { raw: { width: 2000, height: 1500, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer();
    photos.push(incoming(`photo-${i}.jpg`, bytes));
  }
  return photos;
}
