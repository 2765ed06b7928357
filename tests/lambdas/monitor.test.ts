/** The daily look at a live model: on both hosts the same workflow file, started by the host's clock. */
import { afterEach, expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { stages } from "../../lambdas/main.ts";
import { startMonitors } from "../../lambdas/monitor.ts";
import { runStage } from "../../lambdas/stage.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { acceptProposal, endProposal, relabelProposal } from "../../lambdas/store/monitor.ts";
import { updateRelease } from "../../lambdas/store/release.ts";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { laptopMachines } from "../../local/host.ts";
import { Schedules } from "../../local/schedules.ts";
import { engineWorkflows } from "../../local/workflows.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { evidenceOf } from "../fixtures/evidence.ts";

const DAY = 86_400_000;
const opened: Engine[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((engine) => engine.close()));
});

/** A live model whose sealed test had three cracks in ten; the engine runs the workflow files on the product's stages. */
async function world() {
  const clock = new VirtualClock(Date.UTC(2026, 4, 10, 12));
  const memory = memoryPorts();
  let engine: Engine | undefined;
  const ports = { ...memory, clock, workflows: engineWorkflows(() => engine as Engine) };
  engine = Engine.open({
    logPath: ":memory:",
    clock,
    machines: laptopMachines(),
    seed: 1,
    services: {
      invokeLambda: ({ functionName, payload }: { functionName: string; payload: unknown }) => {
        const stage = stages[functionName];
        if (stage === undefined) throw new Error(functionName);
        return runStage(stage, payload, ports);
      },
    } as never,
  });
  opened.push(engine);
  engine.resume();
  const agreement = Campaign.parse({
    name: "parts",
    classes: ["ok", "crack"],
    vendors: [{ id: "alder", name: "Alder", pricePerAnswer: 0.03 }],
  });
  await createCampaign(ports, agreement, "anna");
  const evidence = evidenceOf({ madeAt: "2026-05-01T00:00:00.000Z" });
  await writeDocument(ports.objects, objectKeys.evidence("parts", evidence.digest), evidence);
  const reference = Array.from({ length: 100 }, (_, i) => saidOf(i % 10 < 3 ? "crack" : "ok"));
  await writeDocument(ports.objects, evidence.evaluationKey.replace("evaluation.json", "reference.json"), reference);
  await updateRelease(ports, "parts", (record) => ({
    ...record,
    champion: {
      endpoint: "parts-1-aaaaaaaa",
      version: "aaaaaaaa",
      modelKey: evidence.modelKey,
      modelSha256: evidence.modelSha256,
      evidenceDigest: evidence.digest,
      cycle: 1,
      since: evidence.madeAt,
    },
  }));
  const settled = async () => {
    await engine?.whenIdle();
    return engine;
  };
  return { ports, memory, clock, settled, engine };
}
const saidOf = (label: string) => ({ label, abstained: false, noveltyDistance: null });

/** So many captured requests of one day; `crack` of ten are cracks. */
async function captured(ports: Awaited<ReturnType<typeof world>>["ports"], day: string, count: number, crack: number) {
  for (let i = 0; i < count; i += 1) {
    const key = objectKeys.capture("parts", day, i.toString(16).padStart(64, "0"));
    const said = { ...saidOf(i % 10 < crack ? "crack" : "ok"), confidence: 0.5 + i / 1000, version: "aaaaaaaa" };
    await ports.objects.put(`${key}.image`, Buffer.from([0xff, 0xd8, 0xff, i]), "any");
    await ports.objects.put(`${key}.json`, Buffer.from(JSON.stringify(said)), "any");
  }
}
const lookOf = async (w: Awaited<ReturnType<typeof world>>, day: string) => {
  await w.settled();
  return (await w.ports.workflows.describe("monitor", `parts-${day}`))?.output as { outcome: string } | undefined;
};

