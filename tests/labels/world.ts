import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLocalPorts } from "../../adapters/local/index.ts";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { stages } from "../../lambdas/main.ts";
import { type Ports, TokenGoneError } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import { sweep } from "../../lambdas/sweep.ts";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { type PeopleOptions, SimulatedPeople } from "../../local/people/people.ts";
import { furnish, labellingMachines, type Picture } from "../../local/rehearsal/scenery.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import type { CycleRecord, Split } from "../../schemas/state.ts";
import type { MachineName } from "../../workflow/definition.ts";

const START = Date.UTC(2026, 0, 5, 8);

export { pictures } from "../../local/rehearsal/scenery.ts";

/** What FreezeDataset hands on. */
export interface LabelOutput {
  dataset: { outcome: string; key: string; version: string; emptyClasses: number };
}

export interface LabelWorld {
  ports: Ports;
  clock: VirtualClock;
  agreement: Campaign;
  people: SimulatedPeople;
  splitKey: string;
  catalogueKey: string;
  request: (request: Request) => Promise<Response>;
  requests(): number;
  /** Runs the labelling part of the campaign's workflow file to its end; returns its output. Undefined when `until` said so first. */
  run(until?: () => boolean): Promise<LabelOutput | undefined>;
  cycle(): Promise<CycleRecord>;
  session(role: "annotator" | "expert" | "vendor", who: { subject: string; vendor?: string }): Promise<string>;
  close(): Promise<void>;
}

export interface LabelWorldOptions {
  pictures: readonly Picture[];
  agreement: Omit<CampaignInput, "name" | "vendors"> & { vendors?: CampaignInput["vendors"] };
  split?: (images: string[]) => Pick<Split, "test" | "gold" | "pool">;
  people?: Partial<PeopleOptions>;
  /** An embedding job's model.tar.gz over the pictures; without one no model has a say. */
  embeddings?: Uint8Array;
  /** A work folder that lives longer than this world; without one everything is in a folder of its own, or in memory. */
  folder?: string;
  world?: "folder" | "memory";
  /** The line goes dead after so many requests: whoever is in the middle of something stays there. */
  diesAfter?: number;
  /** Dies at this message to a waiting step, counted from 1: the facts are committed, the step was not told. */
  diesAtToken?: number;
  /** Other workflow files than today's. */
  definitions?: (machine: MachineName) => string;
  /** Where time goes on; a new world starts on a Monday morning. */
  now?: number;
}

/**
 * The product's own stages, workflow files and portal from PlanWave to FreezeDataset, over pictures that need no decoding;
 * people are simulated and time jumps.
 */
