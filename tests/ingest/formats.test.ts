import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { pack } from "tar-stream";
import { beforeAll, describe, expect, test } from "vitest";
import yazl from "yazl";
import { readCoco } from "../../domain/formats/coco.ts";
import { readGroundTruth } from "../../domain/formats/ground-truth.ts";
import { readLabelStudio } from "../../domain/formats/label-studio.ts";
import { labelOf } from "../../domain/formats/labelled-list.ts";
import { readList } from "../../domain/formats/read-list.ts";
import { readCsv } from "../../domain/formats/table.ts";
import { updateCycle } from "../../lambdas/store/campaigns.ts";
import { claimsByImage, keepClaims, mustBeClasses } from "../../lambdas/store/claims.ts";
import { digestOf, writeDocument } from "../../lambdas/store/documents.ts";
import { sealIntake } from "../../lambdas/store/intakes.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import { EXPORT_FORMATS, type ExportFormat, exportDataset } from "../../local/formats/export.ts";
import { openSource } from "../../local/formats/source.ts";
import { unpack } from "../../local/formats/unpack.ts";
import { findPython } from "../../local/jobs/python.ts";
import type { DatasetItem } from "../../schemas/dataset.ts";
import type { CampaignHead } from "../../schemas/state.ts";
import { picture, sha256 } from "./pictures.ts";
import { admitCycle, CAMPAIGN, catalogueCycle, incoming, ingestWorld } from "./world.ts";

const CLASSES = ["a/b: odd", "good, or so", 'says "bad"'];
const folder = () => mkdtempSync(join(tmpdir(), "countersign-formats-"));
const scratch = folder();

/** A campaign with a frozen dataset of nine photos whose names are as odd as people's. */
async function frozenWorld() {
  const world = await ingestWorld();
  const { ports, agreementKey } = world;
  const photos = await Promise.all(
    Array.from({ length: 10 }, (_, i) => picture(i, { type: i % 3 === 0 ? "png" : "jpeg" })),
  );
  const files = photos.map((bytes, i) => incoming(i % 2 === 0 ? `tray ${i}/a,"b".jpg` : `=cmd|${i}/ü日本.png`, bytes));
  const { manifestKey } = await admitCycle(world, 1, files);
  const { document, catalogue } = await catalogueCycle(world, 1, manifestKey);
  const items = document.entries.slice(0, 9).map(
    ({ sha256: image, group }, i): DatasetItem => ({
      sha256: image,
      group,
      split: i < 6 ? "train" : "validation",
      label: CLASSES[i % 3] as string,
      soft: CLASSES.map((_, c) => (c === i % 3 ? 0.9 : 0.05)),
    }),
  );
  const content = {
    campaign: CAMPAIGN,
    classes: CLASSES,
    guidelineVersion: 1,
    items,
    testSha256: "0".repeat(64),
    counts: { train: 6, validation: 3, test: 1, withheld: 0 },
    emptyClasses: [],
    shards: [],
  };
  const version = digestOf(content);
  await writeDocument(ports.objects, objectKeys.dataset(CAMPAIGN, version), { version, ...content });
  await updateCycle(ports, CAMPAIGN, 1, (record) => ({
    ...record,
    refs: { ...record.refs, catalogue: catalogue.key, dataset: objectKeys.dataset(CAMPAIGN, version) },
  }));
  const head: CampaignHead = {
    campaign: CAMPAIGN,
    agreementKey,
    agreementDigest: "0".repeat(64),
    status: "active",
    cycles: 1,
    openCycle: null,
    queue: [],
    requester: "me",
  };
  await ports.records.put(recordKeys.campaign(CAMPAIGN), head, "any");
  const sealed = document.entries.at(-1)?.sha256 as string;
  return { ports, sealed, truth: new Map(items.map((item) => [item.sha256, item.label])) };
}
let world: Awaited<ReturnType<typeof frozenWorld>>;
beforeAll(async () => {
  world = await frozenWorld();
});

async function exported(format: ExportFormat): Promise<string> {
  const out = join(folder(), format === "zip" || format === "tar" ? `out.${format}` : "out");
  await exportDataset(world.ports, { campaign: CAMPAIGN, format, out, sourcePrefix: "s3://somewhere/else/" });
  return out;
}

/** Takes a source in and says what it claims of each image. */
async function takenIn(path: string, from?: "folders" | "list" | "none") {
  const { ports } = await ingestWorld();
  const source = await openSource(path, scratch, from);
  const { intake } = await sealIntake(ports, { campaign: CAMPAIGN, files: source.files });
  await keepClaims(ports, { campaign: CAMPAIGN, intake, source: "here", by: "me" }, source.labels);
  await source.close();
  const claims = await claimsByImage(ports, CAMPAIGN);
  return { notes: source.notes, claims: new Map([...claims].map(([image, said]) => [image, said[0]?.label])) };
}

