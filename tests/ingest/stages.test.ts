import { extract } from "tar-stream";
import { expect, test } from "vitest";
import { readEmbeddings } from "../../lambdas/store/embeddings.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import type { CycleRecord } from "../../schemas/state.ts";
import { picture, sha256 } from "./pictures.ts";
import {
  admitCycle,
  CAMPAIGN,
  catalogueCycle,
  digestOfWorld,
  drawCycle,
  embeddingsArchive,
  incoming,
  ingestWorld,
} from "./world.ts";

async function folder() {
  const good = await Promise.all(Array.from({ length: 24 }, (_, i) => picture(i)));
  return [
    ...good.map((bytes, i) => incoming(`good/${String(i).padStart(2, "0")}.jpg`, bytes)),
    incoming("good/again.jpg", good[3] as Buffer),
    incoming("other/again.jpg", good[3] as Buffer),
    incoming("good/softer.jpg", await picture(5, { quality: 60 })),
    incoming("broken.jpg", (good[0] as Buffer).subarray(0, 900)),
    incoming("empty.png", Buffer.alloc(0)),
    incoming("notes.txt", Buffer.from("to do")),
  ];
}

test("every file is accounted for: admitted, quarantined or a duplicate", async () => {
  const world = await ingestWorld();
  const { manifestKey, outputs } = await admitCycle(world, 1, await folder());
  expect(outputs).toHaveLength(3);
  const { catalogue, document, embedding } = await catalogueCycle(world, 1, manifestKey);
  expect(catalogue).toMatchObject({ files: 30, admitted: 25, quarantined: 3, duplicates: 2 });
  expect(document.quarantined.map((q) => [q.name, q.findings[0]?.code])).toEqual([
    ["broken.jpg", "corrupt"],
    ["empty.png", "empty"],
    ["notes.txt", "not-an-image"],
  ]);
  const again = document.entries.find((e) => e.names.length === 3);
  expect(again?.names).toEqual(["good/03.jpg", "good/again.jpg", "other/again.jpg"]);
  // The softer copy of picture 5 is near, not identical: admitted, and grouped with it.
  const softer = document.entries.find((e) => e.names.includes("good/softer.jpg"));
  const original = document.entries.find((e) => e.names.includes("good/05.jpg"));
  expect(softer?.group).toBe(original?.group);
  expect(new Set(document.entries.map((e) => e.group)).size).toBe(24);
  expect(embedding).toMatchObject({ backbone: "descriptor", outputPrefix: objectKeys.embeddings(CAMPAIGN) });
  expect(embedding.jobName).toMatch(/^parts-embed-[0-9a-f]{16}$/);
  const record = await world.ports.records.get<CycleRecord>(recordKeys.cycle(CAMPAIGN, 1));
  expect(record?.body).toMatchObject({ refs: { catalogue: catalogue.key }, counts: { files: 30, admitted: 25 } });
});

test("the same photos give the same objects, byte for byte, in another world and when every step runs twice", async () => {
  const first = await ingestWorld();
  const one = await admitCycle(first, 1, await folder());
  await catalogueCycle(first, 1, one.manifestKey);
  const second = await ingestWorld();
  const two = await admitCycle(second, 1, (await folder()).reverse());
  await catalogueCycle(second, 1, two.manifestKey);
  await admitCycle(second, 1, await folder());
  await catalogueCycle(second, 1, two.manifestKey);
  expect(await digestOfWorld(second.ports)).toEqual(await digestOfWorld(first.ports));
});

test("packs and shards hold what the catalogue says", async () => {
  const world = await ingestWorld();
  const { manifestKey } = await admitCycle(world, 1, await folder());
  const { document } = await catalogueCycle(world, 1, manifestKey);
  for (const entry of document.entries) {
    for (const place of [entry.web, entry.thumbnail]) {
      const bytes = await world.ports.objects.getRange(place.key, place.offset, place.bytes);
      expect(
        Buffer.from(bytes as Uint8Array)
          .subarray(0, 3)
          .toString("hex"),
      ).toBe("ffd8ff");
      expect(
        Buffer.from(bytes as Uint8Array)
          .subarray(-2)
          .toString("hex"),
      ).toBe("ffd9");
    }
  }
  const names: string[] = [];
  for (const shard of document.shards) {
    const bytes = (await world.ports.objects.get(shard.key))?.bytes as Uint8Array;
    expect(sha256(bytes)).toBe(shard.sha256);
    const archive = extract();
    archive.end(bytes);
    for await (const entry of archive) {
      names.push(entry.header.name);
      entry.resume();
    }
  }
  // Identical bytes in two batches stand in two shards; readers take each name once.
  expect([...new Set(names)].sort()).toEqual(document.entries.map((e) => `${e.sha256}.jpg`).sort());
});

