import { beforeEach, expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { amendCampaign, closeCycle, createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { setStatus } from "../../lambdas/store/status.ts";
import { takeUpAgain } from "../../lambdas/store/take-up.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { picture } from "./pictures.ts";
import { admitCycle, catalogueCycle, incoming, ingestWorld } from "./world.ts";

const agreement = Campaign.parse({
  name: "parts",
  classes: ["good", "bad"],
  budget: 10,
  vendors: [{ id: "v", name: "V", pricePerAnswer: 0.01 }],
});
let ports: ReturnType<typeof memoryPorts>;
beforeEach(async () => {
  ports = memoryPorts();
  await createCampaign(ports, agreement, "me");
});
const end = (cycle: number, outcome: "failed" | "live" | "not-enough-data") =>
  closeCycle(ports, "parts", cycle, outcome, outcome === "failed" ? { error: "E", cause: "c" } : undefined);
const openNow = async () => {
  const { head } = await readCampaign(ports, "parts");
  if (head.openCycle === null) return undefined;
  const { intake, agreementKey } = await readCycle(ports, "parts", head.openCycle);
  return { cycle: head.openCycle, intake, agreementKey, queue: head.queue };
};

test("after a failed cycle one call goes on with its photos, and a second call changes nothing", async () => {
  await enqueueIntake(ports, "parts", "a");
  await end(1, "failed");
  expect(await takeUpAgain(ports, "parts")).toEqual({ intakes: ["a"], cycle: 2 });
  expect(await takeUpAgain(ports, "parts")).toEqual({ intakes: [], cycle: 2 });
  expect(await openNow()).toMatchObject({ cycle: 2, intake: "a", queue: [] });
});

test("photos of failed cycles are not forgotten when other photos went well meanwhile", async () => {
  for (const intake of ["a", "b", "c"]) await enqueueIntake(ports, "parts", intake);
  await end(1, "failed");
  await end(2, "failed");
  await end(3, "live");
  expect(await takeUpAgain(ports, "parts")).toEqual({ intakes: ["a", "b"], cycle: 4 });
  expect(await openNow()).toMatchObject({ intake: "a", queue: ["b"] });
  await end(4, "live");
  await end(5, "live");
  // Nothing is left behind: the last photos once more.
  expect(await takeUpAgain(ports, "parts")).toEqual({ intakes: ["b"], cycle: 6 });
});

test("a raised budget is in force for the same photos", async () => {
  await enqueueIntake(ports, "parts", "a");
  const before = (await openNow())?.agreementKey;
  await end(1, "not-enough-data");
  await amendCampaign(ports, { ...agreement, budget: 50 });
  expect((await takeUpAgain(ports, "parts")).intakes).toEqual(["a"]);
  expect((await openNow())?.agreementKey).not.toBe(before);
});

test("paused it waits, cancelled or without photos it says why not", async () => {
  await expect(takeUpAgain(ports, "parts")).rejects.toThrow("has had no photos yet; add a folder");
  await enqueueIntake(ports, "parts", "a");
  await end(1, "failed");
  await setStatus(ports, "parts", "paused");
  expect(await takeUpAgain(ports, "parts")).toEqual({ intakes: ["a"], cycle: null });
  await setStatus(ports, "parts", "cancelled");
  await expect(takeUpAgain(ports, "parts")).rejects.toThrow('campaign "parts" is cancelled');
});

test("known photos are worked on where a cycle takes them up again, and not where they merely come twice", async () => {
  const world = await ingestWorld();
  const files = [incoming("1.jpg", await picture(1)), incoming("2.jpg", await picture(2))];
  const inHand = async (cycle: number, some: typeof files) => {
    const { manifestKey } = await admitCycle(world, cycle, some);
    return (await catalogueCycle(world, cycle, manifestKey)).catalogue;
  };
  expect(await inHand(1, files)).toMatchObject({ admitted: 2, inHand: 2 });
  expect(await inHand(2, files.slice(0, 1))).toMatchObject({ admitted: 0, duplicates: 1, inHand: 0 });
  expect(await inHand(3, files)).toMatchObject({ admitted: 0, duplicates: 2, inHand: 2 });
});
