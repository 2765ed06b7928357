/** The engine behind Step Functions' own protocol: what functions ask by the SDK, with the service's names of errors. */
import type { Engine } from "../../local/engine/engine.ts";
import { ACCOUNT, REGION } from "./deployment.ts";

const HERE = `:${REGION}:${ACCOUNT}:`;
const ENGINE = ":local:000000000000:";

/** An answer, or the name that the service refuses by. */
export type StatesAnswer = { output: Record<string, unknown> } | { error: string; message: string };

/** Answers one call; `input` is in the API's own members. */
export function answerStates(engine: Engine, operation: string, input: Record<string, unknown>): StatesAnswer {
  try {
    return { output: call(engine, operation, input as Record<string, string>) };
  } catch (error) {
    return { error: (error as Error).name, message: (error as Error).message };
  }
}

function call(engine: Engine, operation: string, input: Record<string, string>): Record<string, unknown> {
  const arn = (input.executionArn ?? "").replace(HERE, ENGINE);
  switch (operation) {
    case "StartExecution": {
      const machine = /:stateMachine:([^:]+)/.exec(input.stateMachineArn ?? "")?.[1] ?? "";
      const { executionArn } = engine.start({
        machine,
        name: input.name ?? "",
        input: JSON.parse(input.input ?? "{}"),
      });
      const started = engine.describe(executionArn);
      return { executionArn: executionArn.replace(ENGINE, HERE), startDate: seconds(started?.startDate) };
    }
    case "DescribeExecution": {
      const found = engine.describe(arn);
      if (found === undefined) throw missing(arn);
      const { status, startDate, stopDate, output, error, cause, input: given } = found;
      return {
        executionArn: input.executionArn,
        stateMachineArn: `arn:aws:states${HERE}stateMachine:${arn.split(":")[6]}`,
        name: arn.split(":")[7],
        status,
        startDate: seconds(startDate),
        input: JSON.stringify(given),
        ...(stopDate === undefined ? {} : { stopDate: seconds(stopDate) }),
        ...(output === undefined ? {} : { output: JSON.stringify(output) }),
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      };
    }
    case "StopExecution":
      engine.stop(arn, input.error, input.cause);
      return { stopDate: seconds(engine.describe(arn)?.stopDate) };
    case "GetExecutionHistory": {
      if (engine.describe(arn) === undefined) throw missing(arn);
      const events = engine.history(arn).map((event) => ({ ...event, timestamp: seconds(event.timestamp) }));
      return { events };
    }
    case "SendTaskSuccess":
      engine.sendTaskSuccess(input.taskToken ?? "", input.output ?? "");
      return {};
    case "SendTaskFailure":
      engine.sendTaskFailure(input.taskToken ?? "", input.error ?? "", input.cause ?? "");
      return {};
    case "SendTaskHeartbeat":
      engine.sendTaskHeartbeat(input.taskToken ?? "");
      return {};
    default:
      throw Object.assign(new Error(`nothing here answers ${operation}`), { name: "UnknownOperationException" });
  }
}

const seconds = (date: string | undefined) => (date === undefined ? 0 : Date.parse(date) / 1000);
const missing = (arn: string) =>
  Object.assign(new Error(`Execution Does Not Exist: '${arn}'`), { name: "ExecutionDoesNotExist" });
