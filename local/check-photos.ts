import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderObjects } from "../adapters/local/objects.ts";
import { memoryPorts } from "../adapters/memory/index.ts";
import { assembleCatalogue } from "../domain/catalogue/assemble.ts";
import { dataReport } from "../domain/catalogue/report.ts";
import { dataReportHtml } from "../lambdas/reports/data-report-html.ts";
import { BadInputError, runStage } from "../lambdas/stage.ts";
import { admitImages } from "../lambdas/stages/admit-images.ts";
import { readDocument, readLines } from "../lambdas/store/documents.ts";
import { sealIntake } from "../lambdas/store/intakes.ts";
import { objectKeys } from "../lambdas/store/keys.ts";
import { AdmissionBatch } from "../schemas/catalogue.ts";
import type { DataReport } from "../schemas/data-report.ts";
import { IntakeItem } from "../schemas/intake.ts";
import { type LabelSource, openSource } from "./formats/source.ts";

const NAME = "photos";
const BATCH = 100;

/**
 * Looks at photos before there is any campaign: the same checks, the same report, nothing kept. Originals are held one batch
 * at a time. Throws BadInputError where there is no file at all; files that are no images are in the report.
 */
export async function checkPhotos(
  path: string,
  options: { labels?: LabelSource; onProgress: (done: number) => void },
): Promise<{ report: DataReport; html: string }> {
  const scratch = await mkdtemp(join(tmpdir(), "countersign-check-"));
  const source = await openSource(path, scratch, options.labels);
  try {
    // On disk: the small copies of a hundred thousand photos do not fit into memory.
    const ports = { ...memoryPorts(), objects: await folderObjects(join(scratch, "store")) };
    const files: IntakeItem[] = [];
    let batch: Parameters<typeof sealIntake>[1]["files"] & unknown[] = [];
    const look = async () => {
      if (batch.length === 0) return;
      const { manifestKey } = await sealIntake(ports, { campaign: NAME, files: batch, anyFile: true });
      const items = await readLines(ports.objects, manifestKey, IntakeItem);
      await runStage(admitImages, { campaign: NAME, cycle: 1, items }, ports);
      for (const { key } of items) await ports.objects.delete(key);
      for await (const { key } of ports.objects.list(objectKeys.shards(NAME))) await ports.objects.delete(key);
      files.push(...items);
      options.onProgress(files.length);
      batch = [];
    };
    for await (const file of source.files) {
      batch.push(file);
      if (batch.length === BATCH) await look();
    }
    await look();
    if (files.length === 0)
      throw new BadInputError(
        `${path} holds no file to look at; expected are photos (JPEG, PNG or WebP) in it or in folders below it, names that begin with a dot aside`,
      );
    const results = [];
    for await (const { key } of ports.objects.list(`${objectKeys.admission(NAME, 1)}/results/`))
      results.push(...(await readDocument(ports.objects, key, AdmissionBatch)).results);
    const catalogue = assembleCatalogue({ campaign: NAME, cycle: 1, files, results, shards: [] });
    const report = dataReport(catalogue, { claims: claimsOf(files, source.labels) });
    return { report, html: await dataReportHtml(ports.objects, catalogue, report) };
  } finally {
    await source.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** By image, what is said of each of its names: a copy in another folder may be said to be something else. */
function claimsOf(files: readonly IntakeItem[], labels: ReadonlyMap<string, string>) {
  const claims = new Map<string, { label: string; source: string }[]>();
  for (const { name, sha256 } of files) {
    const label = labels.get(name);
    if (label !== undefined) claims.set(sha256, [...(claims.get(sha256) ?? []), { label, source: name }]);
  }
  return claims;
}