test("bytes that changed in the store, or went missing, are findings of that file alone", async () => {
  const world = await ingestWorld();
  const files = await folder();
  const { manifestKey } = await admitCycle(world, 1, files);
  const changed = files[1]?.read() as Promise<Uint8Array>;
  const missing = files[2]?.read() as Promise<Uint8Array>;
  await world.ports.objects.put(objectKeys.intakeFile(CAMPAIGN, sha256(await changed)), await picture(99), "any");
  await world.ports.objects.delete(objectKeys.intakeFile(CAMPAIGN, sha256(await missing)));
  const fresh = { ...world };
  for await (const { key } of world.ports.objects.list(objectKeys.admission(CAMPAIGN, 1)))
    await world.ports.objects.delete(key);
  const { readLines } = await import("../../lambdas/store/documents.ts");
  const { IntakeItem } = await import("../../schemas/intake.ts");
  const { runStage } = await import("../../lambdas/stage.ts");
  const { admitImages } = await import("../../lambdas/stages/admit-images.ts");
  const items = await readLines(world.ports.objects, manifestKey, IntakeItem);
  await runStage(admitImages, { campaign: CAMPAIGN, cycle: 1, items }, world.ports);
  const { document } = await catalogueCycle(fresh, 1, manifestKey);
  expect(document.quarantined.map((q) => q.findings[0]?.code).sort()).toEqual([
    "corrupt",
    "empty",
    "hash-mismatch",
    "missing",
    "not-an-image",
  ]);
});

test("a manifest with a file that admission never saw is an error that names it", async () => {
  const world = await ingestWorld();
  const { manifestKey } = await admitCycle(world, 1, await folder());
  for await (const { key } of world.ports.objects.list(objectKeys.admission(CAMPAIGN, 1)))
    await world.ports.objects.delete(key);
  await expect(catalogueCycle(world, 1, manifestKey)).rejects.toThrow("30 of 30 files of campaigns/parts/intakes/");
});

test("a second cycle keeps the first one's images, counts them as known, and leaves the draw where it was", async () => {
  const world = await ingestWorld();
  const one = await admitCycle(world, 1, await folder());
  const first = await catalogueCycle(world, 1, one.manifestKey);
  const drawn = await drawCycle(world, 1, first.document, first.catalogue.key);
  // 25 images: 15 % are 3.75 -> 4 test (a group of two may make it 3 or 5), 4 % gold is one.
  expect(drawn.test + drawn.gold + drawn.pool).toBe(25);
  expect(Math.abs(drawn.test - 4)).toBeLessThanOrEqual(1);
  expect(drawn.gold).toBe(1);
  const newcomers = await Promise.all([50, 51, 52].map(async (i) => incoming(`new/${i}.jpg`, await picture(i))));
  const two = await admitCycle(world, 2, [...newcomers, incoming("good/00-again.jpg", await picture(0))]);
  const second = await catalogueCycle(world, 2, two.manifestKey);
  expect(second.catalogue).toMatchObject({ files: 4, admitted: 3, quarantined: 0, duplicates: 1 });
  expect(second.document.counts.known).toBe(1);
  expect(second.document.entries).toHaveLength(28);
  expect(second.embedding.jobName).not.toBe(first.embedding.jobName);
  expect(second.embedding.channels.find((c) => c.name === "cache")?.prefix).toBe(
    "campaigns/parts/embeddings/job-1/output/",
  );
  const again = await drawCycle(world, 2, second.document, second.catalogue.key);
  const old = new Set(first.document.entries.map((e) => e.sha256));
  for (const side of ["test", "gold", "pool"] as const) {
    expect(again.document[side].filter((s) => old.has(s))).toEqual(drawn.document[side]);
  }
  expect(again.test + again.gold + again.pool + again.withheld).toBe(28);
});

test("the largest weights are taken for auto, a named backbone for its name, the descriptor without any", async () => {
  const world = await ingestWorld();
  const { manifestKey } = await admitCycle(world, 1, [incoming("a.jpg", await picture(1))]);
  expect((await catalogueCycle(world, 1, manifestKey)).embedding.channels.map((c) => c.name)).toEqual(["shards"]);
  await world.ports.objects.put("weights/small/model.safetensors", Buffer.alloc(10), "any");
  await world.ports.objects.put("weights/vit/model.safetensors", Buffer.alloc(30), "any");
  await world.ports.objects.put("weights/vit/manifest.json", Buffer.alloc(99), "any");
  const { embedding } = await catalogueCycle(world, 1, manifestKey);
  expect(embedding.backbone).toBe("vit");
  expect(embedding.channels).toContainEqual({ name: "pretrained", prefix: "weights/vit/" });
});

test("embeddings are read back; an archive that lacks or contradicts something is refused", async () => {
  const { ports } = await ingestWorld();
  const id = (c: string) => c.repeat(64);
  await embeddingsArchive(
    ports,
    "e/model.tar.gz",
    new Map([
      [id("b"), [0, 1]],
      [id("a"), [1, 0]],
    ]),
  );
  const read = await readEmbeddings(ports.objects, "e/model.tar.gz");
  expect([read.ids, read.dim, [...read.vectors]]).toEqual([[id("a"), id("b")], 2, [1, 0, 0, 1]]);
  await expect(readEmbeddings(ports.objects, "nowhere")).rejects.toThrow("no embeddings at nowhere");
  await ports.objects.put("e/bad", Buffer.from("no archive"), "any");
  await expect(readEmbeddings(ports.objects, "e/bad")).rejects.toThrow("e/bad is not a readable .tar.gz");
});
