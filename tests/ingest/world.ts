import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { tarOf } from "../../lambdas/imaging/shard.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { admitImages } from "../../lambdas/stages/admit-images.ts";
import { buildCatalogue } from "../../lambdas/stages/build-catalogue.ts";
import { drawTestSet } from "../../lambdas/stages/draw-test-set.ts";
import { readDocument, readLines, writeAddressed } from "../../lambdas/store/documents.ts";
import { type IncomingFile, sealIntake } from "../../lambdas/store/intakes.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { Catalogue } from "../../schemas/catalogue.ts";
import { IntakeItem } from "../../schemas/intake.ts";
import { CycleRecord, type JobOrder, Split } from "../../schemas/state.ts";

export const CAMPAIGN = "parts";

export function incoming(name: string, bytes: Uint8Array): IncomingFile {
  return {
    name,
    bytes: bytes.length,
    read: async () => bytes,
    stream: async function* () {
      yield bytes;
    },
  };
}

/** A world with a campaign whose cycles can be run through the ingest stages. */
export async function ingestWorld() {
  const ports = memoryPorts();
  const agreement = Campaign.parse({
    name: CAMPAIGN,
    classes: ["good", "bad"],
    vendors: [{ id: "v", name: "V", pricePerAnswer: 0.01 }],
  });
  const { key } = await writeAddressed(ports.objects, (digest) => objectKeys.agreement(CAMPAIGN, digest), agreement);
  return { ports, agreementKey: key };
}
export type IngestWorld = Awaited<ReturnType<typeof ingestWorld>>;

/** Seals the files, opens a cycle on them, and admits them in batches. */
export async function admitCycle({ ports, agreementKey }: IngestWorld, cycle: number, files: IncomingFile[]) {
  const { intake, manifestKey } = await sealIntake(ports, { campaign: CAMPAIGN, files });
  const openedAt = new Date(0).toISOString();
  const record = { campaign: CAMPAIGN, cycle, intake, agreementKey, outcome: "open", openedAt, refs: {}, counts: {} };
  await ports.records.put(recordKeys.cycle(CAMPAIGN, cycle), CycleRecord.parse(record), "any");
  const items = await readLines(ports.objects, manifestKey, IntakeItem);
  const outputs = [];
  for (let i = 0; i < items.length; i += 10) {
    outputs.push(await runStage(admitImages, { campaign: CAMPAIGN, cycle, items: items.slice(i, i + 10) }, ports));
  }
  return { manifestKey, outputs };
}

export async function catalogueCycle({ ports }: IngestWorld, cycle: number, manifestKey: string) {
  const admissionPrefix = objectKeys.admission(CAMPAIGN, cycle);
  const built = (await runStage(
    buildCatalogue,
    { campaign: CAMPAIGN, cycle, manifestKey, admissionPrefix },
    ports,
  )) as {
    catalogue: {
      key: string;
      files: number;
      admitted: number;
      quarantined: number;
      duplicates: number;
      inHand: number;
    };
    embedding: Omit<JobOrder, "recipe">;
  };
  return { ...built, document: await readDocument(ports.objects, built.catalogue.key, Catalogue) };
}

/** An embed job's archive with one row per image. */
export async function embeddingsArchive(
  ports: Pick<Ports, "objects">,
  key: string,
  rows: Map<string, number[]>,
): Promise<string> {
  const ids = [...rows.keys()].sort();
  const dim = (rows.values().next().value as number[]).length;
  const index = { ids, dim, count: ids.length, backbone: "descriptor", transformDigest: "t", weightsSha256: null };
  const numbers = Float32Array.from(ids.flatMap((id) => rows.get(id) as number[]));
  const tar = await tarOf([
    { name: "embeddings.json", bytes: Buffer.from(JSON.stringify(index)) },
    { name: "embeddings.f32", bytes: new Uint8Array(numbers.buffer) },
  ]);
  await ports.objects.put(key, gzipSync(tar), "any");
  return key;
}

export async function drawCycle({ ports }: IngestWorld, cycle: number, catalogue: Catalogue, catalogueKey: string) {
  // All the same direction: the hashes alone decide.
  const rows = new Map(catalogue.entries.map((e) => [e.sha256, [1, 0]]));
  const embeddingsKey = await embeddingsArchive(
    ports,
    `${objectKeys.embeddings(CAMPAIGN)}/job-${cycle}/output/model.tar.gz`,
    rows,
  );
  const output = (await runStage(drawTestSet, { campaign: CAMPAIGN, cycle, catalogueKey, embeddingsKey }, ports)) as {
    key: string;
    test: number;
    gold: number;
    pool: number;
    withheld: number;
  };
  return { ...output, document: await readDocument(ports.objects, output.key, Split) };
}

/** Every object's key and digest: two worlds that agree here are the same. */
export async function digestOfWorld(ports: Pick<Ports, "objects">): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for await (const { key } of ports.objects.list("")) {
    const bytes = (await ports.objects.get(key))?.bytes ?? new Uint8Array();
    all.set(key, createHash("sha256").update(bytes).digest("hex"));
  }
  return all;
}
