import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { pack } from "tar-stream";
import { filesBelow } from "../../local/jobs/archive.ts";
import type { JobObjects } from "../../local/jobs/store.ts";

export const BUCKET = "jobs-test";
export const CLASSES = ["blue", "red", "striped"] as const;

export interface Drawn {
  sha256: string;
  label: (typeof CLASSES)[number];
  bytes: Buffer;
}

/** A small image of a class: plain blue, plain red, or stripes; `n` moves the shade, so that bytes differ. */
async function draw(label: (typeof CLASSES)[number], n: number): Promise<Drawn> {
  const side = 40;
  const pixels = Buffer.alloc(side * side * 3);
  for (let at = 0; at < side * side; at += 1) {
    const stripe = Math.floor((at % side) / 4) % 2 === 0;
    const colour =
      label === "blue"
        ? [30 + n, 40, 180]
        : label === "red"
          ? [190, 40 + n, 30]
          : stripe
            ? [230 - n, 230, 230]
            : [20, 20 + n, 20];
    pixels.set(colour, at * 3);
  }
  const bytes = await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
  return { sha256: createHash("sha256").update(bytes).digest("hex"), label, bytes };
}

export async function drawAll(perClass: number): Promise<Drawn[]> {
  const images: Drawn[] = [];
  for (const label of CLASSES) for (let n = 0; n < perClass; n += 1) images.push(await draw(label, n * 2));
  return images;
}

export async function shardOf(images: readonly Drawn[]): Promise<Buffer> {
  const tar = pack();
  for (const image of images) tar.entry({ name: `${image.sha256}.png` }, image.bytes);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** A store that is a folder, so that the runner links files instead of copying them. */
export class FolderObjects implements JobObjects {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }
  path(key: string): string {
    return join(this.folder, key);
  }
  async read(key: string): Promise<Uint8Array | undefined> {
    return readFile(this.path(key)).catch(() => undefined);
  }
  async write(key: string, bytes: Uint8Array): Promise<void> {
    await mkdir(dirname(this.path(key)), { recursive: true });
    await writeFile(this.path(key), bytes);
  }
  async *list(prefix: string): AsyncIterable<string> {
    for (const key of await filesBelow(this.folder)) if (key.startsWith(prefix)) yield key;
  }
}

export async function temporaryFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "countersign-jobs-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export function channel(name: string, prefix: string) {
  return {
    ChannelName: name,
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: `s3://${BUCKET}/${prefix}` } },
  };
}

export function trainingRequest(name: string, hyper: Record<string, string>, channels: Record<string, string>) {
  return {
    TrainingJobName: name,
    RoleArn: "arn:aws:iam::000000000000:role/training",
    AlgorithmSpecification: { TrainingImage: "countersign-ml", TrainingInputMode: "File" as const },
    HyperParameters: hyper,
    InputDataConfig: Object.entries(channels).map(([key, prefix]) => channel(key, prefix)),
    OutputDataConfig: { S3OutputPath: `s3://${BUCKET}/out` },
    ResourceConfig: { InstanceType: "ml.m5.large" as const, InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 300 },
  };
}

/** Writes shards, a dataset of two thirds of the images and the truth of the rest; returns the test images. */
export async function writeCampaign(objects: JobObjects, images: readonly Drawn[]): Promise<Drawn[]> {
  const test = images.filter((_, at) => at % 3 === 0);
  const rest = images.filter((_, at) => at % 3 !== 0);
  await objects.write("shards/0.tar", await shardOf(images));
  const dataset = {
    version: "a".repeat(64),
    campaign: "t",
    classes: CLASSES,
    guidelineVersion: 1,
    items: rest.map((image, at) => ({
      sha256: image.sha256,
      split: at % 5 === 0 ? "validation" : "train",
      group: image.sha256,
      label: image.label,
      soft: CLASSES.map((name) => (name === image.label ? 1 : 0)),
    })),
    testSha256: "b".repeat(64),
    counts: { train: rest.length, validation: 0, test: test.length, withheld: 0 },
    emptyClasses: [],
    shards: ["shards/0.tar"],
  };
  const truth = {
    campaign: "t",
    classes: CLASSES,
    items: test.map((image) => ({
      sha256: image.sha256,
      group: image.sha256,
      label: image.label,
      source: "experts",
      answers: 3,
    })),
    residualError: { audited: 0, wrong: 0, upper: 0.1 },
  };
  await objects.write("dataset/dataset.json", Buffer.from(JSON.stringify(dataset)));
  await objects.write("truth/test.json", Buffer.from(JSON.stringify(truth)));
  return test;
}
