import { sqliteRecords } from "../../adapters/local/records.ts";
import { memoryObjects } from "../../adapters/memory/objects.ts";
import { memorySealer } from "../../adapters/memory/sealer.ts";
import { drawTestSet } from "../../domain/split/draw.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { stages } from "../../lambdas/main.ts";
import { type Ports, TokenGoneError } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { readCycle } from "../../lambdas/store/campaigns.ts";
import { readDocument } from "../../lambdas/store/documents.ts";
import { expertFindings } from "../../lambdas/store/expert-findings.ts";
import { goldDecision } from "../../lambdas/store/gold-draw.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { totals } from "../../lambdas/store/ledger.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { DatasetVersion, TestTruth } from "../../schemas/dataset.ts";
import { LotPlan } from "../../schemas/lot.ts";
import type { ReviewKind } from "../../schemas/review.ts";
import { WavePlan } from "../../schemas/wave.ts";
import { VirtualClock } from "../clock.ts";
import { Engine } from "../engine/engine.ts";
import { SimulatedPeople, type Tempo } from "../people/people.ts";
import type { Pool } from "../people/pool.ts";
import { furnish, labellingMachines, type Picture, pictures } from "./scenery.ts";

/** How one rehearsal of a campaign's labelling went. */
export interface Rehearsal {
  /** In the agreement's currency. */
  cost: number;
  /** The same by who is paid for what. */
  costOf: { answers: number; experts: number };
  seed: number;
  /** Bought answers per image of the pool, and how many images that is. */
  answersPerImage: number;
  poolImages: number;
  /** Share of right labels in the frozen dataset; 0 where nothing was frozen. */
  accuracy: number;
  /** Images that got a label, of those outside the test set. */
  labelled: number;
  days: number;
  waves: number;
  overBudget: boolean;
  /** What was frozen, and the sealed truth of the test set. */
  dataset: DatasetVersion;
  truth: TestTruth;
  /** What experts were paid for, by why they were first asked. */
  expertAnswers: Record<ReviewKind, number>;
  /** Every lot that was planned: its items, and how many of them are gold. */
  lots: { wave: number; vendor: string; items: number; gold: number }[];
}

const MONDAY = Date.UTC(2026, 0, 5, 8);
const DAY = 86_400_000;

/**
 * Plays a campaign's labelling once before anybody is hired: the product's own workflow files, stages and portal, with
 * simulated people, in memory, in virtual time. Deterministic for a seed.
 */
export async function rehearse(
  agreement: Campaign,
  options: {
    /** Real ones with their features, or so many made up. */
    images: number | { pictures: readonly Picture[]; embeddings?: Uint8Array };
    seed: number;
    pool?: Pool;
    tempo?: (vendor: string) => Tempo;
  },
): Promise<Rehearsal> {
  const played: Campaign = { ...agreement, seed: options.seed };
  const { images } = options;
  const shown =
    typeof images === "number" ? pictures(images, played.classes, options.seed * images) : [...images.pictures];
  const { testShare } = played.training;
  const { share: goldShare } = goldDecision(played, shown.length);
  const stageSet = await openStage(played, shown, options);
  try {
    const draw = drawTestSet(
      shown.map(({ sha256 }) => ({ sha256, group: sha256 })),
      { testShare, goldShare, seed: played.seed },
    );
    const { ports, clock, play } = await stageSet.furnished(draw);
    const output = await play();
    const money = await totals(ports, played.name);
    const { counts } = await readCycle(ports, played.name, 1);
    const dataset = await readDocument(ports.objects, output.dataset.key, DatasetVersion);
    const truth = new Map(shown.map(({ sha256, label }) => [sha256, label]));
    const right = dataset.items.filter(({ sha256, label }) => truth.get(sha256) === label).length;
    const amount = (kind: string) => (money.byKind[kind]?.amountMicros ?? 0) / 1e6;
    return {
      cost: money.spentMicros / 1e6,
      costOf: { answers: amount("answer-accepted"), experts: amount("expert-answer") },
      seed: options.seed,
      answersPerImage: counts.perImage ?? 0,
      poolImages: draw.pool.length,
      accuracy: dataset.items.length === 0 ? 0 : right / dataset.items.length,
      labelled: dataset.items.length / Math.max(1, draw.pool.length + draw.gold.length),
      days: (clock.now() - MONDAY) / DAY,
      waves: (counts.wave ?? -1) + 1,
      overBudget: counts.overBudget === 1,
      dataset,
      truth: await readDocument(ports.objects, objectKeys.sealedTruth(played.name, dataset.testSha256), TestTruth),
      expertAnswers: await expertAnswersOf(ports, played),
      lots: await lotsOf(ports, played.name, (counts.wave ?? -1) + 1),
    };
  } finally {
    await stageSet.close();
  }
}

async function expertAnswersOf(ports: Ports, agreement: Campaign): Promise<Record<ReviewKind, number>> {
  const counts: Record<ReviewKind, number> = { inspection: 0, gold: 0, test: 0, queue: 0, audit: 0, production: 0 };
  for (const { kind, answers } of (await expertFindings(ports, agreement.name, agreement)).values())
    counts[kind] += answers.length;
  return counts;
}

