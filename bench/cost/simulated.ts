import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteRecords } from "../../adapters/local/records.ts";
import { memoryObjects } from "../../adapters/memory/objects.ts";
import { memorySealer } from "../../adapters/memory/sealer.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { stages } from "../../lambdas/main.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { runStage } from "../../lambdas/stage.ts";
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { type IncomingFile, sealIntake } from "../../lambdas/store/intakes.ts";
import { totals } from "../../lambdas/store/ledger.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import { sweep } from "../../lambdas/sweep.ts";
import { Alarms } from "../../local/alarms.ts";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { Eyes } from "../../local/eyes.ts";
import { laptopMachines } from "../../local/host.ts";
import { findPython } from "../../local/jobs/python.ts";
import { JobRunner } from "../../local/jobs/runner.ts";
import { SimulatedPeople } from "../../local/people/people.ts";
import { LOCAL_BUCKET, laptopServices } from "../../local/services.ts";
import { engineTokens, engineWorkflows } from "../../local/workflows.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { CycleRecord } from "../../schemas/state.ts";
import { type Counts, Ledger } from "./ledger.ts";

const START = Date.UTC(2026, 0, 5, 8);

export interface Simulated {
  record: CycleRecord;
  parts: Record<string, Counts>;
  /** State transitions by machine; those of a Distributed Map's children under `<machine> children`. */
  transitions: Record<string, number>;
  /** Part -> hours in which it ran. */
  hours: Record<string, number>;
  /** Requests that came to the portal, and the bytes that it answered with. */
  portal: { requests: number; bytesOut: number };
  /** Bytes per folder of the bucket. */
  stored: Record<string, number>;
  /** Bytes of all records at the end. */
  recordBytes: number;
  /** Jobs that were ordered, by action. */
  jobs: Record<string, number>;
  labelsUsd: number;
  days: number;
}

/** A whole campaign in memory and virtual time, every call of a port counted by the stage or route that made it. */
export async function simulate(agreement: Campaign, files: Iterable<IncomingFile>): Promise<Simulated> {
  const work = mkdtempSync(join(tmpdir(), "countersign-cost-"));
  const clock = new VirtualClock(START);
  const ledger = new Ledger();
  const records = sqliteRecords(":memory:");
  let engine: Engine | undefined;
  let jobs: JobRunner | undefined;
  const bare: Ports = {
    environment: "laptop",
    objects: memoryObjects(),
    records,
    sealer: memorySealer(agreement.seed),
    notifier: { notify: async () => {} },
    clock,
    tokens: engineTokens(() => engine as Engine),
    workflows: engineWorkflows(() => engine as Engine),
    endpoints: { invoke: async (name, body, type) => (jobs as JobRunner).invokeEndpoint(name, body, type) },
  };
  const ports = ledger.counted(bare);
  jobs = new JobRunner({
    root: join(work, "jobs"),
    // What jobs read and write goes through SageMaker's own transfer, which is not charged by request class here.
    objects: {
      read: async (key) => (await bare.objects.get(key))?.bytes,
      async *list(prefix) {
        for await (const { key } of bare.objects.list(prefix)) yield key;
      },
      write: async (key, bytes) => void (await bare.objects.put(key, bytes, "any")),
    },
    bucket: LOCAL_BUCKET,
    python: findPython(),
    hold: (reason) => clock.hold(reason),
  });
  const services = laptopServices({
    ports: bare,
    jobs,
    alarms: new Alarms(bare),
    stages,
    log: () => {},
    onTrouble: () => {},
  });
  const ordered: Record<string, number> = {};
  engine = Engine.open({
    logPath: join(work, "engine.db"),
    clock,
    machines: laptopMachines(),
    services: {
      ...services,
      sageMaker(call) {
        ordered[call.action] = (ordered[call.action] ?? 0) + 1;
        return services.sageMaker(call);
      },
      invokeLambda: ({ functionName, payload }) =>
        ledger.within(functionName, clock.now(), () =>
          runStage(stages[functionName] as never, payload, ports, (line) =>
            ledger.add({ logBytes: JSON.stringify(line).length + 400 }),
          ),
        ),
    },
    seed: agreement.seed,
  });
  engine.resume();
  const portal = { requests: 0, bytesOut: 0 };
  const api = createApi({ ports, publicFiles: async () => undefined, origin: () => "http://127.0.0.1" });
  const request = (asked: Request): Promise<Response> => {
    portal.requests += 1;
    const part = `portal${new URL(asked.url).pathname.split("/").slice(0, 3).join("/")}`;
    return ledger.within(part, clock.now(), async () => {
      const answer = await api.fetch(asked);
      const bytes = (await answer.clone().arrayBuffer()).byteLength;
      portal.bytesOut += bytes;
      ledger.add({ bytesOut: bytes, logBytes: 150 });
      return answer;
    });
  };
  try {
    await createCampaign(ports, agreement, "data-team");
    const { intake } = await ledger.within("upload", clock.now(), () =>
      sealIntake(ports, { campaign: agreement.name, files }),
    );
    await ledger.within("start-cycle", clock.now(), () => enqueueIntake(ports, agreement.name, intake));
    const eyes = new Eyes(bare, agreement.name);
    const people = new SimulatedPeople({
      request,
      clock,
      seed: agreement.seed,
      campaign: agreement.name,
      vendors: agreement.vendors.map(({ id }) => id),
      classes: agreement.classes,
      perceive: eyes.perceive,
      join: async (role, who) =>
        (await openSession(ports, await invite(ports, { campaign: agreement.name, role, ttlSeconds: 86_400, ...who })))
          .session,
    });
    let nextSweep = clock.now();
    for (;;) {
      await engine.whenIdle();
      if ((await readCampaign(bare, agreement.name)).head.openCycle === null) break;
      if (clock.now() >= nextSweep) {
        await ledger.within("sweep", clock.now(), () => sweep(ports));
        nextSweep = clock.now() + 3_600_000;
      }
      await eyes.learn();
      if ((await people.act()) > 0 || engine.busy()) continue;
      const next = people.nextActionAt();
      const cancel = next === undefined ? () => {} : clock.at(next, () => {});
      const moved = clock.advanceToNext();
      cancel();
      if (moved) continue;
      // A process of the job runner holds time until it is ready.
      if (clock.holds().length === 0) throw new Error("the simulated campaign stands still");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const record = await readCycle(bare, agreement.name, 1);
    return {
      record,
      parts: Object.fromEntries(ledger.parts),
      transitions: transitionsOf(engine),
      hours: Object.fromEntries([...ledger.hours].map(([part, hours]) => [part, hours.size])),
      portal,
      stored: Object.fromEntries(ledger.stored),
      recordBytes: ledger.recordBytes(),
      jobs: ordered,
      labelsUsd: (await totals(bare, agreement.name)).spentMicros / 1e6,
      days: (clock.now() - START) / 86_400_000,
    };
  } finally {
    await engine.close();
    await jobs.close();
    records.close();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Every entry of a state is a transition, as AWS counts them; a retried one counts again. */
function transitionsOf(engine: Engine): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { executionArn } of engine.list({ children: true })) {
    const machine = executionArn.split(":")[6] ?? "";
    const name = machine.includes("/") ? `${machine.split("/")[0]} children` : machine;
    const events = engine.history(executionArn);
    const entered = events.filter(({ type }) => type.endsWith("StateEntered")).length;
    const retried = events.filter(({ type }) => /^(?:Lambda|Task).*(?:Failed|TimedOut)$/.test(type)).length;
    counts[name] = (counts[name] ?? 0) + entered + retried;
  }
  return counts;
}
