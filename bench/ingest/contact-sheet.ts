import { readFileSync } from "node:fs";
import sharp from "sharp";

const ACROSS = 8;
const SIDE = 150;
const LINE = 30;
const MOST = 64;

/** Writes pictures side by side with what each side says below, as a PNG; the first 64 of them. */
export async function contactSheet(
  pictures: readonly { path: string; flaggedBy: string; score?: number; value?: number }[],
  to: string,
): Promise<void> {
  const shown = pictures.slice(0, MOST);
  const tiles = await Promise.all(
    shown.map(async ({ path, flaggedBy, score, value }, i) => {
      const left = (i % ACROSS) * SIDE;
      const top = Math.floor(i / ACROSS) * (SIDE + LINE);
      const input = await sharp(readFileSync(path))
        .resize(SIDE - 6, SIDE - 6, { fit: "contain", background: "#888" })
        .toBuffer();
      const says = `${flaggedBy} ${value?.toFixed(3) ?? ""} / ${score?.toFixed(3) ?? ""}`;
      const label = { text: { text: says, font: "sans", height: 12, rgba: true } };
      return [
        { input, left, top },
        { input: label, left: left + 2, top: top + SIDE },
      ];
    }),
  );
  const rows = Math.ceil(shown.length / ACROSS);
  await sharp({ create: { width: ACROSS * SIDE, height: rows * (SIDE + LINE), channels: 3, background: "#fff" } })
    .composite(tiles.flat())
    .png()
    .toFile(to);
}
