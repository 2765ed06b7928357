import { expect, test } from "vitest";
import { flagsAmong, flagsOf } from "../../domain/image-checks/flags.ts";
import { measure } from "../../domain/image-checks/measurements.ts";
import { differenceHash, perceptualHash } from "../../domain/image-checks/perceptual-hash.ts";
import { fitWithin, type Raster, shrink, toGray } from "../../domain/image-checks/raster.ts";
import { rank } from "../../domain/split/rank.ts";

function gray(width: number, height: number, value: (x: number, y: number) => number): Raster {
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  return { pixels, width, height, channels: 1 };
}

function rgb(width: number, height: number, colour: (x: number, y: number) => [number, number, number]): Raster {
  const pixels = Uint8Array.from(
    Array.from({ length: width * height }, (_, i) => colour(i % width, Math.floor(i / width))).flat(),
  );
  return { pixels, width, height, channels: 3 };
}

test("shrinking by a whole factor gives the mean of each block", () => {
  const small = shrink(
    gray(4, 2, (x, y) => x * 10 + y),
    2,
    1,
  );
  // Blocks {0, 10, 1, 11} and {20, 30, 21, 31}: means 5.5 and 25.5, rounded up at the half.
  expect([...small.pixels]).toEqual([6, 26]);
});

test("shrinking by a broken factor weighs the pixels at the edges by their share", () => {
  const small = shrink(
    gray(3, 1, (x) => [0, 90, 180][x] as number),
    2,
    1,
  );
  // (0 + 90 / 2) / 1.5 = 30 and (90 / 2 + 180) / 1.5 = 150.
  expect([...small.pixels]).toEqual([30, 150]);
});

test("a flat image stays flat at every size, in colour too", () => {
  for (const [w, h] of [
    [1, 1],
    [7, 3],
    [31, 13],
    [33, 40],
  ] as const) {
    expect(
      new Set(
        shrink(
          gray(33, 40, () => 77),
          w,
          h,
        ).pixels,
      ),
    ).toEqual(new Set([77]));
    const small = shrink(
      rgb(33, 40, () => [10, 200, 30]),
      w,
      h,
    );
    expect([...small.pixels.slice(-3)]).toEqual([10, 200, 30]);
  }
});

test("growing is refused", () => {
  expect(() =>
    shrink(
      gray(2, 2, () => 0),
      3,
      2,
    ),
  ).toThrow("can't shrink 2 x 2 to 3 x 2");
});

test("fitting within a side keeps the shape and never gives an empty side", () => {
  expect(fitWithin(4000, 3000, 1024)).toEqual({ width: 1024, height: 768 });
  expect(fitWithin(100, 50, 1024)).toEqual({ width: 100, height: 50 });
  expect(fitWithin(5000, 1, 512)).toEqual({ width: 512, height: 1 });
});

test("luma weighs green most", () => {
  const { pixels } = toGray(rgb(3, 1, (x) => [x === 0 ? 255 : 0, x === 1 ? 255 : 0, x === 2 ? 255 : 0]));
  expect([...pixels]).toEqual([76, 150, 29]);
});

test("a black image is dark, flat and blurry; a white one is light", () => {
  const black = measure(rgb(16, 16, () => [0, 0, 0]));
  expect(black).toMatchObject({ brightness: 0, contrast: 0, entropy: 0, grayscale: true });
  // One gray level only makes the histogram term as large as it gets for 256 pixels: 1 - exp(-.01 x 15.97) = .148 <= .18.
  expect(black.blur).toBe(0);
  const codes = (m: typeof black) => flagsOf(m, 16, 16).map((f) => f.code);
  expect(codes(black)).toEqual(["dark", "low-information", "blurry"]);
  // The border of the edge picture is the image's own (as Pillow's), so a flat white one has a frame and counts as sharp.
  expect(codes(measure(rgb(16, 16, () => [255, 255, 255])))).toEqual(["light", "low-information"]);
});

test("a picture that deviates by less than a level shows nothing, though its rounding has many values", () => {
  // Five values of red, green and blue each, none far from 110: more than 3 bits.
  const flat = measure(
    rgb(32, 32, (x, y) => [108 + ((x * 7 + y) % 5), 112 - ((x * 7 + y) % 5), 108 + ((x * 3 + y * 5) % 5)]),
  );
  expect(flat.entropy).toBeGreaterThan(2.2);
  expect(flat.contrast).toBeLessThan(1 / 255);
  expect(flagsOf({ ...flat, entropy: 3.2 }, 32, 32).map((f) => f.code)).toContain("low-information");
  expect(flagsOf({ ...flat, entropy: 3.2, contrast: 2 / 255 }, 32, 32).map((f) => f.code)).not.toContain(
    "low-information",
  );
});

