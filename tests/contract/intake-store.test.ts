import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { s3Objects } from "../../adapters/aws/objects.ts";
import { openLocalPorts } from "../../adapters/local/index.ts";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { s3Address } from "../../cli/s3.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { claimsByImage } from "../../lambdas/store/claims.ts";
import { sha256Hex, writeAddressed } from "../../lambdas/store/documents.ts";
import { verifyIntake } from "../../lambdas/store/intakes.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { addToStore } from "../../local/add-to-store.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { startMoto } from "./moto.ts";

const BUCKET = "countersign-intakes";
/** What S3 takes as the smallest part. */
const PART_BYTES = 5 * 1024 * 1024;
const folder = () => mkdtempSync(join(tmpdir(), "countersign-intake-"));

interface Opened {
  store: Pick<Ports, "objects" | "clock">;
  /** Commands that reached S3, where that is the world. */
  sent: string[];
  client?: S3Client;
  close(): Promise<void>;
}

const WORLDS: Record<string, () => Promise<Opened>> = {
  local: async () => {
    const { tokens, workflows, endpoints } = memoryPorts();
    const ports = await openLocalPorts({
      folder: folder(),
      clock: { now: () => Date.now() },
      tokens,
      workflows,
      endpoints,
    });
    return { store: ports, sent: [], close: async () => ports.close() };
  },
  "S3 on moto": async () => {
    const moto = await startMoto();
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const client = new S3Client({ endpoint: moto.endpoint, region: "us-east-1", credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const sent: string[] = [];
    client.middlewareStack.add(
      (next, context) => async (args) => {
        sent.push(String((context as { commandName?: string }).commandName));
        return next(args);
      },
      { step: "initialize" },
    );
    const objects = s3Objects(client, BUCKET, { partBytes: PART_BYTES });
    return { store: { objects, clock: { now: () => Date.now() } }, sent, client, close: moto.stop };
  },
};

describe.each(Object.keys(WORLDS))("an intake added to %s", (name) => {
  let world: Opened;
  const photos = folder();
  const large = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), randomBytes(PART_BYTES * 2 + 1000)]);
  beforeAll(async () => {
    world = await (WORLDS[name] as () => Promise<Opened>)();
    const agreement = Campaign.parse({
      name: "parts",
      classes: ["good", "bad"],
      vendors: [{ id: "v", name: "V", pricePerAnswer: 0.01 }],
    });
    await writeAddressed(world.store.objects, (digest) => objectKeys.agreement("parts", digest), agreement);
    for (const label of ["good", "bad"]) {
      mkdirSync(join(photos, label));
      for (let i = 0; i < 3; i += 1)
        writeFileSync(
          join(photos, label, `${i}.jpg`),
          Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), randomBytes(50)]),
        );
    }
    writeFileSync(join(photos, "good", "large.jpg"), large);
  }, 120_000);
  afterAll(async () => world?.close());
  const add = (path = photos) => addToStore(world.store, "parts", path, { labels: "folders", scratch: folder() });

  test("is sealed whole, with the labels that came with it, and sealed again it changes nothing", async () => {
    const added = await add();
    expect(added).toMatchObject({ files: 7, claims: 7, notes: [] });
    expect(await verifyIntake(world.store, "parts", added.intake)).toMatchObject({ files: 7 });
    const stored = await world.store.objects.get(objectKeys.intakeFile("parts", sha256Hex(large)));
    expect(sha256Hex(stored?.bytes as Uint8Array)).toBe(sha256Hex(large));
    expect((await claimsByImage(world.store, "parts")).get(sha256Hex(large))).toEqual([
      { label: "good", source: expect.stringMatching(/\(folder\)$/) },
    ]);
    world.sent.length = 0;
    expect(await add()).toEqual(added);
    expect(world.sent.filter((command) => /Upload/.test(command))).toEqual([]);
  });

  test("is refused where the bucket has no such campaign, or a folder is no class", async () => {
    await expect(addToStore(world.store, "other", photos, { scratch: folder() })).rejects.toThrow(
      'the bucket has no campaign "other"',
    );
    const strange = folder();
    mkdirSync(join(strange, "odd"));
    writeFileSync(join(strange, "odd", "1.jpg"), Buffer.from([0xff, 0xd8, 0xff, 1]));
    await expect(add(strange)).rejects.toThrow('"odd" (1) are no classes of "parts"');
  });

  if (name !== "local") {
    test("goes on where it was cut off: parts that arrived are not sent again, and nothing is left half", async () => {
      const client = world.client as S3Client;
      const bytes = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), randomBytes(PART_BYTES * 3 + 77)]);
      const key = objectKeys.intakeFile("parts", sha256Hex(bytes));
      let parts = 0;
      client.middlewareStack.add(
        (next, context) => async (args) => {
          if ((context as { commandName?: string }).commandName === "UploadPartCommand") {
            parts += 1;
            if (parts > 2) throw new Error("the line is cut");
          }
          return next(args);
        },
        { step: "initialize", name: "cut" },
      );
      await expect(world.store.objects.put(key, bytes, "absent")).rejects.toThrow("the line is cut");
      client.middlewareStack.remove("cut");
      expect(await world.store.objects.head(key)).toBeUndefined();
      world.sent.length = 0;
      await world.store.objects.put(key, bytes, "absent");
      const found = await world.store.objects.get(key);
      expect(sha256Hex(found?.bytes as Uint8Array)).toBe(sha256Hex(bytes));
      expect(world.sent.filter((command) => command === "CreateMultipartUploadCommand")).toHaveLength(0);
      expect(world.sent.filter((command) => command === "UploadPartCommand").length).toBeLessThanOrEqual(3);
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
      expect(Uploads ?? []).toEqual([]);
    }, 60_000);
  }
});

test("an address names a bucket and a campaign, and nothing else", () => {
  for (const address of ["s3://bucket/parts", "s3://bucket/campaigns/parts/"])
    expect(s3Address(address)).toEqual({ bucket: "bucket", campaign: "parts" });
  for (const address of ["s3://bucket", "s3://b/parts", "s3://bucket/a/b", "s3://bucket/../x", "s3:/bucket/parts"])
    expect(() => s3Address(address), address).toThrow("expected s3://<bucket of the deployment>/<campaign>");
});
