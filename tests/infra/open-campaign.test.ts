/** What makes a deployed environment usable: a campaign in its records, and a link for its first person. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { openCampaign } from "../../infra/open-campaign.ts";
import { storeWeights } from "../../infra/weights.ts";
import { readCampaign } from "../../lambdas/store/campaigns.ts";
import { takeUp } from "../../lambdas/store/members.ts";

const TEXT = `
name: parts
images: photos
classes: [ok, crack]
vendors: [{ id: alder, name: Alder, pricePerAnswer: 0.03 }]
`;
const open = (ports: ReturnType<typeof memoryPorts>, text = TEXT) =>
  openCampaign(ports, text, "anna", "https://pages.example");

test("the first person takes the data team's place by the link; the same campaign again is welcome", async () => {
  const ports = memoryPorts({ environment: "dev" });
  const { campaign, link } = await open(ports);
  expect(campaign).toBe("parts");
  expect((await readCampaign(ports, "parts")).agreement.classes).toEqual(["ok", "crack"]);
  const [address, secret] = link.split("#") as [string, string];
  expect(address).toBe("https://pages.example/join");
  const now = ports.clock.now();
  const { member } = await takeUp(ports, secret, { subject: "sub-1", signedInAt: now, expiresAt: now + 3_600_000 });
  expect([member.role, member.campaign, member.subject]).toEqual(["data-team", "parts", "anna"]);
  expect((await open(ports)).campaign).toBe("parts");
});

test.each([
  ["no YAML", "a: [", "is not YAML"],
  ["nothing", "", "campaign.yaml: "],
  ["a misspelt key", `${TEXT}budgett: 5\n`, "budgett"],
  ["another agreement under a taken name", TEXT.replace("0.03", "0.04"), "another agreement"],
])("%s is refused with its reason", async (_, text, said) => {
  const ports = memoryPorts({ environment: "dev" });
  await open(ports);
  await expect(open(ports, text)).rejects.toThrow(said);
});

const MODEL = Buffer.from("weights of a network");
const MANIFEST = {
  architecture: "resnet18",
  licence: "apache-2.0",
  sha256: createHash("sha256").update(MODEL).digest("hex"),
};

function weightsFolder(manifest: object = MANIFEST, name = "resnet18"): string {
  const folder = mkdtempSync(join(tmpdir(), "weights-"));
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, name, "model.safetensors"), MODEL);
  return folder;
}

test("a backbone that is named must be in the bucket; --weights brings it, as often as one likes", async () => {
  const ports = memoryPorts({ environment: "dev" });
  const wanting = `${TEXT}training: { backbone: resnet18 }\n`;
  await expect(open(ports, wanting)).rejects.toThrow(
    /"resnet18", and the bucket holds no weights of it: give --weights/,
  );
  const folder = weightsFolder();
  expect(await storeWeights(ports.objects, folder)).toEqual(["resnet18"]);
  expect(await storeWeights(ports.objects, folder)).toEqual(["resnet18"]);
  expect((await open(ports, wanting)).backbone).toBe("resnet18");
});

test("a campaign that leaves the backbone open is told that hand-made features are used where no weights are", async () => {
  const ports = memoryPorts({ environment: "dev" });
  expect((await open(ports)).backbone).toBe("descriptor");
  await storeWeights(ports.objects, weightsFolder());
  expect((await open(ports)).backbone).toBe("resnet18");
});

test.each([
  ["a folder that is not there", () => "/nowhere", "holds no weights"],
  [
    "a model that is not its manifest's",
    () => weightsFolder({ ...MANIFEST, sha256: "0".repeat(64) }),
    "fetch the file",
  ],
  ["a manifest without a licence", () => weightsFolder({ ...MANIFEST, licence: undefined }), "licence"],
  ["a folder named otherwise", () => weightsFolder(MANIFEST, "resnet50"), "name the folder after it"],
])("%s stores nothing", async (_, folder, said) => {
  const { objects } = memoryPorts({ environment: "dev" });
  await expect(storeWeights(objects, folder())).rejects.toThrow(said);
  for await (const { key } of objects.list("weights/")) expect.fail(`${key} was stored`);
});
