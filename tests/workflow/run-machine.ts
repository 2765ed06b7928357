/** One of the product's state machines on the engine, its world given by the test; time jumps. */
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import type { EngineServices } from "../../local/engine/services.ts";
import { laptopMachines } from "../../local/host.ts";

type Json = Record<string, unknown>;
export interface Ended {
  status: string;
  output?: unknown;
  error?: string;
  cause?: string;
  /** States in the order in which they were entered. */
  states: string[];
}
export interface World {
  invokeLambda?: (stage: string, payload: Json) => Promise<unknown>;
  sageMaker?: (action: string, request: Json) => Promise<unknown>;
  sdk?: (service: string, action: string, request: Json) => Promise<unknown>;
}

export const named = (name: string, message: string) => Object.assign(new Error(message), { name });

/** Runs a definition to its end. */
export async function runMachine(
  definition: Json,
  input: unknown,
  world: World,
  clock = new VirtualClock(Date.UTC(2026, 0, 5)),
): Promise<Ended> {
  const unasked = (what: string) => async (): Promise<never> => {
    throw named("UnaskedError", `this test's world does not answer ${what}`);
  };
  const services = {
    invokeLambda: ({ functionName, payload }: { functionName: string; payload: Json }) =>
      (world.invokeLambda ?? unasked(functionName))(functionName, payload),
    sageMaker: ({ action, arguments: request }: { action: string; arguments: Json }) =>
      (world.sageMaker ?? unasked(action))(action, request),
    sdk: ({ service, action, arguments: request }: { service: string; action: string; arguments: Json }) =>
      (world.sdk ?? unasked(`${service}:${action}`))(service, action, request),
  };
  const engine = Engine.open({
    logPath: ":memory:",
    clock,
    machines: { machine: definition },
    seed: 1,
    services: services as unknown as EngineServices,
  });
  try {
    engine.resume();
    const { executionArn } = engine.start({ machine: "machine", name: "one", input: input as never });
    for (;;) {
      await engine.whenIdle();
      const seen = engine.describe(executionArn);
      if (seen !== undefined && seen.status !== "RUNNING") {
        const states = engine
          .history(executionArn)
          .filter(({ type }) => type.endsWith("StateEntered"))
          .map((event) =>
            String((event as { stateEnteredEventDetails?: { name: string } }).stateEnteredEventDetails?.name),
          );
        const { status, output, error, cause } = seen;
        return {
          status,
          output,
          ...(error === undefined ? {} : { error }),
          ...(cause === undefined ? {} : { cause }),
          states,
        };
      }
      if (!clock.advanceToNext()) throw new Error("nothing moves any more");
    }
  } finally {
    await engine.close();
  }
}

/**
 * The states of a file from one to others: entered with variables, left into Succeed at each of `ends` (whose name is the
 * output). The states between are the file's own.
 */
export function excerpt(machine: string, from: string, variables: Json, ends: readonly string[]): Json {
  const { Comment: _, ...whole } = structuredClone(laptopMachines()[machine]) as Json & { States: Json };
  const all = whole.States as Record<string, Json>;
  const kept: Record<string, Json> = { Begin: { Type: "Pass", Assign: variables, Next: from } };
  const left = [from];
  while (left.length > 0) {
    const name = left.pop() as string;
    if (kept[name] !== undefined) continue;
    if (ends.includes(name)) {
      kept[name] = { Type: "Succeed", Output: name };
      continue;
    }
    const state = all[name] as Json;
    kept[name] = state;
    const rules = [...((state.Choices ?? []) as Json[]), ...((state.Catch ?? []) as Json[])];
    left.push(
      ...([state.Next, state.Default, ...rules.map(({ Next }) => Next)].filter(
        (next) => next !== undefined,
      ) as string[]),
    );
  }
  return { ...whole, StartAt: "Begin", States: kept };
}
