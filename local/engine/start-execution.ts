import { createHash } from "node:crypto";
import type { Integration } from "../../workflow/checks/task-resource.ts";
import { StatesError } from "./errors.ts";
import type { Execution, Strand, Task } from "./execution.ts";
import type { ExecutionRow } from "./log.ts";
import type { Runtime } from "./runtime.ts";
import { taskFailed, taskSucceeded } from "./tasks.ts";

/** Starts the execution that a `states:startExecution` task asks for. Delivered twice, it finds the first one. */
export function submitChild(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  given: Record<string, unknown>,
  task: Task,
): Record<string, unknown> {
  const machineArn = given.StateMachineArn;
  const match = /:stateMachine:([^:]+)(?::[^:]+)?$/.exec(String(machineArn));
  if (match === null)
    throw new StatesError(
      "StepFunctions.InvalidArnException",
      `StateMachineArn is ${JSON.stringify(machineArn)}; give the ARN of a state machine.`,
    );
  const name =
    given.Name === undefined
      ? createHash("sha256").update(`${execution.arn}|${strand.id}|${task.scheduledId}`).digest("hex").slice(0, 36)
      : String(given.Name);
  try {
    const { arn, startedAt } = runtime.startExecution({
      machine: match[1] as string,
      name,
      input: JSON.stringify(given.Input ?? {}),
    });
    return {
      ExecutionArn: arn,
      SdkHttpMetadata: { HttpStatusCode: 200 },
      SdkResponseMetadata: { RequestId: "local" },
      StartDate: startedAt / 1000,
    };
  } catch (error) {
    const { name: error_, message } = error as Error;
    throw new StatesError(`StepFunctions.${error_.endsWith("Exception") ? error_ : `${error_}Exception`}`, message);
  }
}

/** Ends a `.sync` task when its execution has ended, now or later. */
export function awaitChild(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  task: Task,
  integration: Integration,
): void {
  const given = JSON.parse(task.input) as Record<string, unknown>;
  const machine = /:stateMachine:([^:]+)/.exec(String(given.StateMachineArn))?.[1];
  const name =
    given.Name === undefined
      ? createHash("sha256").update(`${execution.arn}|${strand.id}|${task.scheduledId}`).digest("hex").slice(0, 36)
      : String(given.Name);
  const arn = `arn:aws:states:local:000000000000:execution:${machine}:${name}`;
  const settle = (): void => {
    void runtime.track(async () => {
      const child = runtime.log.execution(arn);
      if (child === undefined || strand.dead || strand.task !== task) return;
      const described = describe(child, integration.pattern === "sync:2");
      if (child.status === "SUCCEEDED")
        taskSucceeded(runtime, execution, strand, integration, JSON.stringify(described));
      else
        taskFailed(
          runtime,
          execution,
          strand,
          integration,
          new StatesError("States.TaskFailed", JSON.stringify(described)),
        );
      runtime.drive(execution, strand);
    });
  };
  const live = runtime.byArn.get(arn);
  if (live === undefined) settle();
  else runtime.onEnd.set(live.id, [...(runtime.onEnd.get(live.id) ?? []), settle]);
  // An aborted parent takes the execution it waits for with it.
  strand.abort?.signal.addEventListener("abort", () => {
    const child = runtime.byArn.get(arn);
    if (child !== undefined && !runtime.closed)
      runtime.stopExecution(child, undefined, `The execution ${execution.arn} that waited for it has ended.`);
  });
}

/** DescribeExecution as `.sync` returns it; `.sync:2` gives input and output as JSON instead of text. */
function describe(row: ExecutionRow, parsed: boolean): Record<string, unknown> {
  const value = (text: string): unknown => (parsed ? (JSON.parse(text) as unknown) : text);
  return {
    ...(row.cause === null ? {} : { Cause: row.cause }),
    ...(row.error === null ? {} : { Error: row.error }),
    ExecutionArn: row.arn,
    Input: value(row.input),
    InputDetails: { Included: true },
    Name: row.name,
    ...(row.output === null ? {} : { Output: value(row.output), OutputDetails: { Included: true } }),
    RedriveCount: 0,
    RedriveStatus: "NOT_REDRIVABLE",
    StartDate: Math.round(row.started_at),
    StateMachineArn: `arn:aws:states:local:000000000000:stateMachine:${row.machine}`,
    Status: row.status,
    StopDate: Math.round(row.stopped_at ?? 0),
  };
}
