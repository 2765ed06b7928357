import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { type Chance, chance } from "../../domain/chance.ts";

export const SAMPLE_CLASSES = ["crack", "hole", "ok", "stain"] as const;
const SIDE = 96;

/**
 * Draws a small set of photos of turned parts, some with a defect: `<folder>/<class>/part-<n>.jpg`.
 * Deterministic: the same seed and count give the same bytes with the same build of sharp.
 */
export async function drawSample(folder: string, options: { count: number; seed: number }): Promise<void> {
  for (const name of SAMPLE_CLASSES) await mkdir(join(folder, name), { recursive: true });
  for (let index = 0; index < options.count; index += 1) {
    const name = SAMPLE_CLASSES[index % SAMPLE_CLASSES.length] as (typeof SAMPLE_CLASSES)[number];
    const pixels = drawPart(name, chance(`part ${options.seed} ${index}`));
    const jpeg = await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .jpeg({ quality: 88 })
      .toBuffer();
    await writeFile(join(folder, name, `part-${String(index).padStart(4, "0")}.jpg`), jpeg);
  }
}

/** One part as RGB bytes, SIDE x SIDE: a bored disc on a bench, lit from a side, with one defect or none. */
function drawPart(name: (typeof SAMPLE_CLASSES)[number], random: Chance): Uint8Array {
  const light = { x: random.uniform() - 0.5, y: random.uniform() - 0.5, gain: 0.8 + random.uniform() * 0.35 };
  const bench = [70 + random.below(50), 66 + random.below(40), 58 + random.below(40)] as const;
  const part = [150 + random.below(40), 150 + random.below(40), 155 + random.below(40)] as const;
  const centre = { x: SIDE / 2 + random.normal() * 3, y: SIDE / 2 + random.normal() * 3 };
  const outer = SIDE * (0.36 + random.uniform() * 0.06);
  const bore = outer * (0.22 + random.uniform() * 0.08);
  const defect = placeDefect(name, random, centre, outer, bore);
  const out = new Uint8Array(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const r = Math.hypot(x - centre.x, y - centre.y);
      const onPart = smooth(outer - r) * smooth(r - bore);
      const rings = 6 * Math.sin(r * 1.9);
      const shade = light.gain * (1 + 0.35 * ((x / SIDE - 0.5) * light.x + (y / SIDE - 0.5) * light.y));
      const hit = defect(x, y) * onPart;
      const grain = random.normal() * 5;
      for (let c = 0; c < 3; c += 1) {
        const metal = (part[c] as number) + rings;
        const marked = metal * (1 - hit) + (DEFECT_COLOUR[name][c] as number) * hit;
        const value = (marked * onPart + (bench[c] as number) * (1 - onPart)) * shade + grain;
        out[(y * SIDE + x) * 3 + c] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  }
  return out;
}

const DEFECT_COLOUR = { crack: [38, 34, 36], hole: [18, 18, 20], ok: [0, 0, 0], stain: [150, 92, 48] } as const;

/** How much of the defect covers a point, 0..1. */
function placeDefect(
  name: (typeof SAMPLE_CLASSES)[number],
  random: Chance,
  centre: { x: number; y: number },
  outer: number,
  bore: number,
): (x: number, y: number) => number {
  const angle = random.uniform() * 2 * Math.PI;
  const middle = (outer + bore) / 2;
  const at = { x: centre.x + Math.cos(angle) * middle, y: centre.y + Math.sin(angle) * middle };
  if (name === "hole") {
    const radius = 4 + random.uniform() * 3;
    return (x, y) => smooth(radius - Math.hypot(x - at.x, y - at.y));
  }
  if (name === "stain") {
    const radius = 8 + random.uniform() * 5;
    const squeeze = 0.6 + random.uniform() * 0.5;
    const phase = random.uniform() * 6;
    return (x, y) => {
      const dx = x - at.x;
      const dy = (y - at.y) / squeeze;
      const edge = radius * (1 + 0.2 * Math.sin(3 * Math.atan2(dy, dx) + phase));
      return 0.75 * smooth((edge - Math.hypot(dx, dy)) / 2);
    };
  }
  if (name === "crack") {
    const turn = random.uniform() * Math.PI;
    const length = 12 + random.uniform() * 10;
    const bend = (random.uniform() - 0.5) * 0.08;
    return (x, y) => {
      const along = (x - at.x) * Math.cos(turn) + (y - at.y) * Math.sin(turn);
      const across =
        -(x - at.x) * Math.sin(turn) + (y - at.y) * Math.cos(turn) - bend * along * along - Math.sin(along * 0.9);
      return smooth(1.3 - Math.abs(across)) * smooth(length - Math.abs(along));
    };
  }
  return () => 0;
}

/** 0 below -0.5, 1 above 0.5, straight between: one pixel of antialiasing. */
function smooth(distance: number): number {
  return Math.max(0, Math.min(1, distance + 0.5));
}
