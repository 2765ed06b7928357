import type { Campaign } from "../../schemas/campaign.ts";
import type { CatalogueEntry } from "../../schemas/catalogue.ts";
import type { DatasetVersion, TestTruth } from "../../schemas/dataset.ts";
import type { ImageAttributes, LabelSources } from "../../schemas/evaluation.ts";
import type { Objects } from "../ports.ts";
import type { Known } from "./consensus.ts";
import { digestOf, writeDocument } from "./documents.ts";
import { folderOf, objectKeys } from "./keys.ts";

type Labelling = Pick<Known, "answers" | "experts">;

/**
 * What is known of the test images beside their pixels: each value becomes a slice of the evaluation. Size (pixels) and
 * brightness as admission measured them, the camera where the file said it, the vendors who answered; never who of them.
 */
export async function attributesOf(
  { items }: TestTruth,
  catalogue: Iterable<CatalogueEntry[]> | AsyncIterable<CatalogueEntry[]>,
  known: Labelling,
): Promise<ImageAttributes> {
  const wanted = new Set(items.map(({ sha256 }) => sha256));
  const facts = new Map<string, CatalogueEntry["facts"]>();
  for await (const entries of catalogue)
    for (const entry of entries) if (wanted.has(entry.sha256)) facts.set(entry.sha256, entry.facts);
  const attributes: ImageAttributes = {};
  for (const { sha256 } of items) {
    const seen = facts.get(sha256);
    const vendors = vendorsOf(sha256, known);
    attributes[sha256] = {
      ...(seen === undefined ? {} : { size: seen.width * seen.height, brightness: seen.brightness }),
      ...(seen?.capture?.camera === undefined ? {} : { camera: seen.capture.camera }),
      ...(vendors.length === 0 ? {} : { vendor: vendors }),
    };
  }
  return attributes;
}

/** Who labelled the images that the model learns from and is chosen on, by vendor. */
export function labelSourcesOf(agreement: Campaign, { items }: DatasetVersion, known: Labelling): LabelSources {
  const by = new Map(agreement.vendors.map(({ id, kind }) => [id, { vendor: id, kind, images: 0, answers: 0 }]));
  let experts = 0;
  for (const { sha256 } of items) {
    if (known.experts.get(sha256)?.truth !== undefined) experts += 1;
    for (const vendor of vendorsOf(sha256, known)) {
      const one = by.get(vendor) ?? { vendor, kind: "people" as const, images: 0, answers: 0 };
      const answers = (known.answers.get(sha256) ?? []).filter((answer) => answer.vendor === vendor).length;
      by.set(vendor, { ...one, images: one.images + 1, answers: one.answers + answers });
    }
  }
  const vendors = [...by.values()].filter(({ answers }) => answers > 0).sort((a, b) => (a.vendor < b.vendor ? -1 : 1));
  return { images: items.length, experts, vendors };
}

/** Writes both into one folder that their content names; returns the folder with its slash. */
export async function writeAttributes(
  objects: Objects,
  campaign: string,
  attributes: ImageAttributes,
  labels: LabelSources,
): Promise<string> {
  const key = objectKeys.attributes(campaign, digestOf({ attributes, labels }));
  await writeDocument(objects, key, attributes);
  await writeDocument(objects, `${folderOf(key)}labels.json`, labels);
  return folderOf(key);
}

const vendorsOf = (image: string, { answers }: Labelling): string[] =>
  [...new Set((answers.get(image) ?? []).map(({ vendor }) => vendor))].sort();
