import { VirtualClock } from "../../local/clock.ts";
import { Engine, type EngineOptions, type EngineServices } from "../../local/engine/engine.ts";

type LambdaCall = Parameters<EngineServices["invokeLambda"]>[0];

/** An error with the name that Step Functions matches on. */
export function named(name: string, cause: string): Error {
  return Object.assign(new Error(cause), { name });
}

/** A world of plain functions and an object store in memory. */
export function worldOf(
  lambdas: Record<string, (payload: never, call: LambdaCall) => unknown> = {},
  objects = new Map<string, Uint8Array>(),
): EngineServices {
  return {
    async invokeLambda(call) {
      const handler = lambdas[call.functionName];
      if (handler === undefined) throw named("Lambda.ResourceNotFoundException", `no function ${call.functionName}`);
      return handler(call.payload as never, call);
    },
    sageMaker: async (call) => ({ echoed: call.action, sync: call.sync, ...call.arguments }),
    sdk: async (call) => ({ service: call.service, action: call.action }),
    async readObject(bucket, key) {
      const bytes = objects.get(`${bucket}/${key}`);
      if (bytes === undefined) throw named("S3.NoSuchKeyException", `no object ${bucket}/${key}`);
      return bytes;
    },
    async *listObjects(bucket, prefix) {
      for (const [path, bytes] of [...objects].sort(([left], [right]) => (left < right ? -1 : 1))) {
        const key = path.slice(bucket.length + 1);
        if (path.startsWith(`${bucket}/`) && key.startsWith(prefix))
          yield { Key: key, Size: bytes.length, ETag: '"0"', LastModified: "2026-01-01T00:00:00Z" };
      }
    },
    async writeObject(bucket, key, bytes) {
      objects.set(`${bucket}/${key}`, bytes);
    },
  };
}

export const START = Date.UTC(2026, 0, 1);

/** An engine in memory on virtual time, already resumed. */
export function engineWith(
  machines: Record<string, unknown>,
  services = worldOf(),
  more: Partial<EngineOptions> = {},
): { engine: Engine; clock: VirtualClock } {
  const clock = (more.clock as VirtualClock | undefined) ?? new VirtualClock(START);
  const engine = Engine.open({ logPath: ":memory:", clock, machines, services, seed: 7, ...more });
  engine.resume();
  return { engine, clock };
}

/** Lets time pass until the execution has ended (or nothing can move). */
export async function settle(
  engine: Engine,
  clock: VirtualClock,
  arn: string,
): Promise<NonNullable<ReturnType<Engine["describe"]>>> {
  for (let jumps = 0; jumps < 100_000; jumps++) {
    await engine.whenIdle();
    const described = engine.describe(arn);
    if (described === undefined) throw new Error(`no execution ${arn}`);
    if (described.status !== "RUNNING" || !clock.advanceToNext()) return described;
  }
  throw new Error("time jumped 100,000 times without an end");
}

/** Runs one machine to its end. */
export async function runOnce(
  definition: unknown,
  input: unknown = {},
  services = worldOf(),
  more: Partial<EngineOptions> = {},
) {
  const { engine, clock } = engineWith({ machine: definition }, services, more);
  const { executionArn } = engine.start({ machine: "machine", name: "run", input });
  const described = await settle(engine, clock, executionArn);
  const history = engine.history(executionArn);
  await engine.close();
  return { described, history, clock };
}

export const machine = (
  states: Record<string, unknown>,
  rest: Record<string, unknown> = {},
): Record<string, unknown> => ({ QueryLanguage: "JSONata", StartAt: Object.keys(states)[0], States: states, ...rest });
