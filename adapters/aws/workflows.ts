import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { ConflictError, type ExecutionEvent, type ExecutionView, type Workflows } from "../../lambdas/ports.ts";
import { asPortError, nameOf } from "./errors.ts";

/** Executions of Step Functions. `machines`: name in workflow/ -> ARN of the state machine or of its alias. */
export function sfnWorkflows(client: SFNClient, machines: Readonly<Record<string, string>>): Workflows {
  function machineArn(machine: string): string {
    const arn = machines[machine];
    if (arn === undefined)
      throw new TypeError(`no state machine "${machine}"; there are ${Object.keys(machines).sort().join(", ")}`);
    return arn;
  }
  /** arn:aws:states:r:a:stateMachine:m[:alias] -> arn:aws:states:r:a:execution:m:name */
  function executionArn(machine: string, name: string): string {
    const parts = machineArn(machine).split(":");
    return [...parts.slice(0, 5), "execution", parts[6], name].join(":");
  }
  async function seen(machine: string, name: string): Promise<DescribeExecutionCommandOutput | undefined> {
    try {
      return await client.send(new DescribeExecutionCommand({ executionArn: executionArn(machine, name) }));
    } catch (error) {
      if (nameOf(error) === "ExecutionDoesNotExist") return undefined;
      throw asPortError(error, name);
    }
  }

  return {
    async start(machine, name, input) {
      const text = JSON.stringify(input ?? null);
      try {
        await client.send(new StartExecutionCommand({ stateMachineArn: machineArn(machine), name, input: text }));
      } catch (error) {
        if (nameOf(error) !== "ExecutionAlreadyExists") throw asPortError(error, name);
        // Also said of a closed execution with the very same input: that one was started, which is all that was asked.
        if ((await seen(machine, name))?.input === text) return;
        throw new ConflictError(`${machine} ${name} was started before with another input`);
      }
    },
    async stop(machine, name, reason) {
      try {
        const request = { executionArn: executionArn(machine, name), error: "Stopped", cause: reason.slice(0, 32_768) };
        await client.send(new StopExecutionCommand(request));
      } catch (error) {
        if (nameOf(error) !== "ExecutionDoesNotExist") throw asPortError(error, name);
      }
    },
    async describe(machine, name) {
      const found = await seen(machine, name);
      return found && view(found);
    },
    async history(machine, name) {
      const events: ExecutionEvent[] = [];
      let token: string | undefined;
      do {
        const request = { executionArn: executionArn(machine, name), maxResults: 1000, nextToken: token };
        try {
          const page = await client.send(new GetExecutionHistoryCommand(request));
          events.push(...(page.events ?? []).map(event));
          token = page.nextToken;
        } catch (error) {
          if (nameOf(error) === "ExecutionDoesNotExist") return [];
          throw asPortError(error, name);
        }
      } while (token !== undefined);
      return events;
    },
  };
}

function view(found: DescribeExecutionCommandOutput): ExecutionView {
  const status = found.status === "PENDING_REDRIVE" ? "RUNNING" : (found.status ?? "RUNNING");
  return {
    status,
    startedAt: found.startDate?.getTime() ?? 0,
    ...(found.stopDate === undefined ? {} : { stoppedAt: found.stopDate.getTime() }),
    ...(found.output === undefined ? {} : { output: JSON.parse(found.output) as unknown }),
    ...(found.error === undefined ? {} : { error: found.error }),
    ...(found.cause === undefined ? {} : { cause: found.cause }),
  };
}

function event(one: HistoryEvent): ExecutionEvent {
  const state = one.stateEnteredEventDetails?.name ?? one.stateExitedEventDetails?.name;
  // Each kind of event has a member of its own; those of failures have the form {error, cause}.
  const [key, details] =
    Object.entries(one).find(([name, value]) => name.endsWith("EventDetails") && value !== undefined) ?? [];
  const failure = /(Failed|TimedOut|Aborted)EventDetails$/.test(key ?? "")
    ? (details as { error?: string; cause?: string })
    : undefined;
  return {
    id: Number(one.id),
    previousEventId: Number(one.previousEventId ?? 0),
    timestamp: one.timestamp?.getTime() ?? 0,
    type: one.type ?? "",
    ...(state === undefined ? {} : { state }),
    ...(failure?.error === undefined ? {} : { error: failure.error }),
    ...(failure?.cause === undefined ? {} : { cause: failure.cause }),
    ...(details === undefined ? {} : { details: details as Record<string, unknown> }),
  };
}