const LISTS: Partial<Record<ExportFormat, string>> = {
  csv: "labels.csv",
  jsonl: "labels.jsonl",
  coco: "annotations.json",
  "label-studio": "tasks.json",
  "ground-truth": "output.manifest",
};

describe("what is written is read back with the same labels on the same photos", () => {
  test.each(EXPORT_FORMATS.filter((format) => format !== "pytorch"))("%s", async (format) => {
    const out = await exported(format);
    const list = LISTS[format];
    const { claims, notes } = await takenIn(
      list === undefined ? out : join(out, list),
      list === undefined ? "folders" : "list",
    );
    expect(claims).toEqual(world.truth);
    expect(notes).toEqual([]);
  });

  test("the sealed test set's photo is in none of them", async () => {
    const out = await exported("folders");
    const all = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const digests = all.map((entry) => sha256(readFileSync(join(entry.parentPath, entry.name))));
    expect(digests).toHaveLength(9);
    expect(digests).not.toContain(world.sealed);
  });

  test("an output that is there is left alone, and a second export elsewhere is the same", async () => {
    const out = await exported("csv");
    await expect(exportDataset(world.ports, { campaign: CAMPAIGN, format: "csv", out })).rejects.toThrow(
      "is there already; nothing was written",
    );
    const names = (at: string) => readdirSync(at, { recursive: true }).sort();
    expect(names(await exported("csv"))).toEqual(names(out));
    expect(sha256(readFileSync(await exported("zip")))).toBe(sha256(readFileSync(await exported("zip"))));
  });

  test("a zip that holds a list beside its images is read by the list", async () => {
    const out = await exported("coco");
    const zip = new yazl.ZipFile();
    for (const file of readdirSync(out, { recursive: true, withFileTypes: true }))
      if (file.isFile())
        zip.addFile(join(file.parentPath, file.name), join(file.parentPath, file.name).slice(out.length + 1));
    zip.end();
    expect(
      (await takenIn(await written(zip.outputStream as unknown as AsyncIterable<unknown>, "coco.zip"))).claims,
    ).toEqual(world.truth);
  });
});

test("PyTorch's own ImageFolder loads the folder: classes, counts, pixels", async () => {
  const out = await exported("pytorch");
  const program = `
import json, sys
from countersign_ml import torchvision_cure
from torchvision.datasets import ImageFolder
sets = {name: ImageFolder(f"{sys.argv[1]}/{name}") for name in ("train", "validation")}
print(json.dumps({name: {"classes": s.classes, "n": len(s), "size": s[0][0].size} for name, s in sets.items()}))`;
  const { stdout, stderr } = spawnSync(findPython(), ["-c", program, out], {
    cwd: join(import.meta.dirname, "../../training-container"),
    encoding: "utf8",
    timeout: 120_000,
  });
  expect(stderr).not.toMatch(/Error/);
  const folders = CLASSES.map((name) => name.replace("/", "%2F").replace(":", "%3A").replaceAll('"', "%22"));
  expect(JSON.parse(stdout)).toEqual({
    train: { classes: folders.sort(), n: 6, size: [96, 72] },
    validation: { classes: folders.sort(), n: 3, size: [96, 72] },
  });
}, 180_000);

