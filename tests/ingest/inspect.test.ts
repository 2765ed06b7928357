import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { shrink } from "../../domain/image-checks/raster.ts";
import { decode } from "../../lambdas/imaging/codec.ts";
import { sniff } from "../../lambdas/imaging/header.ts";
import { type Inspection, inspect } from "../../lambdas/imaging/inspect.ts";
import { walkJpeg } from "../../lambdas/imaging/jpeg-walk.ts";
import { upright } from "../../lambdas/imaging/orient.ts";
import { walkPng } from "../../lambdas/imaging/png-walk.ts";
import { job, picture, pixelsOf } from "./pictures.ts";

const codes = (i: Inspection) => i.findings.map((f) => f.code);

function admitted(inspection: Inspection) {
  if (inspection.verdict !== "admitted") throw new Error(JSON.stringify(inspection.findings));
  return inspection;
}

describe("a good picture of each type", () => {
  test.each(["jpeg", "png", "webp"] as const)(
    "%s is admitted with facts, a web variant and a thumbnail",
    async (type) => {
      const bytes = await picture(1, { type, width: 300, height: 200 });
      const seen = admitted(await inspect(job(`a.${type}`, bytes)));
      expect(seen.facts).toMatchObject({ width: 300, height: 200, type, bytes: bytes.length, grayscale: false });
      expect(seen.findings).toEqual([]);
      expect(await sharp(seen.web).metadata()).toMatchObject({ format: "jpeg", width: 300, height: 200 });
      expect(await sharp(seen.thumbnail).metadata()).toMatchObject({ format: "jpeg", width: 160, height: 107 });
      // Small, upright, sRGB and without metadata: the coding stays what it was.
      expect(Buffer.from(seen.normalised.bytes).equals(bytes)).toBe(true);
    },
  );

  test("the three types of one picture have nearly the same hashes", async () => {
    const hashes = await Promise.all(
      (["jpeg", "png", "webp"] as const).map(
        async (type) => admitted(await inspect(job("a", await picture(2, { type })))).facts.pHash,
      ),
    );
    const bits = (a: string, b: string) => (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll("0", "").length;
    expect(bits(hashes[0] as string, hashes[1] as string)).toBeLessThanOrEqual(4);
    expect(bits(hashes[0] as string, hashes[2] as string)).toBeLessThanOrEqual(4);
  });

  test("the same bytes give the same inspection, byte for byte", async () => {
    const bytes = await picture(3, { width: 700, height: 500 });
    expect(await inspect(job("a.jpg", bytes))).toEqual(await inspect(job("a.jpg", bytes)));
  });

  test("a large picture is brought to 1024, 512 and 160 pixels", async () => {
    const seen = admitted(await inspect(job("a.jpg", await picture(4, { width: 2000, height: 1000 }))));
    const sizes = await Promise.all([seen.web, seen.normalised.bytes, seen.thumbnail].map((b) => sharp(b).metadata()));
    expect(sizes.map((s) => [s.width, s.height])).toEqual([
      [1024, 512],
      [512, 256],
      [160, 80],
    ]);
  });

  test("a picture beyond three times the web size is decoded at a quarter, upright", async () => {
    const bytes = await picture(4, { width: 4000, height: 120, orientation: 6 });
    const seen = admitted(await inspect(job("a.jpg", bytes)));
    expect(seen.facts).toMatchObject({ width: 120, height: 4000 });
    expect(await sharp(seen.web).metadata()).toMatchObject({ width: 30, height: 1000 });
  });

  test("a picture of one pixel is looked at too", async () => {
    expect(
      admitted(await inspect(job("a.png", await picture(1, { type: "png", width: 1, height: 1 })))).facts.width,
    ).toBe(1);
  });
});

describe("metadata", () => {
  test("orientation is applied and no copy carries EXIF", async () => {
    const bytes = await picture(5, { width: 120, height: 80, orientation: 6 });
    expect((await sharp(bytes).metadata()).exif).toBeDefined();
    const seen = admitted(await inspect(job("a.jpg", bytes)));
    expect(seen.facts).toMatchObject({ width: 80, height: 120 });
    for (const copy of [seen.web, seen.thumbnail, seen.normalised.bytes]) {
      const { exif, xmp, width } = await sharp(copy).metadata();
      expect([exif, xmp, width]).toEqual([undefined, undefined, 80]);
    }
  });

  test.each(["jpeg", "png"] as const)(
    "an upright %s keeps its coding for jobs but loses its metadata",
    async (type) => {
      const bytes = await picture(6, { type, orientation: 1 });
      const seen = admitted(await inspect(job(`a.${type}`, bytes)));
      expect(seen.normalised.bytes.length).toBeLessThan(bytes.length);
      expect((await sharp(seen.normalised.bytes).metadata()).exif).toBeUndefined();
      const raw = (b: Uint8Array) => sharp(b).raw().toBuffer();
      expect((await raw(seen.normalised.bytes)).equals(await raw(bytes))).toBe(true);
    },
  );

  test.each([1, 2, 3, 4, 5, 6, 7, 8])("orientation %i turns the picture as libvips does", async (orientation) => {
    const [width, height] = [5, 3];
    const pixels = pixelsOf(7, width, height);
    const ours = upright({ pixels, width, height, channels: 3 }, orientation);
    const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const theirs = await sharp(png).autoOrient().raw().toBuffer({ resolveWithObject: true });
    expect([ours.width, ours.height]).toEqual([theirs.info.width, theirs.info.height]);
    expect(Buffer.from(ours.pixels).equals(theirs.data)).toBe(true);
  });
});

describe("files that are not what they should be", () => {
  test("empty, text, other formats and changed bytes are quarantined with their reason", async () => {
    const good = await picture(1);
    const of = async (name: string, bytes: Uint8Array) => codes(await inspect(job(name, bytes)));
    expect(await of("a.jpg", Buffer.alloc(0))).toEqual(["empty"]);
    expect(await of("a.jpg", Buffer.from("not a picture at all"))).toEqual(["not-an-image"]);
    expect(await of("a.jpg", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toEqual(["not-an-image"]);
    expect(await of("a.jpg", Buffer.from("GIF89a-and-more-bytes"))).toEqual(["not-an-image"]);
    expect(codes(await inspect({ ...job("a.jpg", good), sha256: "0".repeat(64) }))).toEqual(["hash-mismatch"]);
  });

  test("a name that promises another type, and bytes after the end, are told", async () => {
    const png = await picture(1, { type: "png" });
    const seen = admitted(await inspect(job("a.jpg", Buffer.concat([png, Buffer.from("secret")]))));
    expect(codes(seen)).toEqual(["type-mismatch", "trailing-bytes"]);
    expect(Buffer.from(seen.normalised.bytes).includes("secret")).toBe(false);
  });

  test.each(["jpeg", "png", "webp"] as const)("a %s cut off anywhere is quarantined", async (type) => {
    const bytes = await picture(8, { type, width: 64, height: 48 });
    for (let length = 1; length < bytes.length - 1; length += 41) {
      expect((await inspect(job("a", bytes.subarray(0, length)))).verdict, `cut at ${length} of ${bytes.length}`).toBe(
        "quarantined",
      );
    }
  });

  test("JPEGs with a zeroed half or random bytes inside are quarantined", async () => {
    const bytes = await picture(9, { width: 640, height: 480, quality: 92 });
    const zeroed = Buffer.from(bytes);
    zeroed.fill(0, bytes.length / 2, bytes.length - 2);
    expect(codes(await inspect(job("a.jpg", zeroed)))).toEqual(["corrupt"]);
    const overwritten = Buffer.from(bytes);
    for (let i = 0; i < 4096; i += 1) overwritten[bytes.length / 2 + i] = (i * 2654435761) >>> 24;
    expect(codes(await inspect(job("a.jpg", overwritten)))).toEqual(["corrupt"]);
  });

  test("every changed byte of a PNG is found by its checksums", async () => {
    const bytes = await picture(10, { type: "png", width: 40, height: 30 });
    for (let at = 8; at < bytes.length; at += 97) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x10;
      expect((await inspect(job("a.png", changed))).verdict, `byte ${at}`).toBe("quarantined");
    }
  });

  test("sizes are judged from headers alone: a bomb is never decoded", () => {
    const bomb = Buffer.from("ffd8ffc0001108ffffffff03012200021101031101ffda000c03010002110311003f00ffd9", "hex");
    expect(() => walkJpeg(bomb)).toThrow("65535 x 65535 pixels; at most 100 megapixels are taken");
  });

  test("a progressive JPEG is capped lower, and so is the number of its scans", async () => {
    const bytes = await picture(11, { width: 64, height: 64, progressive: true });
    const frame = bytes.indexOf(Buffer.from("ffc2", "hex"));
    const wide = Buffer.from(bytes);
    wide.writeUInt16BE(6000, frame + 5);
    wide.writeUInt16BE(6000, frame + 7);
    expect(() => walkJpeg(wide)).toThrow("a progressive JPEG of 6000 x 6000 pixels");
    const scan = bytes.indexOf(Buffer.from("ffda", "hex"));
    const repeated = Buffer.concat([
      ...Array.from({ length: 101 }, () => bytes.subarray(scan, bytes.length - 2)),
      bytes.subarray(-2),
    ]);
    expect(() => walkJpeg(Buffer.concat([bytes.subarray(0, scan), repeated]))).toThrow(
      "scans or more would take too long",
    );
  });

  test("a PNG that unfolds to more than the limit is too large", async () => {
    const bytes = await picture(1, { type: "png" });
    const bomb = Buffer.from(bytes);
    bomb.writeUInt32BE(16384, 16);
    bomb.writeUInt32BE(16384, 20);
    const { crc32 } = await import("node:zlib");
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    expect(() => walkPng(bomb)).toThrow("16384 x 16384 pixels unfold to 805 MB");
  });

  test("an animation is admitted by its first picture and told", async () => {
    const frames = await sharp(Buffer.concat([pixelsOf(1, 20, 20), pixelsOf(2, 20, 20)]), {
      raw: { width: 20, height: 40, channels: 3, pageHeight: 20 },
    })
      .webp({ loop: 0, delay: [100, 100] })
      .toBuffer();
    const seen = admitted(await inspect(job("a.webp", frames)));
    expect(codes(seen)).toContain("animated");
    expect(seen.facts).toMatchObject({ width: 20, height: 20 });
  });
});

test("colours of another profile are brought to sRGB", async () => {
  const p3 = await sharp(Buffer.alloc(3 * 64 * 64, Buffer.from([255, 0, 0])), {
    raw: { width: 64, height: 64, channels: 3 },
  })
    .withIccProfile("p3")
    .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
    .toBuffer();
  const header = walkJpeg(p3);
  expect(header.foreignColour).toBe(true);
  const { pixels } = await decode(p3, header);
  // sharp wrote sRGB red as about (234, 51, 35) of P3; read back it is pure red again.
  expect(Math.abs((pixels[0] as number) - 255) + (pixels[1] as number) + (pixels[2] as number)).toBeLessThan(12);
});

test("transparent parts are white", async () => {
  const png = await sharp({
    create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer();
  const { pixels } = await decode(png, walkPng(png));
  expect(new Set(pixels)).toEqual(new Set([255]));
});

test("types are told by their first bytes", async () => {
  expect(sniff(await picture(1))).toBe("jpeg");
  expect(sniff(await picture(1, { type: "png" }))).toBe("png");
  expect(sniff(await picture(1, { type: "webp" }))).toBe("webp");
  expect(sniff(Buffer.from("RIFF....WAVE"))).toBeUndefined();
  expect(sniff(Buffer.from([0xff, 0xd8]))).toBeUndefined();
});

test("the decoder's shrunk picture is the mean of the full one", async () => {
  const bytes = await picture(12, { width: 2048, height: 64, quality: 95 });
  const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const expected = shrink({ pixels: data, width: 2048, height: 64, channels: 3 }, 1024, 32);
  const { pixels } = await decode(bytes, walkJpeg(bytes));
  // Two decoders with different inverse transforms: close on the mean, never far apart.
  const apart = [...pixels].map((v, i) => Math.abs(v - (expected.pixels[i] as number)));
  expect(apart.reduce((sum, d) => sum + d, 0) / apart.length).toBeLessThan(2);
  expect(apart.every((d) => d <= 16)).toBe(true);
});
