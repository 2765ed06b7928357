import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { sealIntake, verifyIntake } from "../../lambdas/store/intakes.ts";
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
