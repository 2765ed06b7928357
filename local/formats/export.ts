import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { writeCoco } from "../../domain/formats/coco.ts";
import { writeGroundTruth } from "../../domain/formats/ground-truth.ts";
import { writeLabelStudio } from "../../domain/formats/label-studio.ts";
import type { ExportedImage } from "../../domain/formats/labelled-list.ts";
import { writeCsv, writeJsonl } from "../../domain/formats/table.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { BadInputError } from "../../lambdas/stage.ts";
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { catalogueEntries } from "../../lambdas/store/catalogues.ts";
import { DocumentError, readDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import type { CatalogueEntry } from "../../schemas/catalogue.ts";
import { DatasetVersion } from "../../schemas/dataset.ts";
import { packFolder } from "./pack.ts";

export const EXPORT_FORMATS = [
  "folders",
  "zip",
  "tar",
  "csv",
  "jsonl",
  "coco",
  "label-studio",
  "ground-truth",
  "pytorch",
] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const EXTENSIONS = { jpeg: "jpg", png: "png", webp: "webp" } as const;

export interface Exported {
  out: string;
  format: ExportFormat;
  version: string;
  train: number;
  validation: number;
  classes: string[];
}

/**
 * Writes the newest frozen dataset of a campaign, labels and the photos as they were dropped, to a new folder or archive.
 * The sealed test set is not in it: neither its photos nor their truth. The output appears whole or not at all.
 * Throws BadInputError where nothing is frozen yet and where the output is there already.
 */
export async function exportDataset(
  ports: Pick<Ports, "records" | "objects">,
  asked: { campaign: string; format: ExportFormat; out: string; sourcePrefix?: string },
): Promise<Exported> {
  const { campaign, format } = asked;
  const { dataset, entries, frozenAt } = await newestDataset(ports, campaign);
  const out = resolve(asked.out);
  await mustBeFree(out);
  await mkdir(dirname(out), { recursive: true });
  const draft = join(dirname(out), `.${basename(out)}-${process.pid}-${randomBytes(4).toString("hex")}`);
  await mkdir(draft);
  try {
    const images = exportedImages(dataset, entries, format);
    for (const { file, sha256 } of images) {
      const found = await ports.objects.get(objectKeys.intakeFile(campaign, sha256));
      if (found === undefined) throw new DocumentError(`the photo ${sha256} of "${campaign}" is not in the store`);
      await mkdir(dirname(join(draft, file)), { recursive: true });
      await writeFile(join(draft, file), found.bytes);
    }
    const prefix = asked.sourcePrefix ?? "";
    for (const [name, text] of listsOf(format, images, dataset, { frozenAt, prefix })) {
      await writeFile(join(draft, name), text);
    }
    if (format === "zip" || format === "tar") {
      await packFolder(draft, format === "zip" ? `${draft}.zip` : `${draft}.tar`);
      await rename(`${draft}.${format}`, out);
    } else {
      await rmdir(out).catch(() => {});
      await rename(draft, out);
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
    for (const ending of ["zip", "tar"]) await rm(`${draft}.${ending}`, { force: true });
  }
  const { train, validation } = dataset.counts;
  return { out, format, version: dataset.version, train, validation, classes: dataset.classes };
}

async function newestDataset(ports: Pick<Ports, "records" | "objects">, campaign: string) {
  const { head } = await readCampaign(ports, campaign);
  for (let cycle = head.cycles; cycle >= 1; cycle -= 1) {
    const { refs, closedAt, openedAt } = await readCycle(ports, campaign, cycle);
    if (refs.dataset === undefined || refs.catalogue === undefined) continue;
    const dataset = await readDocument(ports.objects, refs.dataset, DatasetVersion);
    const wanted = new Set(dataset.items.map(({ sha256 }) => sha256));
    const entries = new Map<string, CatalogueEntry>();
    for await (const some of catalogueEntries(ports.objects, refs.catalogue))
      for (const entry of some) if (wanted.has(entry.sha256)) entries.set(entry.sha256, entry);
    return { dataset, entries, frozenAt: closedAt ?? openedAt };
  }
  throw new BadInputError(
    `"${campaign}" has no frozen dataset yet: it is frozen when enough labels are bought; see "status"`,
  );
}

async function mustBeFree(out: string): Promise<void> {
  const there = await stat(out).catch(() => undefined);
  if (there === undefined || (there.isDirectory() && (await readdir(out)).length === 0)) return;
  throw new BadInputError(`${out} is there already; nothing was written. Name another place with --out, or remove it`);
}

function exportedImages(
  { items, classes }: DatasetVersion,
  entries: ReadonlyMap<string, CatalogueEntry>,
  format: ExportFormat,
): ExportedImage[] {
  return items.map(({ sha256, label, split, soft }) => {
    const entry = entries.get(sha256);
    if (entry === undefined) throw new DocumentError(`the photo ${sha256} is in the dataset but in no catalogue`);
    const { width, height } = entry.facts;
    const file = `${folderOf(format, label, split)}/${fileName(entry)}`;
    return { file, sha256, label, split, width, height, confidence: soft[classes.indexOf(label)] ?? 0 };
  });
}

function folderOf(format: ExportFormat, label: string, split: string): string {
  if (format === "pytorch") return `${split}/${folderName(label)}`;
  return ["folders", "zip", "tar"].includes(format) ? folderName(label) : "images";
}

/** A class as a folder's name on every file system; what can't stand there is percent-encoded, which reading undoes. */
function folderName(label: string): string {
  const encoded = label.replaceAll(/[%/\\:*?"<>|\p{Cc}]|^\.|[. ]$/gu, (c) =>
    [...Buffer.from(c)].map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  );
  return encoded;
}

/** The dropped file's own name with a part of its content's hash: unique, the same every time, safe everywhere. */
function fileName({ names, sha256, facts }: CatalogueEntry): string {
  const own = (names[0] ?? "").split("/").at(-1) ?? "";
  const stem = own
    .replace(/\.[^.]*$/, "")
    .replaceAll(/[^\p{L}\p{N}_-]+/gu, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60);
  return `${stem === "" ? "image" : stem}-${sha256.slice(0, 12)}.${EXTENSIONS[facts.type]}`;
}

function listsOf(
  format: ExportFormat,
  images: readonly ExportedImage[],
  dataset: DatasetVersion,
  about: { frozenAt: string; prefix: string },
): [name: string, text: string][] {
  const { classes, campaign, version } = dataset;
  switch (format) {
    case "csv":
      return [["labels.csv", writeCsv(images)]];
    case "jsonl":
      return [["labels.jsonl", writeJsonl(images)]];
    case "coco":
      return [["annotations.json", writeCoco(images, classes, `${campaign} ${version}`)]];
    case "label-studio":
      return [["tasks.json", writeLabelStudio(images)]];
    case "ground-truth": {
      const job = `${campaign}-${version.slice(0, 12)}`;
      const text = writeGroundTruth(images, { classes, job, createdAt: about.frozenAt, prefix: about.prefix });
      return [["output.manifest", text]];
    }
    case "pytorch":
      return [["classes.txt", classes.map((name) => `${folderName(name)}\n`).join("")]];
    default:
      return [];
  }
}
