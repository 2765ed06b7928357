import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { MOST_FILES, sealIntake, verifyIntake } from "../../lambdas/store/intakes.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { picture } from "./pictures.ts";
import { CAMPAIGN, digestOfWorld, incoming } from "./world.ts";

const files = async () => [
  incoming("b/2.jpg", await picture(2)),
  incoming("a/1.jpg", await picture(1)),
  incoming("readme.txt", Buffer.from("hello")),
];

async function sealed() {
  const ports = memoryPorts();
  const { intake, manifestKey } = await sealIntake(ports, { campaign: CAMPAIGN, files: await files() });
  return { ports, intake, manifestKey };
}

test("the same folder twice is the same intake, whatever the order of its files", async () => {
  const { ports, intake, manifestKey } = await sealed();
  const before = await digestOfWorld(ports);
  const again = await sealIntake(ports, { campaign: CAMPAIGN, files: (await files()).reverse() });
  expect(again.intake).toBe(intake);
  expect(await digestOfWorld(ports)).toEqual(before);
  const lines = Buffer.from((await ports.objects.get(manifestKey))?.bytes ?? [])
    .toString()
    .trim()
    .split("\n");
  expect(lines.map((l) => JSON.parse(l).name)).toEqual(["a/1.jpg", "b/2.jpg", "readme.txt"]);
  expect(await verifyIntake(ports, CAMPAIGN, intake)).toMatchObject({ intake, files: 3 });
});

test("a process that died before the seal is finished by running again", async () => {
  const { ports, intake } = await sealed();
  await ports.objects.delete(objectKeys.seal(CAMPAIGN, intake));
  await expect(verifyIntake(ports, CAMPAIGN, intake)).rejects.toThrow("is not sealed: its _SUCCESS is missing");
  await sealIntake(ports, { campaign: CAMPAIGN, files: await files() });
  expect((await verifyIntake(ports, CAMPAIGN, intake)).files).toBe(3);
});

test("no file, no image, or one name twice is refused with what to do", async () => {
  const ports = memoryPorts();
  const seal = async (list: ReturnType<typeof incoming>[]) => sealIntake(ports, { campaign: CAMPAIGN, files: list });
  await expect(seal([])).rejects.toThrow("there is no file to take in: drop JPEG, PNG or WebP images into the folder");
  await expect(seal([incoming("a.txt", Buffer.from("x"))])).rejects.toThrow(
    'none of the 1 files is an image by name or content, the first is "a.txt"',
  );
  const twin = incoming("a.jpg", await picture(1));
  await expect(seal([twin, twin])).rejects.toThrow('the name "a.jpg" stands twice');
  // An image without an extension counts by its first bytes.
  expect((await seal([incoming("scan", await picture(1))])).files).toBe(1);
});

test("a seal without manifest, a changed manifest and a wrong count are named", async () => {
  const { ports, intake, manifestKey } = await sealed();
  await expect(verifyIntake(ports, CAMPAIGN, "0000000000000000")).rejects.toThrow("has neither manifest nor seal");
  const manifest = Buffer.from((await ports.objects.get(manifestKey))?.bytes ?? []);
  await ports.objects.put(manifestKey, Buffer.concat([manifest, Buffer.from("{}\n")]), "any");
  await expect(verifyIntake(ports, CAMPAIGN, intake)).rejects.toThrow("was sealed: it was changed");
  await ports.objects.delete(manifestKey);
  await expect(verifyIntake(ports, CAMPAIGN, intake)).rejects.toThrow("has a seal but no");
  await ports.objects.put(objectKeys.seal(CAMPAIGN, intake), Buffer.from("{"), "any");
  await ports.objects.put(manifestKey, manifest, "any");
  await expect(verifyIntake(ports, CAMPAIGN, intake)).rejects.toThrow("is not JSON");
});

test("a store without room loses nothing: the seal is not written", async () => {
  const ports = memoryPorts({ capacityBytes: 2000 });
  await expect(sealIntake(ports, { campaign: CAMPAIGN, files: await files() })).rejects.toMatchObject({
    name: "StorageFullError",
  });
  for await (const { key } of ports.objects.list("")) expect(key).not.toContain("_SUCCESS");
});

/** A sealed manifest of so many lines, names in many alphabets; every read of it is written down. */
async function manifestOf(files: number) {
  const ports = memoryPorts();
  const intake = "0123456789abcdef";
  const line = (i: number) =>
    `${JSON.stringify({ name: `ärger-検査-${i}.jpg`, sha256: createHash("sha256").update(String(i)).digest("hex"), bytes: 1, key: `campaigns/${CAMPAIGN}/files/${i}` })}\n`;
  const manifest = Buffer.from(Array.from({ length: files }, (_, i) => line(i)).join(""));
  const manifestKey = objectKeys.manifest(CAMPAIGN, intake);
  await ports.objects.put(manifestKey, manifest, "absent");
  const manifestSha256 = createHash("sha256").update(manifest).digest("hex");
  const seal = async (count: number) =>
    ports.objects.put(
      objectKeys.seal(CAMPAIGN, intake),
      Buffer.from(
        JSON.stringify({
          campaign: CAMPAIGN,
          intake,
          manifestKey,
          manifestSha256,
          files: count,
          sealedAt: "2026-01-01T00:00:00Z",
        }),
      ),
      "any",
    );
  const reads: number[] = [];
  const watched = {
    objects: {
      ...ports.objects,
      get: (key: string) => {
        if (key === manifestKey) throw new Error("the manifest was read as a whole");
        return ports.objects.get(key);
      },
      getRange: (key: string, offset: number, length: number) => {
        reads.push(length);
        return ports.objects.getRange(key, offset, length);
      },
    },
  };
  return { intake, seal, reads, verify: () => verifyIntake(watched, CAMPAIGN, intake), bytes: manifest.length };
}

test("a large manifest is read in pieces, letters that lie across two of them too", async () => {
  const { seal, reads, verify, bytes } = await manifestOf(40_000);
  await seal(40_000);
  expect((await verify()).files).toBe(40_000);
  expect(Math.max(...reads)).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(reads.reduce((sum, n) => sum + n, 0)).toBe(bytes);
});

test("a manifest of five million lines is refused before it is read, with what to do; nothing is lost", async () => {
  const { seal, reads, verify } = await manifestOf(3);
  await seal(5_000_000);
  await expect(verify()).rejects.toThrow(
    `holds 5000000 files; one campaign holds at most ${MOST_FILES} images. Nothing is lost: add the same photos again in folders of at most so many`,
  );
  expect(reads).toEqual([]);
});
