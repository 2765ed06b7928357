/** A live model, a candidate where one is wanted, requests through the predict front, and people who label what was captured. */
import { memoryPorts } from "../../adapters/memory/index.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { sharedImagingPool } from "../../lambdas/imaging/pool.ts";
import { stages } from "../../lambdas/main.ts";
import { startMonitors } from "../../lambdas/monitor.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import { predict } from "../../lambdas/store/predict.ts";
import { type LiveModel, updateRelease } from "../../lambdas/store/release.ts";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { laptopMachines } from "../../local/host.ts";
import { SimulatedPeople } from "../../local/people/people.ts";
import type { Person } from "../../local/people/pool.ts";
import { furnish, pictures } from "../../local/rehearsal/scenery.ts";
import { engineTokens, engineWorkflows } from "../../local/workflows.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { evidenceOf } from "../fixtures/evidence.ts";
import { job, picture, sha256 } from "../ingest/pictures.ts";

const CLASSES = ["ok", "crack"];
const DAY = 86_400_000;
const WATCH = "the release waits";

/** Annotators and experts who are right so often. */
function pool(accuracy: number) {
  const person = (name: string, kind: Person["kind"], right: number): Person =>
    ({ name, kind, accuracy: right, seconds: kind === "expert" ? 30 : 6 }) as Person;
  return {
    annotators: (vendor: string) => [1, 2, 3].map((i) => person(`${vendor}-${i}`, "good", accuracy)),
    experts: [1, 2, 3].map((i) => person(`expert-${i}`, "expert", 0.99)),
  };
}

export async function auditWorld(change: Partial<CampaignInput> = {}, people: { accuracy?: number } = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 4, 10, 12));
  const memory = memoryPorts({ pageSize: 1000 });
  const told: unknown[] = [];
  let engine: Engine | undefined;
  const tokens = engineTokens(() => engine as Engine);
  const ports: Ports & { endpoints: typeof memory.endpoints } = {
    ...memory,
    clock,
    workflows: engineWorkflows(() => engine as Engine),
    tokens: {
      ...tokens,
      succeed: async (token, output) => (token === WATCH ? void told.push(output) : tokens.succeed(token, output)),
    },
  };
  engine = Engine.open({
    logPath: ":memory:",
    clock,
    machines: laptopMachines(),
    seed: 1,
    services: {
      invokeLambda: ({ functionName, payload }: { functionName: string; payload: unknown }) =>
        runStage(stages[functionName] as never, payload, ports),
    } as never,
  });
  const running = engine;
  running.resume();
  const agreement = Campaign.parse({
    name: "parts",
    classes: CLASSES,
    vendors: ["alder", "birch", "cedar"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 })),
    release: { candidateShare: 0.5, minimumRequests: 100, captureShare: 0.5 },
    ...change,
  });
  await furnish(ports, agreement, {
    pictures: pictures(8, CLASSES),
    split: (images) => ({ test: images.slice(0, 2), gold: [], pool: images.slice(2) }),
  });
  const evidence = evidenceOf({ madeAt: "2026-05-01T00:00:00.000Z" });
  await writeDocument(ports.objects, objectKeys.evidence("parts", evidence.digest), evidence);
  const model = (version: string): LiveModel => ({
    endpoint: `parts-1-${version}`,
    version,
    modelKey: evidence.modelKey,
    modelSha256: evidence.modelSha256,
    evidenceDigest: evidence.digest,
    cycle: 1,
    since: new Date(clock.now()).toISOString(),
  });
  const truths = new Map<string, string>();
  /** A server that is right on the given share of images, at once. */
  const serve = (version: string, accuracy: number) =>
    ports.endpoints.serve(`parts-1-${version}`, (body) => {
      const digest = sha256(body);
      const truth = truths.get(digest) as string;
      const right = Number.parseInt(digest.slice(-6), 16) / 2 ** 24 < accuracy;
      const label = right ? truth : (CLASSES.find((name) => name !== truth) as string);
      const said = { label, confidence: 0.9, abstained: false, noveltyDistance: null };
      return { status: 200, body: Buffer.from(JSON.stringify(said)) };
    });
  const seen = new Map<string, { id: string; label: string }>();
  const api = createApi({ ports, publicFiles: async () => undefined, origin: () => "http://127.0.0.1" });
  const crowd = new SimulatedPeople({
    request: async (request) => api.fetch(request),
    clock,
    seed: 1,
    campaign: "parts",
    vendors: agreement.vendors.map(({ id }) => id),
    classes: CLASSES,
    perceive: (bytes) => seen.get(sha256(bytes)),
    join: async (role, who) =>
      (await openSession(ports, await invite(ports, { campaign: "parts", role, ttlSeconds: 3600, ...who }))).session,
    pool: pool(people.accuracy ?? 0.98),
  });
  let shown = 0;
  return {
    ports,
    memory,
    clock,
    /** What the release was told. */
    told,
    async live(accuracy: number) {
      serve("old", accuracy);
      await updateRelease(ports, "parts", (record) => ({ ...record, champion: model("old") }));
    },
    async tried(accuracy: number) {
      serve("new", accuracy);
      const { release } = agreement;
      await updateRelease(ports, "parts", (record) => ({
        ...record,
        candidate: { ...model("new"), share: release.candidateShare },
      }));
      const order = { ...model("new"), endpointName: "parts-1-new", modelName: "m", configName: "c" };
      const { endpoint: _endpoint, cycle: _cycle, since: _since, ...rest } = order;
      const payload = { campaign: "parts", cycle: 1, release: rest, token: WATCH };
      await runStage(stages["watch-candidate"] as never, payload, ports);
    },
    /** Real requests of photos that nobody has sent before. */
    async requests(count: number) {
      for (let i = 0; i < count; i += 1) {
        shown += 1;
        const bytes = await picture(shown, { width: 64, height: 48 });
        truths.set(sha256(bytes), CLASSES[shown % 2] as string);
        await predict(ports, { campaign: "parts", body: bytes, contentType: "image/jpeg" });
      }
    },
    /** The day's look, begun a day later and run to its end; people see the copies that admission makes. */
    async look() {
      clock.at(clock.now() + DAY, () => {});
      clock.advanceToNext();
      for await (const { key } of ports.objects.list("campaigns/parts/captures/")) {
        const bytes = key.endsWith(".image") ? (await ports.objects.get(key))?.bytes : undefined;
        const digest = bytes && sha256(bytes);
        if (bytes === undefined || digest === undefined || seen.has(digest)) continue;
        const looked = await sharedImagingPool().inspect(job("captured", bytes));
        if (looked.verdict === "admitted")
          seen.set(sha256(looked.web), { id: digest, label: truths.get(digest) as string });
      }
      const day = new Date(clock.now()).toISOString().slice(0, 10);
      await startMonitors(ports);
      for (;;) {
        await running.whenIdle();
        const view = await ports.workflows.describe("monitor", `parts-${day}`);
        if (view?.status !== "RUNNING") return view;
        if ((await crowd.act()) > 0 || running.busy()) continue;
        const next = crowd.nextActionAt();
        const cancel = next === undefined ? () => {} : clock.at(next, () => {});
        const moved = clock.advanceToNext();
        cancel();
        if (!moved) throw new Error("nothing moves any more");
      }
    },
    close: () => running.close(),
  };
}
