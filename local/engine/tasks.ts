import { type Integration, parseResource } from "../../workflow/checks/task-resource.ts";
import { bindings, place, row } from "./bindings.ts";
import { exceedsPayloadLimit, StatesError } from "./errors.ts";
import { arm, type Execution, type LogRow, type Strand, stateOf, type Task } from "./execution.ts";
import { fill, fillTyped } from "./expression.ts";
import { lambdaResponse } from "./lambda-response.ts";
import { dataLimit } from "./leaving.ts";
import { type Runtime, Superseded } from "./runtime.ts";
import { awaitChild, submitChild } from "./start-execution.ts";

const WHOLE = { truncated: false };

/** Which visit of a state a token belongs to: the entry and the attempt. */
export function visitOf(strand: Strand): string {
  return `${strand.entered.id}.${strand.retryCount}`;
}

/** Evaluates a Task's arguments and schedules it. */
export async function enterTask(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  integration: Integration,
): Promise<boolean> {
  const state = stateOf(strand);
  const token = integration.pattern === "waitForTaskToken";
  const context = token ? { Task: { Token: runtime.tokens.issue(execution.id, strand.id, visitOf(strand)) } } : {};
  const seen = bindings(runtime, execution, strand, {}, context);
  const input =
    state.Arguments === undefined
      ? strand.input
      : JSON.stringify(await fill(state.Arguments, seen, place(strand, "Arguments")));
  if (exceedsPayloadLimit(input)) throw dataLimit(strand);
  const seconds = async (field: "TimeoutSeconds" | "HeartbeatSeconds"): Promise<number | undefined> =>
    state[field] === undefined
      ? undefined
      : ((await fillTyped(state[field], "number", seen, place(strand, field))) as number);
  const timeout = await seconds("TimeoutSeconds");
  const heartbeat = await seconds("HeartbeatSeconds");
  const limits = {
    ...(timeout === undefined ? {} : { timeoutInSeconds: timeout }),
    ...(heartbeat === undefined ? {} : { heartbeatInSeconds: heartbeat }),
  };
  const now = runtime.clock.now();
  const fact = {
    task: {
      token,
      ...(timeout === undefined ? {} : { timeoutAt: now + timeout * 1000 }),
      ...(heartbeat === undefined || !token ? {} : { heartbeatMs: heartbeat * 1000 }),
    },
  };
  const rows: LogRow[] =
    integration.kind === "lambda-function"
      ? [
          row(runtime, strand, "LambdaFunctionScheduled", {
            details: { inputDetails: WHOLE, resource: integration.resource, ...limits },
            payload: { key: "input", text: input },
            fact,
          }),
          row(runtime, strand, "LambdaFunctionStarted", { previous: -1 }),
        ]
      : [
          row(runtime, strand, "TaskScheduled", {
            details: { region: "local", ...names(integration), ...limits },
            payload: { key: "parameters", text: input },
            fact,
          }),
          row(runtime, strand, "TaskStarted", { previous: -1, details: names(integration) }),
        ];
  runtime.commit(execution, strand, rows);
  return true;
}

function names(integration: Integration): { resourceType: string; resource: string } {
  return { resourceType: integration.resourceType, resource: integration.resource };
}

/** Hands a scheduled task to its handler, once per process, and watches its deadlines. */
export function awaitTask(runtime: Runtime, execution: Execution, strand: Strand): boolean {
  const task = strand.task as Task;
  const integration = parseResource(stateOf(strand).Resource as string) as Integration;
  const waitsOnEngine =
    task.token || (integration.kind === "start-execution" && integration.pattern !== "request-response");
  if (strand.abort === undefined && !(task.token && strand.phase === "submitted")) {
    strand.abort = new AbortController();
    void runtime.track(() => deliver(runtime, execution, strand, task, integration));
  }
  if (waitsOnEngine) watchDeadline(runtime, execution, strand, task, integration);
  return false;
}

function watchDeadline(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  task: Task,
  integration: Integration,
): void {
  const beatBy = task.heartbeatMs === undefined ? Number.POSITIVE_INFINITY : task.heartbeatAt + task.heartbeatMs;
  const deadline = Math.min(task.timeoutAt ?? Number.POSITIVE_INFINITY, beatBy);
  if (deadline === Number.POSITIVE_INFINITY) return;
  arm(strand, runtime.clock, deadline, () => {
    if (strand.dead || strand.task !== task) return;
    timeOut(
      runtime,
      execution,
      strand,
      integration,
      beatBy === deadline ? "States.HeartbeatTimeout" : "States.Timeout",
    );
  });
}

function timeOut(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  integration: Integration,
  error: string,
): void {
  void runtime.track(async () => {
    strand.abort?.abort();
    strand.abort = undefined;
    const raw = integration.kind === "lambda-function";
    const cause = `The task '${strand.state}' ${error === "States.Timeout" ? "did not end within its TimeoutSeconds" : "sent no heartbeat within its HeartbeatSeconds"}.`;
    const details = raw ? { error } : { error, ...names(integration) };
    runtime.commit(execution, strand, [
      row(runtime, strand, raw ? "LambdaFunctionTimedOut" : "TaskTimedOut", {
        details,
        fact: { failure: { error, cause: raw ? "" : cause } },
      }),
    ]);
    runtime.drive(execution, strand);
  });
}

