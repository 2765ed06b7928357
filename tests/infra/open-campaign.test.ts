/** What makes a deployed environment usable: a campaign in its records, and a link for its first person. */
import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { openCampaign } from "../../infra/open-campaign.ts";
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