test("brightness is that of the formula", () => {
  // sqrt(.241 x 255^2) / 255
  expect(measure(rgb(8, 8, () => [255, 0, 0])).brightness).toBeCloseTo(Math.sqrt(0.241), 10);
  expect(measure(rgb(8, 8, () => [0, 255, 0])).brightness).toBeCloseTo(Math.sqrt(0.691), 10);
});

test("entropy counts bits: four equally frequent gray values carry two", () => {
  expect(measure(gray(16, 16, (x) => (x % 4) * 60)).entropy).toBeCloseTo(2, 10);
});

test("an image whose 99th percentile is just at .32 is not dark, one below is", () => {
  const m = measure(gray(10, 10, () => 128));
  expect(flagsOf({ ...m, brightness99: 0.32 }, 10, 10).map((f) => f.code)).not.toContain("dark");
  expect(flagsOf({ ...m, brightness99: 0.3199 }, 10, 10).map((f) => f.code)).toContain("dark");
});

test("a sharp pattern is not blurry, its softened copy scores lower", () => {
  const sharp = gray(64, 64, (x, y) => (((x >> 2) + (y >> 2)) % 2 === 0 ? 220 : 30));
  const soft = gray(64, 64, (x, y) => 125 + 90 * Math.sin(x / 10) * Math.sin(y / 10));
  expect(measure(sharp).blur).toBeGreaterThan(0.5);
  expect(measure(soft).blur).toBeLessThan(measure(sharp).blur);
});

test("an image three times as long as high is odd, twice as long is not", () => {
  const m = measure(gray(8, 8, (x, y) => x * 30 + y));
  expect(flagsOf(m, 300, 100).map((f) => f.code)).toContain("odd-aspect");
  expect(flagsOf(m, 200, 100).map((f) => f.code)).not.toContain("odd-aspect");
});

test("size and colour are odd only beside the others", () => {
  const usual = Array.from({ length: 20 }, (_, i) => ({ width: 100 + i, height: 100, grayscale: false }));
  const flags = flagsAmong([
    ...usual,
    { width: 2000, height: 2000, grayscale: false },
    { width: 105, height: 100, grayscale: true },
  ]);
  expect(flags.map((f) => [f.index, f.finding.code])).toEqual([
    [20, "odd-size"],
    [21, "grayscale"],
  ]);
  expect(flagsAmong([])).toEqual([]);
  expect(flagsAmong(usual.map((u) => ({ ...u, grayscale: true })))).toEqual([]);
});

test("the difference hash of a ramp to the right is all ones, to the left all zeros", () => {
  expect(differenceHash(gray(90, 80, (x) => x * 2))).toBe("ffffffffffffffff");
  expect(differenceHash(gray(90, 80, (x) => 250 - x * 2))).toBe("0000000000000000");
});

test("perceptual hashes survive a change of size and brightness and tell pictures apart", () => {
  // Twelve blobs at random places: energy in every low frequency.
  const blobs = (seed: number) =>
    Array.from(
      { length: 12 },
      (_, i) => [0, 1, 2].map((k) => rank(seed, "blob", `${i} ${k}`)) as [number, number, number],
    );
  const picture = (seed: number) => {
    const list = blobs(seed);
    return (x: number, y: number) =>
      list.reduce(
        (sum, [bx, by, v]) => sum + (v - 0.5) * 160 * Math.exp(-((x - bx * 128) ** 2 + (y - by * 128) ** 2) / 400),
        110,
      );
  };
  const a = gray(128, 128, picture(0));
  const bits = (x: string, y: string) => (BigInt(`0x${x}`) ^ BigInt(`0x${y}`)).toString(2).replaceAll("0", "").length;
  expect(bits(perceptualHash(a), perceptualHash(shrink(a, 96, 96)))).toBeLessThanOrEqual(4);
  const brighter = gray(128, 128, (x, y) => picture(0)(x, y) + 15);
  expect(bits(perceptualHash(a), perceptualHash(brighter))).toBeLessThanOrEqual(4);
  expect(bits(perceptualHash(a), perceptualHash(gray(128, 128, picture(23))))).toBeGreaterThan(12);
});

test("hashes of images smaller than their grid are defined", () => {
  for (const side of [1, 2, 5, 8]) {
    expect(perceptualHash(gray(side, side, (x, y) => x * 20 + y * 9))).toMatch(/^[0-9a-f]{16}$/);
    expect(differenceHash(gray(side, 1, (x) => x * 20))).toMatch(/^[0-9a-f]{16}$/);
  }
});
