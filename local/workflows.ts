import { TokenGoneError, type Tokens, type Workflows } from "../lambdas/ports.ts";
import type { Engine } from "./engine/engine.ts";
import { detailsKey } from "./engine/history-event.ts";

/** Answers the engine's tokens; one that nobody waits for is told in the port's word. */
export function engineTokens(engine: () => Engine): Tokens {
  return {
    succeed: (token, output) => answered(() => engine().sendTaskSuccess(token, JSON.stringify(output))),
    fail: (token, error, cause) => answered(() => engine().sendTaskFailure(token, error, cause)),
    heartbeat: (token) => answered(() => engine().sendTaskHeartbeat(token)),
  };
}

/** Translates what the engine says of a token into the port's word. */
async function answered(call: () => void): Promise<void> {
  try {
    call();
  } catch (error) {
    if (["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"].includes((error as Error).name)) {
      throw new TokenGoneError((error as Error).message);
    }
    throw error;
  }
}

/** Starts and shows the engine's executions by machine and name. */
export function engineWorkflows(engine: () => Engine): Workflows {
  const arn = (machine: string, name: string) => `arn:aws:states:local:000000000000:execution:${machine}:${name}`;
  return {
    async start(machine, name, input) {
      if (engine().describe(arn(machine, name)) === undefined) engine().start({ machine, name, input });
    },
    async stop(machine, name, reason) {
      engine().stop(arn(machine, name), "Stopped", reason);
    },
    async describe(machine, name) {
      const found = engine().describe(arn(machine, name));
      if (found === undefined) return undefined;
      const { status, startDate, stopDate, output, error, cause } = found;
      return {
        status,
        startedAt: Date.parse(startDate),
        ...(stopDate === undefined ? {} : { stoppedAt: Date.parse(stopDate) }),
        ...(output === undefined ? {} : { output }),
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      };
    },
    async history(machine, name) {
      return engine()
        .history(arn(machine, name))
        .map((event) => {
          const key = detailsKey(event.type);
          const details = key === undefined ? undefined : event[key];
          const word = (name: string) => {
            const value = details?.[name];
            return typeof value === "string" ? value : undefined;
          };
          const [state, error, cause] = [
            /State(Entered|Exited)$/.test(event.type) ? word("name") : undefined,
            word("error"),
            word("cause"),
          ];
          return {
            id: event.id,
            previousEventId: event.previousEventId,
            timestamp: Date.parse(event.timestamp),
            type: event.type,
            ...(state === undefined ? {} : { state }),
            ...(error === undefined ? {} : { error }),
            ...(cause === undefined ? {} : { cause }),
            ...(details === undefined ? {} : { details }),
          };
        });
    },
  };
}