describe("lists of other tools", () => {
  const said = (list: { images: { path: string; labels: string[] }[] }) =>
    list.images.map((image) => [image.path, labelOf(image)]);

  test("COCO: boxes count by their category, several categories give none, and it is said", () => {
    const text = JSON.stringify({
      categories: [
        { id: 7, name: "cat" },
        { id: 9, name: "dog" },
      ],
      images: [
        { id: 1, file_name: "1.jpg", width: 10, height: 10 },
        { id: 2, file_name: "2.jpg", width: 10, height: 10 },
        { id: 3, file_name: "3.jpg", width: 10, height: 10 },
      ],
      annotations: [
        { id: 1, image_id: 1, category_id: 7, bbox: [1, 1, 3, 3] },
        { id: 2, image_id: 1, category_id: 7, segmentation: [[1, 1, 2, 2, 3, 1]] },
        { id: 3, image_id: 2, category_id: 7 },
        { id: 4, image_id: 2, category_id: 9 },
      ],
    });
    const list = readCoco(text);
    expect(said(list)).toEqual([
      ["1.jpg", "cat"],
      ["2.jpg", undefined],
      ["3.jpg", undefined],
    ]);
    expect(list.notes).toEqual([
      "1 boxes and 1 contours were read for their category only",
      "1 image has several classes and comes without one",
    ]);
    expect(() => readCoco(text.replace('"image_id":2', '"image_id":5'))).toThrow("annotation 3: there is no image 5");
  });

  test("Label Studio: skipped annotations and a model's predictions are no labels", () => {
    const choice = (name: string) => ({
      type: "choices",
      from_name: "l",
      to_name: "i",
      value: { choices: [name] },
    });
    const list = readLabelStudio(
      JSON.stringify([
        { id: 1, data: { image: "/data/upload/3/0a1b2c3d-x.jpg" }, annotations: [{ result: [choice("cat")] }] },
        {
          id: 2,
          data: { photo: "/data/local-files/?d=deep%20er/y.jpg", note: "n" },
          annotations: [{ was_cancelled: true, result: [choice("cat")] }],
          predictions: [{ result: [choice("dog")] }],
        },
      ]),
    );
    expect(said(list)).toEqual([
      ["/data/upload/3/0a1b2c3d-x.jpg", "cat"],
      ["deep er/y.jpg", undefined],
    ]);
    expect(list.notes).toEqual(["1 predictions of a model were left behind"]);
  });

  test("Ground Truth: class names from metadata, boxes by their class map, failures without a class", () => {
    const lines = [
      { "source-ref": "s3://b/k/1.jpg", job: 0, "job-metadata": { "class-name": "cat", confidence: 0.9 } },
      {
        "source-ref": "s3://b/k/2.jpg",
        job: { annotations: [{ class_id: 1, left: 1, top: 1, width: 2, height: 2 }] },
        "job-metadata": { "class-map": { 1: "dog" } },
      },
      { "source-ref": "s3://b/k/3.jpg", job: 0, "job-metadata": { "failure-reason": "ClientError" } },
    ];
    const list = readGroundTruth(lines.map((line) => JSON.stringify(line)).join("\n"));
    expect(said(list)).toEqual([
      ["s3://b/k/1.jpg", "cat"],
      ["s3://b/k/2.jpg", "dog"],
      ["s3://b/k/3.jpg", undefined],
    ]);
    expect(list.notes).toHaveLength(2);
  });

  test("CSV: quotes, byte order mark, other column names; without a path column it says what it wants", () => {
    expect(said(readCsv('\uFEFFFile,Class\r\n"a,b.jpg","x ""y"""\r\n'))).toEqual([["a,b.jpg", 'x "y"']]);
    expect(() => readCsv("a,b\n1,2\n")).toThrow("it has the columns a, b; expected one of image, path, file");
    expect(() => readList("<xml/>", "x.json")).toThrow("known lists are CSV");
    expect(() => readList('{"image":1}\n', "x.jsonl")).toThrow("row 1: image is 1; expected a path");
  });
});

describe("what a list names", () => {
  async function beside(list: string, name = "labels.csv") {
    const at = folder();
    mkdirSync(join(at, "deep"));
    writeFileSync(join(at, "deep", "x.jpg"), await picture(1));
    writeFileSync(join(at, name), list);
    return join(at, name);
  }

  test("is found by the end of its path, whatever machine it was on", async () => {
    for (const path of ["s3://bucket/far/deep/x.jpg", "C:\\photos\\deep\\x.jpg", "/mnt/x.jpg", "../../deep/x.jpg"]) {
      const source = await openSource(await beside(`image,label\n${path},ok\n`), scratch);
      expect([...source.labels]).toEqual([["deep/x.jpg", "ok"]]);
    }
  });

  test("must be there: how many are missing, the first, and what to do", async () => {
    await expect(openSource(await beside("image\ndeep/x.jpg\nno.jpg\n"), scratch)).rejects.toThrow(
      /1 of 2 listed images are not below .*, the first is "no\.jpg"; put the images beside the list/,
    );
  });

  test("can't be a link to elsewhere", async () => {
    const list = await beside("image\nsecret.jpg\n");
    symlinkSync("/etc/passwd", join(list, "..", "secret.jpg"));
    await expect(openSource(list, scratch)).rejects.toThrow("1 of 1 listed images are not below");
  });

  test("labels that are no classes are told with their number, and nothing is kept", async () => {
    const labels = new Map([
      ["1", "goood"],
      ["2", "goood"],
      ["3", "bad"],
    ]);
    const { ports, agreementKey } = await ingestWorld();
    const head = { campaign: CAMPAIGN, agreementKey, agreementDigest: "0".repeat(64), status: "active" };
    const rest = { cycles: 0, openCycle: null, queue: [], requester: "me" };
    await ports.records.put(recordKeys.campaign(CAMPAIGN), { ...head, ...rest }, "any");
    await expect(mustBeClasses(ports, CAMPAIGN, labels)).rejects.toThrow(
      '"goood" (2) are no classes of "parts": its classes are good, bad.',
    );
  });
});

async function written(stream: AsyncIterable<unknown>, name: string): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  const path = join(folder(), name);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