test("a steady day is looked at once, however often the clock says so, and proposes nothing", async () => {
  const w = await world();
  await captured(w.ports, "2026-05-09", 60, 3);
  expect(await startMonitors(w.ports)).toEqual({ campaigns: 1, started: 1 });
  await startMonitors(w.ports);
  expect(await lookOf(w, "2026-05-10")).toMatchObject({ outcome: "steady" });
  expect(await relabelProposal(w.ports, "parts")).toBeUndefined();
  expect(w.memory.notices()).toEqual([]);
});

test("drift opens one priced proposal, tells the data team once, and changes nothing by itself", async () => {
  const w = await world();
  await captured(w.ports, "2026-05-08", 60, 9);
  await startMonitors(w.ports);
  expect(await lookOf(w, "2026-05-10")).toMatchObject({ outcome: "drifting" });
  const proposal = await relabelProposal(w.ports, "parts");
  expect(proposal).toMatchObject({ status: "open", priceMicros: 60 * 30_000 });
  expect(proposal?.images[0]).toBe(`${objectKeys.capture("parts", "2026-05-08", "0".repeat(64))}.image`);
  // Another day of the same drift adds neither a second proposal nor a second notice.
  await runStage(stages["measure-drift"] as never, { campaign: "parts", day: "2026-05-11" }, w.ports);
  const next = objectKeys.driftReport("parts", "aaaaaaaa", "2026-05-11");
  await runStage(stages["propose-relabel"] as never, { campaign: "parts", reportKey: next }, w.ports);
  expect(await relabelProposal(w.ports, "parts")).toEqual(proposal);
  expect(w.memory.notices().map(({ audience }) => audience)).toEqual(["data-team"]);
  expect(await w.ports.workflows.describe("campaign", "parts-1")).toBeUndefined();
});

test("captures of another model, of today and of long ago are not this look's", async () => {
  const w = await world();
  for (const day of ["2026-05-10", "2026-05-02"]) await captured(w.ports, day, 60, 9);
  await startMonitors(w.ports);
  expect(await lookOf(w, "2026-05-10")).toMatchObject({ outcome: "too-few" });
});

test("a campaign without a live model is not looked at; a model of before references says so", async () => {
  const w = await world();
  await w.ports.objects.delete("campaigns/parts/evaluations/e/reference.json");
  await startMonitors(w.ports);
  expect(await lookOf(w, "2026-05-10")).toMatchObject({ outcome: "no-reference" });
  await updateRelease(w.ports, "parts", () => ({ history: [] }));
  expect(await startMonitors(w.ports)).toEqual({ campaigns: 1, started: 0 });
});

test("an accepted proposal is the next intake, once; a dismissed one is closed", async () => {
  const w = await world();
  await expect(acceptProposal(w.ports, "parts")).rejects.toThrow('nothing is proposed for "parts"');
  await captured(w.ports, "2026-05-08", 60, 9);
  await startMonitors(w.ports);
  await w.settled();
  const workflows = memoryPorts().workflows;
  const ports = { ...w.ports, workflows };
  const first = await acceptProposal(ports, "parts");
  expect(first).toMatchObject({ files: 60, cycle: 1 });
  expect(await acceptProposal(ports, "parts")).toEqual(first);
  expect(workflows.started().map(({ name }) => name)).toEqual(["parts-1"]);
  await expect(endProposal(w.ports, "parts", "dismissed")).rejects.toThrow("no proposal");
});

test("the laptop's clock starts what EventBridge starts on AWS, and remembers when", async () => {
  const w = await world();
  await captured(w.ports, "2026-05-10", 60, 3);
  const schedules = new Schedules(w.ports, ["monitor"]);
  expect(await schedules.runDue()).toEqual([]);
  w.clock.at(w.clock.now() + DAY, () => {});
  w.clock.advanceToNext();
  // Another process, opened a day later.
  expect(await new Schedules(w.ports, ["monitor"]).runDue()).toEqual(["monitor"]);
  expect(await new Schedules(w.ports, ["monitor"]).runDue()).toEqual([]);
  expect(await lookOf(w, "2026-05-11")).toMatchObject({ outcome: "steady" });
});
