import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type LocalPorts, openLocalPorts } from "../adapters/local/index.ts";
import { createApi } from "../lambdas/api/app.ts";
import { stages } from "../lambdas/main.ts";
import type { Notice } from "../lambdas/ports.ts";
import { BadInputError } from "../lambdas/stage.ts";
import { pendingApproval } from "../lambdas/store/approvals.ts";
import { readCampaign } from "../lambdas/store/campaigns.ts";
import { pendingDataReview } from "../lambdas/store/data-reviews.ts";
import { sha256Hex } from "../lambdas/store/documents.ts";
import { invite, openSession } from "../lambdas/store/members.ts";
import { releaseState } from "../lambdas/store/release.ts";
import { sweep } from "../lambdas/sweep.ts";
import type { Campaign } from "../schemas/campaign.ts";
import type { CampaignHead } from "../schemas/state.ts";
import {
  definitionText,
  fillDefinition,
  MACHINES,
  placeholders,
  stageName,
  stagePlaceholders,
} from "../workflow/definition.ts";
import { Alarms } from "./alarms.ts";
import type { Clock } from "./clock.ts";
import { commands } from "./commands.ts";
import { Engine } from "./engine/engine.ts";
import { formatFaults, parseFaults, withFaults } from "./engine/faults.ts";
import type { EngineServices } from "./engine/services.ts";
import { Eyes } from "./eyes.ts";
import { findPython } from "./jobs/python.ts";
import { JobRunner } from "./jobs/runner.ts";
import { publicFiles } from "./pages.ts";
import { hiredFor } from "./people/hired.ts";
import { type PeopleOptions, SimulatedPeople } from "./people/people.ts";
import { Schedules } from "./schedules.ts";
import { type Listening, listen } from "./server.ts";
import { LOCAL_BUCKET, laptopServices } from "./services.ts";
import { TimeKeeper } from "./time-keeper.ts";
import { takeWorkFolder } from "./work-folder.ts";
import { engineTokens, engineWorkflows } from "./workflows.ts";

/** How a campaign is run on this laptop: who answers, and in which time. Kept with the campaign, so that a restart knows. */
export const LocalCampaign = z.strictObject({
  people: z.enum(["simulated", "portal"]),
});
export type LocalCampaign = z.infer<typeof LocalCampaign>;
const localCampaignKey = (campaign: string) => ({ pk: "laptop", sk: campaign });

export interface Progress {
  step: string;
  done?: number;
  total?: number;
}

export interface HostOptions {
  work: string;
  /** Real people need real time; simulated ones get a clock that jumps. A folder keeps its kind of time. */
  time: "real" | "virtual";
  /** 127.0.0.1 unless told otherwise. */
  bind?: string;
  /** A free port by default. */
  port?: number;
  python?: string;
  onProgress?: (progress: Progress) => void;
  /** A stage threw an error: its name and the error, before the workflow decides what to do with it. */
  onTrouble?: (stage: string, error: Error) => void;
  /** Hears what people are told: over budget, a class without images, a model that waits. */
  onNotice?: (notice: Notice) => void;
  quotaBytes?: number;
  /**
   * Faults to inject, such as `crash-after@17,throttle@3` or `seed:7:20`: for trying what a crash or a busy world does.
   * Each happens once in the folder: opened again with the same schedule, the host goes on with the rest.
   */
  faults?: string;
  /** Who the simulated people are and how they work, where the default pool and tempo are not what is wanted. */
  people?: Pick<PeopleOptions, "pool" | "tempo">;
  /** Leave what is unfinished alone: for a small command in a folder where no host runs. */
  idle?: boolean;
}

/** The laptop host: the engine on the workflow files, the stages, the job runner, the portal, and time. */
export class Host {
  readonly ports: LocalPorts;
  readonly engine: Engine;
  readonly jobs: JobRunner;
  readonly clock: Clock;
  readonly work: string;
  readonly #time: TimeKeeper;
  readonly #schedules: Schedules;
  readonly #cast: Pick<PeopleOptions, "pool" | "tempo" | "moves">;
  readonly #people = new Map<string, { people: SimulatedPeople; eyes: Eyes }>();
  readonly #api: { fetch(request: Request): Promise<Response> };
  readonly #release: () => void;
  readonly onProgress: (progress: Progress) => void;
  #listening: Listening | undefined;
  #closed = false;
  #stopping = false;

