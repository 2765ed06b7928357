import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { imagingPool } from "../../lambdas/imaging/pool.ts";
import { type Tiling, tilesOf } from "../../lambdas/imaging/tiles.ts";
import type { Lease } from "../../schemas/portal.ts";
import { client, memberOf, portalWorld } from "../api/world.ts";
import { job, picture, pixelsOf } from "./pictures.ts";
import { admitCycle, catalogueCycle, incoming, ingestWorld } from "./world.ts";

const [WIDTH, HEIGHT] = [1060, 540];
const pixels = pixelsOf(4, WIDTH, HEIGHT);
/** What coding twice costs this grainy picture, of 255; a tile turned or moved by one pixel costs three times as much. */
const LOSS = 6;

function tileAt({ block, columns }: Tiling, column: number, row: number): Buffer {
  const view = new DataView(block.buffer, block.byteOffset);
  const at = row * columns + column;
  const head = view.getUint32(0) - 0;
  const from = at === 0 ? undefined : view.getUint32(4 * (at - 1));
  const first = Buffer.from(block).indexOf(Buffer.from([0xff, 0xd8, 0xff]));
  expect(head).toBeGreaterThan(first);
  return Buffer.from(block.subarray(from ?? first, view.getUint32(4 * at)));
}

/** The tiles put together again. */
async function whole(tiling: Tiling): Promise<{ data: Buffer; width: number; height: number }> {
  const { width, height, size, columns, rows } = tiling;
  const parts = [];
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      parts.push({ input: tileAt(tiling, column, row), left: column * size, top: row * size });
  const data = await sharp({ create: { width, height, channels: 3, background: "#000" } })
    .composite(parts)
    .removeAlpha()
    .raw()
    .toBuffer();
  return { data, width, height };
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs((a[i] as number) - (b[i] as number));
  return sum / a.length;
}

describe("tiles", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("of a picture of orientation %i are the upright picture", async (orientation) => {
    const raw = { width: WIDTH, height: HEIGHT, channels: 3 as const };
    const bytes = await sharp(pixels, { raw }).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
    const upright = await sharp(bytes).rotate().removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const seen = await whole(await tilesOf(bytes));
    expect([seen.width, seen.height]).toEqual([upright.info.width, upright.info.height]);
    expect(meanDifference(seen.data, upright.data)).toBeLessThan(LOSS);
  });

  test.each(["png", "webp"] as const)("of a %s are the picture too, and carry no metadata", async (type) => {
    const raw = { width: WIDTH, height: HEIGHT, channels: 3 as const };
    const image = sharp(pixels, { raw }).withExif({ IFD0: { Make: "Secret Maker" } });
    const tiling = await tilesOf(await image[type]({ quality: 95 }).toBuffer());
    expect(tiling).toMatchObject({ width: WIDTH, height: HEIGHT, size: 512, columns: 3, rows: 2 });
    const seen = await whole(tiling);
    expect(meanDifference(seen.data, pixels)).toBeLessThan(LOSS);
    expect(Buffer.from(tiling.block).toString("latin1")).not.toMatch(/Exif|Secret/);
  });

  test("are made at admission of large pictures only; a file that can't be cut stays admitted without", async () => {
    const world = await ingestWorld();
    const large = await picture(1, { width: 2060, height: 800 });
    const files = [
      incoming("large.jpg", large),
      incoming("medium.jpg", await picture(3, { width: 2048, height: 800 })),
      incoming("small.jpg", await picture(2)),
    ];
    const { manifestKey } = await admitCycle(world, 1, files);
    const { entries } = (await catalogueCycle(world, 1, manifestKey)).document;
    expect(entries.map(({ names, tiles }) => [names[0], tiles?.columns]).sort()).toEqual([
      ["large.jpg", 5],
      ["medium.jpg", undefined],
      ["small.jpg", undefined],
    ]);
    const pool = imagingPool({ size: 1 });
    expect(await pool.tiles(job("x.jpg", large.subarray(0, 5000)))).toBeUndefined();
    expect((await pool.tiles(job("x.jpg", large)))?.columns).toBe(5);
    pool.close();
  });

  test("open for the member whose lot holds the image, and for nobody else; there are no others", async () => {
    const world = await portalWorld({ images: 2, lotSize: 2, tiledSide: 1100 });
    const ann = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const sven = await memberOf(world, { role: "annotator", vendor: "south", subject: "sven" });
    const { items } = (await ann.ask("POST", "/api/annotate/lots/0-north/lease", { count: 2 })).body as Lease;
    const tiles = items[0]?.tiles;
    expect(tiles).toMatchObject({ width: 1100, height: 1100, columns: 3, rows: 3, size: 512 });
    const url = tiles?.url ?? "";
    for (const { sha256 } of world.images) expect(url).not.toContain(sha256.slice(0, 12));
    const got = await ann.ask("GET", `${url}/2-2`);
    expect(await sharp(Buffer.from(got.body as Uint8Array)).metadata()).toMatchObject({ width: 76, height: 76 });
    expect((await sven.ask("GET", `${url}/0-0`)).status).toBe(400);
    expect((await client(world)("GET", `${url}/0-0`)).status).toBe(400);
    for (const beyond of ["3-0", "0-3", "-1-0", "x", ""])
      expect((await ann.ask("GET", `${url}/${beyond}`)).status, beyond).toBeGreaterThanOrEqual(400);
    // An address of the web variant opens no tile, and one of tiles no web variant.
    expect((await ann.ask("GET", `${items[0]?.url}/0-0`)).status).toBe(200);
    expect((await ann.ask("GET", url.replace("/tiles/", "/web/"))).status).toBe(400);
    world.ports.advance(16 * 60_000);
    expect((await ann.ask("GET", `${url}/0-0`)).status).toBe(410);
  });
});
