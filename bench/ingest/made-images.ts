import { encodeJpeg } from "../../lambdas/imaging/codec.ts";
import type { IncomingFile } from "../../lambdas/store/intakes.ts";

const SIDE = 64;
/** Of a hundred images: how many are copies of their predecessor, byte by byte, and how many are cut off. */
export const COPIES_PERCENT = 2;
export const BROKEN_PERCENT = 1;

/** Image number `n` as a JPEG of 64 x 64 pixels: 24 rectangles that follow from its number. */
function madeImage(n: number): Uint8Array {
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  let state = (n + 1) * 2654435761;
  const draw = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  for (let i = 0; i < 24; i += 1) {
    const [x, y, width, height] = [draw(SIDE), draw(SIDE), 4 + draw(28), 4 + draw(28)];
    const colour = [draw(256), draw(256), draw(256)];
    for (let row = y; row < Math.min(SIDE, y + height); row += 1) {
      for (let column = x; column < Math.min(SIDE, x + width); column += 1) {
        pixels.set(colour, (row * SIDE + column) * 3);
      }
    }
  }
  return encodeJpeg({ pixels, width: SIDE, height: SIDE, channels: 3 }, 80, "420");
}

/** What stands under a number: an image, a copy of the one before, or a broken file. */
export function madeKind(n: number): "image" | "copy" | "broken" {
  if (n % 100 >= 100 - COPIES_PERCENT) return "copy";
  return n % 100 >= 100 - COPIES_PERCENT - BROKEN_PERCENT ? "broken" : "image";
}

/** `count` files, made when they are read and never all at once. */
export function* madeFiles(count: number): Generator<IncomingFile> {
  for (let n = 0; n < count; n += 1) {
    const read = async () => {
      const kind = madeKind(n);
      if (kind === "copy") return madeImage(n - (n % 100));
      const bytes = madeImage(n);
      return kind === "broken" ? bytes.subarray(0, bytes.length >> 1) : bytes;
    };
    yield {
      name: `made/${String(n).padStart(7, "0")}.jpg`,
      bytes: 2000,
      read,
      stream: async function* () {
        yield await read();
      },
    };
  }
}