  private constructor(parts: {
    work: string;
    ports: LocalPorts;
    engine: Engine;
    jobs: JobRunner;
    clock: Clock;
    time: TimeKeeper;
    cast: Pick<PeopleOptions, "pool" | "tempo" | "moves">;
    release: () => void;
    onProgress: (progress: Progress) => void;
  }) {
    this.work = parts.work;
    this.ports = parts.ports;
    this.engine = parts.engine;
    this.jobs = parts.jobs;
    this.clock = parts.clock;
    this.#time = parts.time;
    // In virtual time nothing that waits is forgotten but by a crash, after which all is swept.
    this.#schedules = new Schedules(parts.ports, parts.time.kind === "virtual" ? ["watch", "monitor"] : undefined);
    this.#cast = parts.cast;
    this.#release = parts.release;
    this.onProgress = parts.onProgress;
    this.#api = createApi({ ports: this.ports, publicFiles, origin: () => this.#listening?.url ?? "http://127.0.0.1" });
  }

  /** Opens a work folder and starts everything that it left unfinished. Throws WorkFolderBusyError. */
  static async open(options: HostOptions): Promise<Host> {
    const folder = takeWorkFolder(options.work);
    try {
      const time = new TimeKeeper(options.work, options.time);
      const { clock } = time;
      const onProgress = options.onProgress ?? (() => {});
      let engine: Engine | undefined;
      let jobs: JobRunner | undefined;
      let alarms: Alarms | undefined;
      const ports = await openLocalPorts({
        folder: options.work,
        clock,
        tokens: engineTokens(() => engine as Engine),
        workflows: engineWorkflows(() => engine as Engine),
        endpoints: {
          invoke: (name, body, type) =>
            watched(alarms as Alarms, name, () => (jobs as JobRunner).invokeEndpoint(name, body, type)),
        },
        ...(options.quotaBytes === undefined ? {} : { quotaBytes: options.quotaBytes }),
        ...(options.onNotice === undefined ? {} : { onNotice: options.onNotice }),
      });
      alarms = new Alarms(ports);
      jobs = new JobRunner({
        root: join(options.work, "jobs"),
        objects: {
          read: async (key) => (await ports.objects.get(key))?.bytes,
          async *list(prefix) {
            for await (const { key } of ports.objects.list(prefix)) yield key;
          },
          write: async (key, bytes) => void (await ports.objects.put(key, bytes, "any")),
          path: (key) => ports.path(key),
        },
        bucket: LOCAL_BUCKET,
        get python() {
          return options.python ?? findPython();
        },
        hold: (reason) => time.hold(reason),
        onProgress: (event) => onProgress(event as Progress),
      });
      const moved = { stages: 0 };
      const lines = (line: Record<string, unknown>) => {
        moved.stages += 1;
        onProgress({ step: String(line.stage) });
      };
      const services = laptopServices({
        ports,
        jobs,
        alarms,
        stages,
        log: lines,
        onTrouble: options.onTrouble ?? (() => {}),
      });
      const faulty = options.faults === undefined ? { services } : faultsOf(options.work, options.faults, services);
      const logPath = join(options.work, "engine.db");
      engine = Engine.open({ logPath, clock, machines: laptopMachines(), seed: 1, ...faulty });
      const host = new Host({
        work: options.work,
        ports,
        engine,
        jobs,
        clock,
        time,
        cast: { moves: () => moved.stages, ...options.people },
        release: folder.release,
        onProgress,
      });
      host.#listening = await listen({
        // What somebody has begun to say is heard before time goes on, or a deadline would pass between fact and message.
        fetch: (request) => time.during("a request", () => host.#api.fetch(request)),
        command: (name, args) => time.during(`the command ${name}`, () => runCommand(host, name, args)),
        bind: options.bind ?? "127.0.0.1",
        port: options.port ?? 0,
        remembered: folder.lastPort(),
        announce: folder.announce,
      });
      if (options.idle !== true) await host.#resume();
      return host;
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  /** Where the portal is. */
  get url(): string {
    return this.#listening?.url ?? "";
  }

  /** A request to the portal, as simulated people and tests make it. */
  request = (request: Request): Promise<Response> => this.#api.fetch(request);

  /** Says who works for a campaign; with simulated people, lets them in. */
  async staff(campaign: string, local: LocalCampaign): Promise<void> {
    await this.ports.records.put(localCampaignKey(campaign), local, "any");
    await this.#staffed(campaign, local);
  }

  /** Lets time and simulated people go on until `done` says so. Real time just passes. */
  async runUntil(done: () => Promise<boolean>): Promise<void> {
    while (!this.#closed && !this.#stopping && !(await done())) await this.#turn();
  }

  /** Goes on until the host is closed. */
  async runForever(): Promise<void> {
    await this.runUntil(async () => false);
  }

  async campaigns(): Promise<string[]> {
    const names: string[] = [];
    let after: string | undefined;
    do {
      const page = await this.ports.records.query("campaigns", after === undefined ? {} : { after });
      names.push(...page.items.map((item) => item.sk));
      after = page.next;
    } while (after !== undefined);
    return names;
  }

  /** Why nothing moves although the campaign is not done: what a person has to do. undefined while machines work. */
  async waitsForPerson(
    campaign: string,
  ): Promise<"approval" | "photos" | "labels" | "requests" | "resume" | undefined> {
    const { head, agreement } = await readCampaign(this.ports, campaign);
    if (head.status === "paused") return "resume";
    if (head.openCycle === null) return undefined;
    if (agreement.approvals.mode === "ask" && (await pendingApproval(this.ports, campaign)) !== undefined)
      return "approval";
    if ((await pendingDataReview(this.ports, campaign)) !== undefined) return "photos";
    const { candidate } = await releaseState(this.ports, campaign);
    if (candidate?.sealedToken !== undefined && agreement.approvals.mode === "ask") return "requests";
    const local = await this.#local(campaign);
    return local?.people === "portal" ? "labels" : undefined;
  }

  /** Cycles that are open now. */
  async openCycles(): Promise<{ campaign: string; cycle: number }[]> {
    const open: { campaign: string; cycle: number }[] = [];
    for (const campaign of await this.campaigns()) {
      const { openCycle } = await this.#head(campaign);
      if (openCycle !== null) open.push({ campaign, cycle: openCycle });
    }
    return open;
  }

  /** Whether somebody asked it to end. */
  get stopped(): boolean {
    return this.#stopping || this.#closed;
  }

  /** Ends `runUntil` soon; the one who opened the host closes it. */
  stop(): void {
    this.#stopping = true;
  }

  /** What a campaign's run was started with. */
  async journeyOf(campaign: string): Promise<{ agreement: Campaign; truth: boolean }> {
    const { agreement } = await readCampaign(this.ports, campaign);
    return { agreement, truth: (await this.#local(campaign))?.people === "simulated" };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#listening?.close();
    await this.engine.close();
    await this.jobs.close();
    this.#time.save();
    this.ports.close();
    this.#release();
  }

  async #resume(): Promise<void> {
    this.engine.resume();
    await sweep(this.ports);
    for (const campaign of await this.campaigns()) {
      const local = await this.#local(campaign);
      if (local !== undefined) await this.#staffed(campaign, local);
    }
  }

  async #local(campaign: string): Promise<LocalCampaign | undefined> {
    const found = await this.ports.records.get(localCampaignKey(campaign));
    return found === undefined ? undefined : LocalCampaign.parse(found.body);
  }

  async #staffed(campaign: string, local: LocalCampaign): Promise<void> {
    if (local.people !== "simulated" || this.#people.has(campaign)) return;
    const { agreement } = await readCampaign(this.ports, campaign);
    const eyes = new Eyes(this.ports, campaign);
    const people = new SimulatedPeople({
      request: this.request,
      clock: this.clock,
      seed: agreement.seed,
      campaign,
      vendors: agreement.vendors.map((vendor) => vendor.id),
      classes: agreement.classes,
      perceive: eyes.perceive,
      pool: hiredFor(agreement, agreement.seed),
      ...this.#cast,
      join: async (role, who) => {
        const vendor = role === "annotator" ? { vendor: who.vendor as string } : {};
        const secret = await invite(this.ports, { campaign, role, subject: who.subject, ttlSeconds: 3600, ...vendor });
        return (await openSession(this.ports, secret)).session;
      },
    });
    this.#people.set(campaign, { people, eyes });
  }

  /** One turn: machines until they rest, then people, then time. */
  async #turn(): Promise<void> {
    await this.engine.whenIdle();
    await this.#schedules.runDue();
    if (this.#time.kind === "real") {
      await pause(100);
      return;
    }
    let done = 0;
    let next: number | undefined;
    for (const [campaign, { people, eyes }] of this.#people) {
      await eyes.learn();
      if ((await this.#head(campaign)).status !== "active") continue;
      done += await people.act();
      const at = people.nextActionAt();
      if (at !== undefined) next = next === undefined ? at : Math.min(next, at);
    }
    if (done > 0 || this.engine.busy()) return;
    for (const campaign of await this.campaigns()) {
      // A real person is awaited: their time is not ours to skip.
      if ((await this.waitsForPerson(campaign)) !== undefined) return pause(150);
    }
    if (!this.#time.advance(next)) await pause(50);
  }

  async #head(campaign: string): Promise<CampaignHead> {
    return (await readCampaign(this.ports, campaign)).head;
  }
}

/** A call of an endpoint that its alarms see, whether it answers or not. */
async function watched<T extends { status: number }>(
  alarms: Alarms,
  endpoint: string,
  call: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  let status = 503;
  try {
    const answer = await call();
    status = answer.status;
    return answer;
  } finally {
    await alarms.observe(endpoint, status, performance.now() - started);
  }
}

async function runCommand(host: Host, name: string, args: Record<string, unknown>): Promise<unknown> {
  const command = commands[name];
  if (command === undefined) throw new BadInputError(`the host knows no command "${name}"`);
  return command(host, args);
}

/** The faults that a schedule still holds for a folder; those that happened stand in a file named by the schedule. */
function faultsOf(work: string, text: string, services: EngineServices): ReturnType<typeof withFaults> {
  const faults = parseFaults(text);
  const ledgers = join(work, "faults");
  mkdirSync(ledgers, { recursive: true });
  return withFaults(services, faults, { ledgerPath: join(ledgers, sha256Hex(formatFaults(faults)).slice(0, 16)) });
}

/** The workflow files with the laptop's names in their placeholders: every stage under its own name. */
export function laptopMachines(): Record<string, unknown> {
  return Object.fromEntries(MACHINES.map((machine) => [machine, laptopDefinition(definitionText(machine))]));
}

/** A workflow file's text with the laptop's names in its placeholders. */
export function laptopDefinition(text: string): Record<string, unknown> {
  const values: Record<string, string> = {
    Bucket: LOCAL_BUCKET,
    TrainingRoleArn: "arn:aws:iam::000000000000:role/laptop",
    EvaluationRoleArn: "arn:aws:iam::000000000000:role/laptop",
    ServingRoleArn: "arn:aws:iam::000000000000:role/laptop",
    TrainingImage: "laptop/training",
    ServingImage: "laptop/serving",
    TrainingInstanceType: "local",
    TrainingFallbackInstanceType: "local-other",
    ProcessingInstanceType: "local",
    ServingInstanceType: "local",
    Environment: "laptop",
    ReleaseAlarmPrefix: "laptop-",
    AlarmTopicArn: "arn:aws:sns:local:000000000000:data-team",
    ReleaseStateMachineArn: "arn:aws:states:local:000000000000:stateMachine:release",
    ...Object.fromEntries(stagePlaceholders(text).map((name) => [name, stageName(name)])),
  };
  const wanted = new Set(placeholders(text));
  return fillDefinition(text, Object.fromEntries(Object.entries(values).filter(([name]) => wanted.has(name))));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