async function deliver(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  task: Task,
  integration: Integration,
): Promise<void> {
  const abort = strand.abort as AbortController;
  await runtime.durable();
  const current = (): boolean =>
    !strand.dead && strand.task === task && !runtime.closed && runtime.broken === undefined;
  if (!current()) return;
  let timer: NodeJS.Timeout | undefined;
  if (task.timeoutAt !== undefined && integration.kind !== "start-execution") {
    // A real handler takes real time, whatever the clock says.
    const state = stateOf(strand);
    const seconds =
      typeof state.TimeoutSeconds === "number" ? state.TimeoutSeconds : (task.timeoutAt - strand.entered.at) / 1000;
    timer = setTimeout(
      () => current() && timeOut(runtime, execution, strand, integration, "States.Timeout"),
      Math.min(2_000_000_000, Math.max(0, seconds * 1000)),
    );
  }
  try {
    const outcome = await unlessAborted(
      call(runtime, execution, strand, task, integration, abort.signal),
      abort.signal,
    );
    if (current() && strand.abort === abort) accept(runtime, execution, strand, integration, outcome);
  } catch (error) {
    if (!current() || strand.abort !== abort) return;
    taskFailed(runtime, execution, strand, integration, error as Error);
  } finally {
    clearTimeout(timer);
    if (strand.abort === abort && strand.task !== task) strand.abort = undefined;
  }
  runtime.drive(execution, strand);
}

/** A handler that ignores its signal is left behind: nobody waits for it any longer. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new Superseded());
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

type Outcome = { result: unknown } | { submitted: unknown } | "waiting";

async function call(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  task: Task,
  integration: Integration,
  signal: AbortSignal,
): Promise<Outcome> {
  const { services } = runtime;
  const given = JSON.parse(task.input) as Record<string, unknown>;
  const finish = (value: unknown): Outcome => (task.token ? { submitted: value } : { result: value });
  switch (integration.kind) {
    case "lambda-function":
    case "lambda-invoke": {
      const raw = integration.kind === "lambda-function";
      const functionName = raw ? (integration.functionName as string) : shortName(given.FunctionName);
      const payload = raw ? given : (given.Payload ?? {});
      const answer =
        (await services.invokeLambda({
          functionName,
          payload,
          attempt: strand.retryCount + task.deliveries + 1,
          executionName: execution.name,
          stateName: strand.state,
          signal,
        })) ?? null;
      return raw ? { result: answer } : finish(lambdaResponse(answer));
    }
    case "sagemaker":
      return {
        result: await services.sageMaker({
          action: integration.action,
          sync: integration.pattern === "sync",
          arguments: given,
          signal,
        }),
      };
    case "sdk":
      return finish(
        await services.sdk({ service: integration.service, action: integration.action, arguments: given, signal }),
      );
    case "start-execution": {
      if (strand.phase === "submitted") {
        awaitChild(runtime, execution, strand, task, integration);
        return "waiting";
      }
      const response = submitChild(runtime, execution, strand, given, task);
      return integration.pattern === "request-response" ? { result: response } : { submitted: response };
    }
  }
}

/** The function's name from a name, a partial or a full ARN, without version or alias. */
function shortName(functionName: unknown): string {
  const text = String(functionName);
  const match = /(?:^|:function:)([\w-]+)(?::[\w$-]+)?$/.exec(text);
  if (match === null)
    throw new StatesError(
      "Lambda.ResourceNotFoundException",
      `FunctionName is ${JSON.stringify(functionName)}; give a function's name or ARN.`,
    );
  return match[1] as string;
}

function accept(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  integration: Integration,
  outcome: Outcome,
): void {
  if (outcome === "waiting") return;
  if ("submitted" in outcome) {
    const payload = { key: "output" as const, text: encode(outcome.submitted) };
    runtime.commit(execution, strand, [
      row(runtime, strand, "TaskSubmitted", { details: { ...names(integration), outputDetails: WHOLE }, payload }),
    ]);
    if (integration.kind === "start-execution" && integration.pattern !== "waitForTaskToken")
      awaitChild(runtime, execution, strand, strand.task as Task, integration);
    return;
  }
  taskSucceeded(runtime, execution, strand, integration, encode(outcome.result));
}

function encode(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    throw new StatesError("Runtime.MarshalError", `The handler's answer is not JSON: ${(error as Error).message}`);
  }
}

/** Records a task's result, whether it comes from its handler, its token, or the child execution it waited for. */
export function taskSucceeded(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  integration: Integration,
  text: string,
): void {
  if (exceedsPayloadLimit(text)) throw dataLimit(strand);
  const raw = integration.kind === "lambda-function";
  const details = { outputDetails: WHOLE, ...(raw ? {} : names(integration)) };
  runtime.commit(execution, strand, [
    row(runtime, strand, raw ? "LambdaFunctionSucceeded" : "TaskSucceeded", {
      details,
      payload: { key: "output", text },
    }),
  ]);
}

/** Records a task's failure under the error's name. */
export function taskFailed(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  integration: Integration,
  error: { name: string; message: string },
): void {
  const failure = { error: error.name, cause: error.message };
  const raw = integration.kind === "lambda-function";
  const details = { ...failure, ...(raw ? {} : names(integration)) };
  runtime.commit(execution, strand, [
    row(runtime, strand, raw ? "LambdaFunctionFailed" : "TaskFailed", { details, fact: { failure } }),
  ]);
}
