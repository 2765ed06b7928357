import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLocalPorts } from "../../adapters/local/index.ts";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { stages } from "../../lambdas/main.ts";
import { type Ports, TokenGoneError } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { digestOf, sha256Hex, writeAddressed } from "../../lambdas/store/documents.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import { sweep } from "../../lambdas/sweep.ts";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { type PeopleOptions, SimulatedPeople } from "../../local/people/people.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import type { Catalogue } from "../../schemas/catalogue.ts";
import type { CycleRecord, Split } from "../../schemas/state.ts";
import { definitionText, stageName, stagePlaceholders } from "../../workflow/definition.ts";

const START = Date.UTC(2026, 0, 5, 8);

export interface Picture {
  sha256: string;
  label: string;
}

/** Pictures whose bytes say what they show; the class follows from the number. */
export function pictures(count: number, classes: readonly string[], from = 0): Picture[] {
  return Array.from({ length: count }, (_, i) => {
    const label = classes[(from + i) % classes.length] as string;
    return { sha256: sha256Hex(`picture ${from + i} of ${label}`), label };
  });
}

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
  /** A work folder that lives longer than this world; without one everything is in a folder of its own, or in memory. */
  folder?: string;
  world?: "folder" | "memory";
  /** The line goes dead after so many requests: whoever is in the middle of something stays there. */
  diesAfter?: number;
  /** Dies at this message to a waiting step, counted from 1: the facts are committed, the step was not told. */
  diesAtToken?: number;
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

  const { splitKey, catalogueKey } = await furnish(ports, agreement, options);
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
    machines: {
      labelling: labellingMachine(agreement.name, splitKey, catalogueKey),
      lot: JSON.parse(filled(definitionText("lot"))),
    },
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

/** Campaign, open cycle, catalogue and split, as the stages before PlanWave leave them. Fine to call again. */
async function furnish(
  ports: Ports,
  agreement: Campaign,
  options: LabelWorldOptions,
): Promise<{ splitKey: string; catalogueKey: string }> {
  const campaign = agreement.name;
  const entries: Catalogue["entries"] = [];
  const pieces: Buffer[] = [];
  let offset = 0;
  const pack = objectKeys.pack(campaign, sha256Hex("pack"));
  for (const { sha256, label } of options.pictures) {
    const bytes = Buffer.from(sha256);
    pieces.push(bytes);
    const place = { key: pack, offset, bytes: bytes.length };
    offset += bytes.length;
    const facts = {
      width: 9,
      height: 9,
      type: "png" as const,
      bytes: 9,
      brightness: 0,
      contrast: 0,
      entropy: 0,
      blur: 0,
      grayscale: false,
      dHash: "0".repeat(16),
      pHash: "0".repeat(16),
    };
    entries.push({
      sha256,
      findings: [],
      names: [`${label}/${sha256}.png`],
      facts,
      web: place,
      thumbnail: place,
      group: sha256,
      cycle: 1,
    });
  }
  if ((await ports.objects.head(pack)) === undefined) await ports.objects.put(pack, Buffer.concat(pieces), "any");
  const count = entries.length;
  const catalogue: Catalogue = {
    campaign,
    cycle: 1,
    counts: { files: count, admitted: count, quarantined: 0, duplicates: 0, known: 0 },
    entries,
    quarantined: [],
    shards: [],
  };
  const images = options.pictures.map(({ sha256 }) => sha256).sort();
  const parts = options.split?.(images) ?? defaultSplit(images);
  const split: Split = {
    campaign,
    cycle: 1,
    classes: agreement.classes,
    ...parts,
    withheld: [],
    groups: Object.fromEntries(images.map((image) => [image, image])),
  };
  const { key: catalogueKey } = await writeAddressed(
    ports.objects,
    (d) => objectKeys.catalogue(campaign, d),
    catalogue,
  );
  const { key: splitKey } = await writeAddressed(ports.objects, (d) => objectKeys.split(campaign, d), split);
  if ((await ports.records.get(recordKeys.campaign(campaign))) === undefined) {
    await createCampaign(ports, agreement, "data-team");
    const record: CycleRecord = {
      campaign,
      cycle: 1,
      intake: "first",
      agreementKey: objectKeys.agreement(campaign, digestOf(agreement)),
      outcome: "open",
      openedAt: new Date(ports.clock.now()).toISOString(),
      refs: { catalogue: catalogueKey, split: splitKey },
      counts: {},
    };
    await ports.records.put(recordKeys.cycle(campaign, 1), record, "absent");
    const head = await ports.records.get<Record<string, unknown>>(recordKeys.campaign(campaign));
    await ports.records.put(recordKeys.campaign(campaign), { ...head?.body, cycles: 1, openCycle: 1 }, "any");
  }
  return { splitKey, catalogueKey };
}

function defaultSplit(images: string[]): Pick<Split, "test" | "gold" | "pool"> {
  const test = images.filter((_, i) => i % 7 === 3);
  const gold = images.filter((_, i) => i % 26 === 5 && i % 7 !== 3);
  const taken = new Set([...test, ...gold]);
  return { test, gold, pool: images.filter((image) => !taken.has(image)) };
}

/** The states from PlanWave to FreezeDataset of campaign.asl.json, as they stand there, between a start and an end of ours. */
function labellingMachine(campaign: string, splitKey: string, catalogueKey: string): unknown {
  const whole = JSON.parse(filled(definitionText("campaign"))) as { States: Record<string, Record<string, unknown>> };
  const kept = ["PlanWave", "WhatToBuy", "LabelWave", "ConsultExperts", "SettleWave", "FreezeDataset"];
  const states = Object.fromEntries(kept.map((name) => [name, { ...whole.States[name] }]));
  for (const state of Object.values(states)) {
    const catches = state.Catch as { Next: string }[] | undefined;
    if (catches !== undefined) state.Catch = catches.filter(({ Next }) => Next !== "RecordFailure");
    if ((state.Catch as unknown[] | undefined)?.length === 0) delete state.Catch;
  }
  const freeze = states.FreezeDataset as Record<string, unknown>;
  delete freeze.Next;
  delete freeze.Assign;
  states.FreezeDataset = { ...freeze, Output: "{% $states.result.Payload %}", End: true };
  const Assign = {
    cycle: { campaign, cycle: 1 },
    split: { key: splitKey },
    catalogue: { key: catalogueKey },
    embeddingsKey: "campaigns/camp/embeddings/none",
    embedding: { backbone: "descriptor" },
  };
  return {
    QueryLanguage: "JSONata",
    StartAt: "Begin",
    States: { Begin: { Type: "Pass", Assign, Next: "PlanWave" }, ...states },
  };
}

function filled(text: string): string {
  const names = new Map(stagePlaceholders(text).map((name) => [name, stageName(name)]));
  return text.replaceAll(/\$\{([A-Za-z0-9_]+)\}/g, (_, name: string) => names.get(name) ?? name);
}
