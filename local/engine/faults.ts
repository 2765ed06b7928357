import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { seeded } from "./expression-functions.ts";
import type { FlushObserver } from "./runtime.ts";
import type { EngineServices } from "./services.ts";

/**
 * What can be made to go wrong. `crash-before` and `crash-after` kill the process around the n-th write of the log;
 * the others befall the n-th call of a handler: it is delivered twice at once, held until the next one went first,
 * refused as throttled, delayed, or done with its answer lost.
 */
export const FAULT_KINDS = ["crash-before", "crash-after", "duplicate", "reorder", "throttle", "slow", "drop"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault: at the n-th write or call (from 1) counted from the start of a life of the process. */
export interface Fault {
  kind: FaultKind;
  at: number;
}

/** A held call goes on after this long even if no other came. */
const REORDER_MS = 50;
const SLOW_MS = 200;

/** Writes and calls over which a drawn schedule is spread unless it says another span: a small campaign has more. */
const SPAN = 200;

/**
 * `crash-after@17,throttle@3` as faults; `seed:7:20` draws twenty by seed 7 over the first 200 writes and calls,
 * `seed:7:20:60` over the first 60. Throws on anything else, naming what is allowed.
 */
export function parseFaults(text: string): Fault[] {
  return text
    .split(",")
    .filter((part) => part.trim() !== "")
    .flatMap((part) => {
      const drawn = /^seed:(\d{1,9}):([1-9]\d{0,3})(?::([1-9]\d{0,6}))?$/.exec(part.trim());
      if (drawn !== null) return drawFaults(Number(drawn[1]), Number(drawn[2]), Number(drawn[3] ?? SPAN));
      const [kind, at] = part.trim().split("@");
      if (!FAULT_KINDS.includes(kind as FaultKind) || !/^[1-9]\d*$/.test(at ?? "")) {
        throw new Error(
          `--faults: "${part}" is not understood; write <kind>@<n> with a kind of ${FAULT_KINDS.join(", ")} and n from 1, for example crash-after@17, or seed:<seed>:<count> for drawn ones.`,
        );
      }
      return [{ kind: kind as FaultKind, at: Number(at) }];
    });
}

/** The text that `parseFaults` reads back: what to give to replay a run. */
export function formatFaults(faults: readonly Fault[]): string {
  return faults.map(({ kind, at }) => `${kind}@${at}`).join(",");
}

/** A schedule drawn by a seed: so many faults of the given kinds, each at 1 to `span`. */
export function drawFaults(
  seed: number,
  count: number,
  span: number,
  kinds: readonly FaultKind[] = FAULT_KINDS,
): Fault[] {
  const draw = seeded(seed);
  return Array.from({ length: count }, () => ({
    kind: kinds[Math.floor(draw() * kinds.length)] as FaultKind,
    at: 1 + Math.floor(draw() * span),
  }));
}

/** The smallest schedule that still fails, found by leaving faults out one by one until none can be left out. */
export async function shrinkFaults(
  faults: readonly Fault[],
  fails: (faults: readonly Fault[]) => Promise<boolean>,
): Promise<Fault[]> {
  let smallest = [...faults];
  for (let index = 0; index < smallest.length; ) {
    const without = smallest.toSpliced(index, 1);
    if (await fails(without)) smallest = without;
    else index++;
  }
  return smallest;
}

/** How the layer ends the process. Tests put something milder here. */
export type Kill = () => void;

/** Nothing can run after this, as in a power cut. */
export const killProcess: Kill = () => {
  process.kill(process.pid, "SIGKILL");
};

/**
 * Wraps the engine's services and observes its log so that the scheduled faults happen, each once. With a
 * `ledgerPath` the faults that happened are written there first, so that the next life goes on with the rest.
 */
export function withFaults(
  services: EngineServices,
  faults: readonly Fault[],
  options: { ledgerPath?: string; kill?: Kill } = {},
): { services: EngineServices; observer: FlushObserver } {
  const { ledgerPath, kill = killProcess } = options;
  const done = new Set(
    ledgerPath !== undefined && existsSync(ledgerPath) ? readFileSync(ledgerPath, "utf8").split("\n") : [],
  );
  const due = faults
    .map((fault, index) => ({ ...fault, key: `${index}:${fault.kind}@${fault.at}` }))
    .filter((fault) => !done.has(fault.key));
  const take = (kinds: readonly FaultKind[], at: number): FaultKind | undefined => {
    const index = due.findIndex((fault) => kinds.includes(fault.kind) && fault.at === at);
    if (index < 0) return undefined;
    const [fault] = due.splice(index, 1) as [(typeof due)[number]];
    if (ledgerPath !== undefined) appendFileSync(ledgerPath, `${fault.key}\n`);
    return fault.kind;
  };
  let writes = 0;
  let calls = 0;
  let held: (() => void) | undefined;
  const observer: FlushObserver = {
    everyStep: true,
    beforeFlush: () => {
      writes++;
      if (take(["crash-before"], writes) !== undefined) kill();
    },
    afterFlush: () => {
      if (take(["crash-after"], writes) !== undefined) kill();
    },
  };
  const befall = async <T>(call: () => Promise<T>): Promise<T> => {
    const fault = take(["duplicate", "reorder", "throttle", "slow", "drop"], ++calls);
    held?.();
    held = undefined;
    switch (fault) {
      case "throttle":
        throw named("Lambda.TooManyRequestsException", "Rate exceeded (an injected fault)");
      case "slow":
        await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
        return call();
      case "reorder":
        await new Promise<void>((resolve) => {
          held = resolve;
          setTimeout(resolve, REORDER_MS);
        });
        return call();
      case "duplicate": {
        const both = await Promise.allSettled([call(), call()]);
        const answered = both.find((outcome) => outcome.status === "fulfilled");
        if (answered !== undefined) return answered.value;
        throw (both[0] as PromiseRejectedResult).reason;
      }
      case "drop":
        await call();
        throw named("Lambda.SdkClientException", "The connection was lost before the answer came (an injected fault)");
      default:
        return call();
    }
  };
  return {
    observer,
    services: {
      ...services,
      invokeLambda: (call) => befall(() => services.invokeLambda(call)),
      sageMaker: (call) => befall(() => services.sageMaker(call)),
      sdk: (call) => befall(() => services.sdk(call)),
    },
  };
}

function named(name: string, cause: string): Error {
  return Object.assign(new Error(cause), { name });
}
