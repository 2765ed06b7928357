import sharp from "sharp";

/** Points of the drawn crack, in hundredths of the side. */
const CRACK = [
  [60, 17],
  [64, 26],
  [61, 33],
  [66, 41],
] as const;
const DARK = [38, 33, 31] as const;
const BROWN = [140, 88, 44] as const;

export type Colour = readonly [number, number, number];

/**
 * A drawn turned part with one of four marks (crack, hole, none, stain): JPEG, the same bytes for the same numbers.
 * The tray's colour differs from picture to picture unless one is given.
 */
export async function drawPicture(index: number, mark: number, side: number, tray?: Colour): Promise<Uint8Array> {
  /** The k-th draw for this picture, 0..1: no two pictures are alike enough to be taken for duplicates. */
  const draw = (k: number) => Math.abs(Math.sin((index + 1) * 12.9898 + (k + 1) * 78.233) * 43_758.5453) % 1;
  const turn = draw(0) * 2 * Math.PI;
  const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
  const tone = 120 + draw(1) * 70;
  const bench = tray ?? ([60 + draw(2) * 80, 55 + draw(3) * 70, 45 + draw(4) * 70] as const);
  const shift = { x: draw(5) * 20 - 10, y: draw(6) * 20 - 10 };
  const size = 0.78 + draw(7) * 0.34;
  const bore = 7 + draw(8) * 6;
  const lamp = { x: draw(9) * 60 - 30, y: draw(10) * 60 - 30 };
  const tilt = { x: draw(11) - 0.5, y: draw(12) - 0.5 };
  const soft = (distance: number) => Math.max(0, Math.min(1, (distance * size * side) / 100 + 0.5));
  const pixels = new Uint8Array(side * side * 3);
  for (let py = 0; py < side; py += 1) {
    for (let px = 0; px < side; px += 1) {
      const dx = (((px + 0.5) * 100) / side - 50 - shift.x) / size;
      const dy = (((py + 0.5) * 100) / side - 50 - shift.y) / size;
      const r = Math.hypot(dx, dy);
      const onPart = soft(38 - r) * soft(r - bore);
      const light = 44 - 0.95 * Math.hypot(dx - lamp.x, dy - lamp.y) + 5 * Math.sin(r * 1.9);
      const at = { x: 50 + dx * cos + dy * sin, y: 50 - dx * sin + dy * cos };
      const [covered, colour] = marked(mark, at, index, soft);
      const grain = ((px * 7919 + py * 104_729 + index * 31) % 11) - 5;
      for (let c = 0; c < 3; c += 1) {
        const metal = (tone + light + c * 2) * (1 - covered) + (colour[c] as number) * covered;
        const floor = (bench[c] as number) * (1 + (dx * tilt.x + dy * tilt.y) / 60);
        const ground = r < bore ? floor * 0.55 : floor;
        pixels[(py * side + px) * 3 + c] = Math.max(
          0,
          Math.min(255, metal * onPart + ground * (1 - onPart) + grain * 0.8),
        );
      }
    }
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer();
}

/** How much of the mark covers a point, 0..1, and its colour. */
function marked(
  mark: number,
  at: { x: number; y: number },
  index: number,
  soft: (distance: number) => number,
): [number, readonly number[]] {
  if (mark === 0)
    return [
      soft(
        1.1 - Math.min(...CRACK.slice(1).map((end, k) => toSegment(at, CRACK[k] as readonly [number, number], end))),
      ),
      DARK,
    ];
  if (mark === 1) return [soft(5 + (index % 3) - Math.hypot(at.x - 66, at.y - 30)), DARK];
  if (mark !== 3) return [0, DARK];
  const angle = Math.atan2(at.y - 32, at.x - 64);
  const edge = (9 + (index % 4)) * (1 + 0.16 * Math.sin(3 * angle + index));
  return [0.8 * soft((edge - Math.hypot(at.x - 64, (at.y - 32) * 1.3)) / 2), BROWN];
}

function toSegment(
  at: { x: number; y: number },
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
): number {
  const along = Math.max(
    0,
    Math.min(1, ((at.x - ax) * (bx - ax) + (at.y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)),
  );
  return Math.hypot(at.x - ax - along * (bx - ax), at.y - ay - along * (by - ay));
}