export async function labelWorld(options: LabelWorldOptions): Promise<LabelWorld> {
  const kept = options.folder !== undefined;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "countersign-labels-")));
  const agreement = Campaign.parse({
    name: "camp",
    vendors: [
      { id: "acme", name: "Acme", pricePerAnswer: 0.03 },
      { id: "bolt", name: "Bolt", pricePerAnswer: 0.03 },
    ],
    ...options.agreement,
  });
  const clock = new VirtualClock(options.now ?? START);
  let engine: Engine | undefined;
  let told = 0;
  let died = () => {};
  const death = new Promise<never>((_, reject) => {
    died = () => reject(new Error("the line is dead"));
  });
  death.catch(() => {});
  const ask = async (call: () => void) => {
    try {
      call();
    } catch (error) {
      if (["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"].includes((error as Error).name))
        throw new TokenGoneError((error as Error).message);
      throw error;
    }
  };
  const arn = (machine: string, name: string) => `arn:aws:states:local:000000000000:execution:${machine}:${name}`;
  const edges = {
    clock,
    tokens: {
      succeed: (token: string, output: unknown) => {
        told += 1;
        if (told < (options.diesAtToken ?? Number.POSITIVE_INFINITY))
          return ask(() => engine?.sendTaskSuccess(token, JSON.stringify(output)));
        // A dead process throws nothing: whoever called just never hears again.
        died();
        return new Promise<void>(() => {});
      },
      fail: (token: string, error: string, cause: string) => ask(() => engine?.sendTaskFailure(token, error, cause)),
      heartbeat: (token: string) => ask(() => engine?.sendTaskHeartbeat(token)),
    },
    workflows: {
      async start(machine: string, name: string, input: unknown) {
        if (machine === "lot" && engine?.describe(arn(machine, name)) === undefined)
          engine?.start({ machine, name, input });
      },
      async stop() {},
      async describe() {
        return undefined;
      },
      async history() {
        return [];
      },
    },
    endpoints: { invoke: async () => ({ status: 503, body: new Uint8Array() }) },
  };
  const local = options.world === "memory" ? undefined : await openLocalPorts({ folder, ...edges });
  const ports: Ports = local ?? { ...memoryPorts({ pageSize: 1000 }), ...edges };

  const { splitKey, catalogueKey } = await furnish(ports, agreement, {
    pictures: options.pictures,
    split: options.split ?? defaultSplit,
    embeddings: options.embeddings,
  });
  const api = createApi({ ports, publicFiles: async () => undefined, origin: () => "http://127.0.0.1" });
  let requests = 0;
  const request = async (one: Request) => {
    requests += 1;
    if (requests > (options.diesAfter ?? Number.POSITIVE_INFINITY)) throw new Error("the line is dead");
    return api.fetch(one);
  };
  const known = new Map(options.pictures.map((picture) => [picture.sha256, picture]));
  const join_ = async (role: "annotator" | "expert" | "vendor", who: { subject: string; vendor?: string }) =>
    (await openSession(ports, await invite(ports, { campaign: agreement.name, role, ttlSeconds: 3600, ...who })))
      .session;
  const people = new SimulatedPeople({
    request,
    clock,
    seed: agreement.seed,
    campaign: agreement.name,
    vendors: agreement.vendors.map(({ id }) => id),
    classes: agreement.classes,
    perceive: (bytes) => {
      const picture = known.get(Buffer.from(bytes).toString("utf8"));
      return picture === undefined ? undefined : { label: picture.label, id: picture.sha256 };
    },
    join: join_,
    ...options.people,
  });
  engine = Engine.open({
    logPath: options.world === "memory" ? ":memory:" : join(folder, "engine.db"),
    clock,
    machines: labellingMachines(agreement.name, splitKey, catalogueKey, options.definitions),
    services: {
      invokeLambda: ({ functionName, payload }) => runStage(stages[functionName] as never, payload, ports),
      sageMaker: async () => undefined,
      sdk: async () => undefined,
      readObject: async (_, key) => (await ports.objects.get(key))?.bytes ?? new Uint8Array(),
      async *listObjects() {},
      writeObject: async () => {},
    },
    seed: 1,
  });
  const running = engine;
  const execution = arn("labelling", "one");
  return {
    ports,
    clock,
    agreement,
    people,
    splitKey,
    catalogueKey,
    request,
    requests: () => requests,
    session: join_,
    async run(until = () => false) {
      if (running.describe(execution) === undefined) running.start({ machine: "labelling", name: "one", input: {} });
      running.resume();
      await Promise.race([sweep(ports), death]);
      for (;;) {
        await Promise.race([running.whenIdle(), death]);
        const seen = running.describe(execution);
        if (seen?.status === "SUCCEEDED") return seen.output as LabelOutput;
        if (seen?.status !== "RUNNING") throw new Error(`labelling ${seen?.status}: ${seen?.error} ${seen?.cause}`);
        if (until()) return undefined;
        if ((await Promise.race([people.act(), death])) > 0 || running.busy()) continue;
        const next = people.nextActionAt();
        const cancel = next === undefined ? () => {} : clock.at(next, () => {});
        const moved = clock.advanceToNext();
        cancel();
        if (!moved) throw new Error("nothing moves any more");
      }
    },
    async cycle() {
      const found = await ports.records.get<CycleRecord>(recordKeys.cycle(agreement.name, 1));
      return found?.body as CycleRecord;
    },
    async close() {
      await running.close();
      local?.close();
      if (!kept) await rm(folder, { recursive: true, force: true });
    },
  };
}

function defaultSplit(images: string[]): Pick<Split, "test" | "gold" | "pool"> {
  const test = images.filter((_, i) => i % 7 === 3);
  const gold = images.filter((_, i) => i % 26 === 5 && i % 7 !== 3);
  const taken = new Set([...test, ...gold]);
  return { test, gold, pool: images.filter((image) => !taken.has(image)) };
}
