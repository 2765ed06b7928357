import type { Scope } from "./definition.ts";
import type { Execution, ExecutionStatus } from "./execution.ts";
import type { ExecutionRow } from "./log.ts";

export interface ExecutionDescription {
  executionArn: string;
  machine: string;
  name: string;
  status: ExecutionStatus;
  input: unknown;
  output?: unknown;
  error?: string;
  cause?: string;
  /** ISO times. */
  startDate: string;
  stopDate?: string;
}

/** An execution as the log knows it, before its rows are folded into it. */
export function revive(stored: ExecutionRow, scope: Scope): Execution {
  return {
    id: stored.id,
    arn: stored.arn,
    machine: stored.machine,
    name: stored.name,
    scope,
    path: stored.path,
    definition: stored.definition,
    express: stored.express === 1,
    input: stored.input,
    startedAt: stored.started_at,
    status: "RUNNING",
    nextEventId: 1,
    strands: new Map(),
    parent:
      stored.parent === null
        ? undefined
        : {
            id: stored.parent,
            strand: stored.parent_strand as string,
            run: stored.parent_run as number,
            index: stored.item_index as number,
          },
    cancelTimer: undefined,
    cutOff: [],
  };
}

export function described(stored: ExecutionRow): ExecutionDescription {
  return {
    executionArn: stored.arn,
    machine: stored.machine,
    name: stored.name,
    status: stored.status,
    input: JSON.parse(stored.input) as unknown,
    ...(stored.output === null ? {} : { output: JSON.parse(stored.output) as unknown }),
    ...(stored.error === null ? {} : { error: stored.error }),
    ...(stored.cause === null ? {} : { cause: stored.cause }),
    startDate: new Date(stored.started_at).toISOString(),
    ...(stored.stopped_at === null ? {} : { stopDate: new Date(stored.stopped_at).toISOString() }),
  };
}
