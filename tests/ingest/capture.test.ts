import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { type CapturedImage, captureClusters, unitedGroups } from "../../domain/split/capture-clusters.ts";
import { captureOf } from "../../lambdas/imaging/capture.ts";
import { inspect } from "../../lambdas/imaging/inspect.ts";
import { job, picture, pixelsOf, sha256 } from "./pictures.ts";
import { admitCycle, catalogueCycle, drawCycle, incoming, ingestWorld } from "./world.ts";

const instant = (seconds: number) => new Date(Date.UTC(2026, 2, 9, 7) + seconds * 1000).toISOString().slice(0, 19);
const exifTime = (seconds: number) => instant(seconds).replaceAll("-", ":").replace("T", " ");

async function photo(seed: number, at: number | undefined, camera = "Model 1", type: "jpeg" | "png" | "webp" = "jpeg") {
  const raw = { width: 96, height: 72, channels: 3 as const };
  const exif = {
    IFD0: { Make: "Maker", Model: camera },
    ...(at === undefined ? {} : { IFD2: { DateTimeOriginal: exifTime(at) } }),
    IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 3/1 0/1" },
  };
  const image = sharp(pixelsOf(seed, 96, 72), { raw }).withExif(exif);
  return image[type]().toBuffer();
}

describe("camera and time", () => {
  test.each(["jpeg", "png", "webp"] as const)("are read from a %s's EXIF, and the place is not", async (type) => {
    const bytes = await photo(1, 65, "Model 1", type);
    expect(captureOf(bytes, type)).toEqual({ camera: "Maker Model 1", at: "2026-03-09T07:01:05" });
    const inspection = await inspect(job(`a.${type}`, bytes));
    expect(inspection).toMatchObject({ facts: { capture: { camera: "Maker Model 1" } } });
    if (inspection.verdict !== "admitted") throw new Error("it was kept out");
    for (const copy of [inspection.web, inspection.thumbnail, inspection.normalised.bytes]) {
      expect(Buffer.from(copy).toString("latin1")).not.toMatch(/Maker|Model 1|2026|Exif/);
    }
  });

  test("a file without EXIF says nothing, and one cut or changed anywhere never throws", async () => {
    expect(captureOf(await picture(1), "jpeg")).toBeUndefined();
    const bytes = await photo(1, 65);
    const start = bytes.indexOf("Exif");
    for (let at = start; at < start + 260; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0xff;
      captureOf(changed, "jpeg");
      captureOf(bytes.subarray(0, at), "jpeg");
    }
  });

  test("a date that no calendar has is no time", async () => {
    const bytes = Buffer.from(await photo(1, 65));
    bytes.write("2026:13:09", bytes.indexOf("2026:03:09"));
    expect(captureOf(bytes, "jpeg")).toEqual({ camera: "Maker Model 1" });
  });
});

/** An image that is as told and different in everything else. */
function captured(id: number, change: { at?: number; camera?: string; like?: number } = {}): CapturedImage {
  const scene = change.like ?? id * 0.05;
  const { at, camera } = change;
  return {
    sha256: String(id).padStart(64, "0"),
    facts: {
      width: 640,
      height: 480,
      brightness: scene % 1,
      contrast: 0.2,
      entropy: 6,
      colour: [scene % 1, 0.4, 0.3],
      ...(at === undefined ? {} : { capture: { at: instant(at), ...(camera === undefined ? {} : { camera }) } }),
    },
  };
}
const sizes = (clusters: readonly string[]) =>
  [...new Set(clusters)].map((name) => clusters.filter((one) => one === name).length).sort((a, b) => b - a);

describe("what was captured together", () => {
  test("is a series of one camera: seconds apart, not minutes, and not another camera's", () => {
    const images = [
      captured(1, { at: 0, camera: "a" }),
      captured(2, { at: 8, camera: "a" }),
      captured(3, { at: 16, camera: "a" }),
      captured(4, { at: 200, camera: "a" }),
      captured(5, { at: 9, camera: "b" }),
    ];
    expect(captureClusters(images)).toEqual([1, 1, 1, 4, 5].map((id) => String(id).padStart(64, "0")));
    const turned = captureClusters([...images].reverse());
    expect(turned.reverse()).toEqual(captureClusters(images));
  });

  test("is cut at its longest pauses where a camera never rests", () => {
    const images = Array.from({ length: 100 }, (_, i) =>
      captured(i, { at: i + (i >= 7 ? 5 : 0) + (i >= 15 ? 5 : 0), camera: "line" }),
    );
    const clusters = captureClusters(images);
    expect(Math.max(...sizes(clusters))).toBeLessThanOrEqual(8);
    expect(clusters.slice(0, 15)).toEqual([...Array(7).fill(clusters[0]), ...Array(8).fill(clusters[7])]);
    expect(sizes(clusters).length).toBeLessThan(30);
  });

  test("without a time is one scene: the same light and colours; a lamp that lights everything groups nothing", () => {
    const scene = [captured(1, { like: 0.5 }), captured(2, { like: 0.5005 }), captured(3, { like: 0.501 })];
    expect(sizes(captureClusters([...scene, captured(4)]))).toEqual([3, 1]);
    const lamp = Array.from({ length: 50 }, (_, i) => captured(i, { like: 0.5 + i * 0.0001 }));
    expect(sizes(captureClusters(lamp))).toEqual(Array(50).fill(1));
  });

  test("is united with duplicates: a group that touches two clusters holds both", () => {
    expect(unitedGroups(["a", "b", "c", "d"], ["a", "a", "c", "d"], ["a", "b", "b", "d"])).toEqual([
      "a",
      "a",
      "a",
      "d",
    ]);
  });
});

describe("the test set", () => {
  test("holds whole series, and a newcomer of a series that stands on both sides is withheld", async () => {
    const world = await ingestWorld();
    // Sixteen series of three photos each, every photo another picture, 19 seconds of rest between two series.
    const bytes = await Promise.all(
      Array.from({ length: 48 }, (_, i) => photo(i, Math.floor(i / 3) * 25 + (i % 3) * 3)),
    );
    const files = bytes.map((one, i) => incoming(`${i}.jpg`, one));
    const first = await admitCycle(world, 1, files);
    const { document, catalogue } = await catalogueCycle(world, 1, first.manifestKey);
    const drawn = await drawCycle(world, 1, document, catalogue.key);
    const inTest = new Set(drawn.document.test);
    const series = Array.from({ length: 16 }, (_, s) => bytes.slice(s * 3, s * 3 + 3).map(sha256));
    for (const members of series) expect([0, 3]).toContain(members.filter((one) => inTest.has(one)).length);
    expect(inTest.size).toBe(6);
    const isTest = series.map((members) => inTest.has(members[0] as string));
    const mixed = isTest.findIndex((side, s) => s < 15 && side !== isTest[s + 1]);
    const alike = isTest.findIndex((side, s) => s < 15 && !side && isTest[s + 1] === false);
    // Taken in the pause between a series of the test set and one of the rest, and between two of the rest.
    const bridge = await photo(100, mixed * 25 + 15);
    const between = await photo(101, alike * 25 + 15);
    const second = await admitCycle(world, 2, [incoming("bridge.jpg", bridge), incoming("between.jpg", between)]);
    const built = await catalogueCycle(world, 2, second.manifestKey);
    const next = await drawCycle(world, 2, built.document, built.catalogue.key);
    expect(next.document.withheld).toEqual([sha256(bridge)]);
    expect(next.document.pool).toContain(sha256(between));
    expect(next.document.test).toEqual([...inTest].sort());
  });
});