describe("archives that are no honest archives of photos are refused whole", () => {
  type Entry = Parameters<ReturnType<typeof pack>["entry"]>[0];
  async function tarWith(entries: { header: Entry; bytes?: Buffer }[], name = "x.tar"): Promise<string> {
    const tar = pack();
    for (const { header, bytes } of entries) tar.entry(header, bytes ?? Buffer.alloc(0));
    tar.finalize();
    return written(tar as AsyncIterable<unknown>, name);
  }
  async function refusal(archive: string, limits?: Parameters<typeof unpack>[2]): Promise<string> {
    const target = join(folder(), "unpacked");
    const error = await unpack(archive, target, limits).then(
      () => new Error("it was taken"),
      (reason: Error) => reason,
    );
    expect(error.name).toBe("BadInputError");
    expect(existsSync(target)).toBe(false);
    expect(error.message).toContain("nothing was taken in");
    return error.message;
  }
  /** A zip whose one entry has any name: yazl writes honest names only, so the bytes are changed afterwards. */
  async function zipNamed(name: string): Promise<string> {
    const zip = new yazl.ZipFile();
    zip.addBuffer(Buffer.from("x"), "z".repeat(name.length), { compress: false });
    zip.end();
    const path = await written(zip.outputStream as unknown as AsyncIterable<unknown>, "x.zip");
    writeFileSync(path, readFileSync(path).toString("latin1").replaceAll("z".repeat(name.length), name), "latin1");
    return path;
  }

  test("names that climb out", async () => {
    for (const name of ["../../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg"]) {
      expect(await refusal(await tarWith([{ header: { name }, bytes: Buffer.from("x") }]))).toContain("evil.jpg");
      expect(await refusal(await zipNamed(name))).toMatch(/evil\.jpg|absolute path|relative path/);
    }
  });

  test("links and devices", async () => {
    for (const type of ["symlink", "link"] as const)
      expect(await refusal(await tarWith([{ header: { name: "a.jpg", type, linkname: "/etc/passwd" } }]))).toMatch(
        /"a\.jpg" is a (sym)?link, no file/,
      );
    expect(
      await refusal(await tarWith([{ header: { name: "d", type: "character-device", devmajor: 1, devminor: 5 } }])),
    ).toContain("character-device");
    const zip = new yazl.ZipFile();
    zip.addBuffer(Buffer.from("/etc/passwd"), "a.jpg", { mode: 0o120777 });
    zip.end();
    expect(await refusal(await written(zip.outputStream as unknown as AsyncIterable<unknown>, "x.zip"))).toContain(
      '"a.jpg" is a link or a device',
    );
  });

  test("bombs, by what they really unfold to", async () => {
    const zeros = Buffer.alloc(4_000_000);
    const zip = new yazl.ZipFile();
    zip.addBuffer(zeros, "a.jpg");
    zip.end();
    const limits = { entries: 10, growth: 20, leastBytes: 1_000_000 };
    expect(
      await refusal(await written(zip.outputStream as unknown as AsyncIterable<unknown>, "x.zip"), limits),
    ).toContain("far more than photos do");
    const tar = await tarWith([{ header: { name: "a.jpg" }, bytes: zeros }]);
    const gz = `${tar}.gz`;
    writeFileSync(gz, gzipSync(readFileSync(tar)));
    expect(await refusal(gz, limits)).toContain("far more than photos do");
    const many = Array.from({ length: 11 }, (_, i) => ({ header: { name: `${i}.jpg` }, bytes: Buffer.from("x") }));
    expect(await refusal(await tarWith(many), limits)).toContain("more than 10 files");
  });

  test("one name twice, also where case or accents alone differ", async () => {
    const twins = ["a/É.jpg", "A/e\u0301.jpg"].map((name) => ({ header: { name }, bytes: Buffer.from("x") }));
    expect(await refusal(await tarWith(twins))).toContain("stands twice");
  });

  test("cut and garbled ones", async () => {
    const tar = await tarWith([{ header: { name: "a.jpg" }, bytes: Buffer.alloc(5000, 1) }]);
    writeFileSync(tar, readFileSync(tar).subarray(0, 2000));
    expect(await refusal(tar)).toContain("can't be unpacked");
    const noise = join(folder(), "x.zip");
    writeFileSync(noise, Buffer.alloc(1000, 7));
    expect(await refusal(noise)).toContain("can't be unpacked");
  });

  test("an honest one is taken whole", async () => {
    const photo = await sharp(await picture(3))
      .png()
      .toBuffer();
    const archive = await tarWith([{ header: { name: "./good/1.png" }, bytes: photo }], "ok.tar");
    expect((await takenIn(archive, "folders")).claims).toEqual(new Map([[sha256(photo), "good"]]));
  });
});