async function lotsOf(ports: Ports, campaign: string, waves: number): Promise<Rehearsal["lots"]> {
  const lots: Rehearsal["lots"] = [];
  for (let wave = 0; wave < waves; wave += 1) {
    const plan = await readDocument(ports.objects, objectKeys.wave(campaign, 1, wave), WavePlan);
    for (const name of plan.lots) {
      const { vendor, items } = await readDocument(ports.objects, objectKeys.lotPlan(campaign, name), LotPlan);
      lots.push({ wave, vendor, items: items.length, gold: items.filter(({ purpose }) => purpose === "gold").length });
    }
  }
  return lots;
}

interface Output {
  dataset: { key: string };
}

async function openStage(
  agreement: Campaign,
  shown: ReturnType<typeof pictures>,
  options: Parameters<typeof rehearse>[1],
) {
  const clock = new VirtualClock(MONDAY);
  const records = sqliteRecords(":memory:");
  let engine: Engine | undefined;
  const ask = async (call: () => void) => {
    try {
      call();
    } catch (error) {
      if (!["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"].includes((error as Error).name)) throw error;
      throw new TokenGoneError((error as Error).message);
    }
  };
  const arn = (machine: string, name: string) => `arn:aws:states:local:000000000000:execution:${machine}:${name}`;
  const ports: Ports = {
    environment: "laptop",
    objects: memoryObjects({ before: async () => {} }),
    records,
    sealer: memorySealer(options.seed),
    notifier: { notify: async () => {} },
    clock,
    tokens: {
      succeed: (token, output) => ask(() => engine?.sendTaskSuccess(token, JSON.stringify(output))),
      fail: (token, error, cause) => ask(() => engine?.sendTaskFailure(token, error, cause)),
      heartbeat: (token) => ask(() => engine?.sendTaskHeartbeat(token)),
    },
    workflows: {
      async start(machine, name, input) {
        if (machine === "lot" && engine?.describe(arn(machine, name)) === undefined)
          engine?.start({ machine, name, input });
      },
      stop: async () => {},
      describe: async () => undefined,
      history: async () => [],
    },
    endpoints: { invoke: async () => ({ status: 503, body: new Uint8Array() }) },
  };
  const api = createApi({ ports, publicFiles: async () => undefined, origin: () => "http://127.0.0.1" });
  const seen = new Map(shown.map(({ sha256, ...picture }) => [sha256, { ...picture, id: sha256 }]));
  const people = new SimulatedPeople({
    request: (request) => api.fetch(request),
    clock,
    seed: options.seed,
    campaign: agreement.name,
    vendors: agreement.vendors.map(({ id }) => id),
    classes: agreement.classes,
    perceive: (bytes) => seen.get(Buffer.from(bytes).toString("utf8")),
    join: async (role, who) =>
      (await openSession(ports, await invite(ports, { campaign: agreement.name, role, ttlSeconds: 3600, ...who })))
        .session,
    ...(options.pool === undefined ? {} : { pool: options.pool }),
    ...(options.tempo === undefined ? {} : { tempo: options.tempo }),
  });

  return {
    async furnished(draw: ReturnType<typeof drawTestSet>) {
      const { splitKey, catalogueKey } = await furnish(ports, agreement, {
        pictures: shown,
        split: () => draw,
        ...(typeof options.images === "number" ? {} : { embeddings: options.images.embeddings }),
      });
      const opened = Engine.open({
        logPath: ":memory:",
        clock,
        machines: labellingMachines(agreement.name, splitKey, catalogueKey),
        services: {
          invokeLambda: ({ functionName, payload }) => runStage(stages[functionName] as never, payload, ports),
          sageMaker: async () => undefined,
          sdk: async () => undefined,
          readObject: async (_, key) => (await ports.objects.get(key))?.bytes ?? new Uint8Array(),
          async *listObjects() {},
          writeObject: async () => {},
        },
        seed: options.seed,
      });
      engine = opened;
      return { ports, clock, play: () => playToEnd(opened, people, clock, arn("labelling", "rehearsal")) };
    },
    async close() {
      await engine?.close();
      records.close();
    },
  };
}

/** Machines until they rest, then people, then time, until the labelling has ended. */
async function playToEnd(
  engine: Engine,
  people: SimulatedPeople,
  clock: VirtualClock,
  execution: string,
): Promise<Output> {
  engine.start({ machine: "labelling", name: "rehearsal", input: {} });
  engine.resume();
  for (;;) {
    await engine.whenIdle();
    const seen = engine.describe(execution);
    if (seen?.status === "SUCCEEDED") return seen.output as Output;
    if (seen?.status !== "RUNNING")
      throw new Error(`the rehearsal ended ${seen?.status}: ${seen?.error}: ${seen?.cause}`);
    if ((await people.act()) > 0 || engine.busy()) continue;
    const next = people.nextActionAt();
    const cancel = next === undefined ? () => {} : clock.at(next, () => {});
    const moved = clock.advanceToNext();
    cancel();
    if (!moved) throw new Error("the rehearsal stands still: nobody has anything to do");
  }
}
