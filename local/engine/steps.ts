import { parseResource } from "../../workflow/checks/task-resource.ts";
import { type Catcher, isDistributed, type State } from "./definition.ts";
import { errorMatches, exceedsPayloadLimit, QueryEvaluationError, StatesError } from "./errors.ts";
import { arm, type Execution, type LogRow, ROOT, type Strand, stateOf, visibleVariables } from "./execution.ts";
import { type Bindings, fill, fillTyped, inState, type Place } from "./expression.ts";
import { enterMap, startIteration } from "./map.ts";
import { retryDelay } from "./retry.ts";
import { type Runtime, Superseded } from "./runtime.ts";
import { awaitTask, enterTask } from "./tasks.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Takes one step of a strand: commits what follows from its phase. False when it now waits for the world. */
export async function step(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
  switch (strand.phase) {
    case "enter":
      return enter(runtime, execution, strand);
    case "entered":
      return guarded(runtime, execution, strand, () => work(runtime, execution, strand));
    case "waiting":
    case "backoff":
      return wait(runtime, execution, strand);
    case "task":
    case "submitted":
      return awaitTask(runtime, execution, strand);
    case "children":
      return enterMap.resume(runtime, execution, strand);
    case "result":
      return guarded(runtime, execution, strand, () => leaveWithResult(runtime, execution, strand));
    case "failure":
      return guarded(runtime, execution, strand, () => handleFailure(runtime, execution, strand));
    case "ended":
      return end(runtime, execution, strand);
  }
}

/** A row of this strand at this moment, following its last event unless told otherwise. */
export function row(runtime: Runtime, strand: Strand, type: string | null, rest: Partial<LogRow> = {}): LogRow {
  return { strand: strand.id, type, previous: strand.last, at: runtime.clock.now(), ...rest };
}

const WHOLE = { truncated: false };

function enter(runtime: Runtime, execution: Execution, strand: Strand): boolean {
  const { Type } = stateOf(strand);
  const details = { name: strand.state, inputDetails: WHOLE };
  runtime.commit(execution, strand, [
    row(runtime, strand, `${Type}StateEntered`, { details, payload: { key: "input", text: strand.input } }),
  ]);
  return true;
}

/** Runs a part that evaluates; an expression that fails becomes EvaluationFailed and a failure of the state. */
async function guarded(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  part: () => Promise<boolean>,
): Promise<boolean> {
  const { phase } = strand;
  try {
    return await part();
  } catch (error) {
    if (!(error instanceof StatesError)) throw error;
    runtime.commit(execution, strand, failureRows(runtime, strand, error, phase));
    return true;
  }
}

function failureRows(runtime: Runtime, strand: Strand, error: StatesError, phase: Strand["phase"]): LogRow[] {
  const { Type } = stateOf(strand);
  const failure = { error: error.name, cause: error.message };
  const rows: LogRow[] = [];
  if (error instanceof QueryEvaluationError) {
    const details = {
      ...failure,
      state: strand.state,
      ...(error.location === undefined ? {} : { location: error.location }),
    };
    // AWS links a failure during entry to the event before the state, as if the state had not been entered;
    // a timestamp that evaluates but cannot be read is linked to the entry.
    const duringEntry = phase === "entered" && !error.message.includes("cannot be parsed as an ISO-8601");
    rows.push(
      row(runtime, strand, "EvaluationFailed", { details, previous: duringEntry ? strand.beforeEntered : strand.last }),
    );
  }
  if (Type === "Map" || Type === "Parallel")
    rows.push(row(runtime, strand, `${Type}StateFailed`, rows.length > 0 ? { previous: -1 } : {}));
  if (rows.length === 0) rows.push(row(runtime, strand, null));
  const last = rows.at(-1) as LogRow;
  // A failure inside Retry or Catch handling is final: a fact of its own keeps it from being caught again.
  last.fact = { failure: phase === "failure" ? { ...failure, final: true } : failure };
  return rows;
}

/** What expressions of this state see. */
export function bindings(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  more: Record<string, unknown> = {},
  context: Record<string, unknown> = {},
): Bindings {
  if (strand.parsed?.text !== strand.input)
    strand.parsed = { text: strand.input, value: JSON.parse(strand.input) as unknown };
  const machine = execution.arn.split(":")[6] as string;
  return {
    states: {
      input: strand.parsed.value,
      ...more,
      context: {
        Execution: {
          Id: execution.arn,
          get Input() {
            return JSON.parse(execution.input) as unknown;
          },
          Name: execution.name,
          RoleArn: "arn:aws:iam::000000000000:role/local",
          StartTime: new Date(execution.startedAt).toISOString(),
          RedriveCount: 0,
        },
        StateMachine: { Id: `arn:aws:states:local:000000000000:stateMachine:${machine}`, Name: machine },
        State: {
          Name: strand.state,
          EnteredTime: new Date(strand.entered.at).toISOString(),
          RetryCount: strand.retryCount,
        },
        ...(strand.item === undefined
          ? {}
          : { Map: { Item: { Index: strand.item.index, Value: JSON.parse(strand.item.text) as unknown } } }),
        ...context,
      },
    },
    variables: visibleVariables(strand.variables),
    world: runtime.world(execution, strand),
  };
}

export function place(strand: Strand, field: string): Place {
  return { state: strand.state, enteredEventId: strand.entered.id, field };
}

async function work(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
  const state = stateOf(strand);
  switch (state.Type) {
    case "Pass":
    case "Succeed":
      return exit(runtime, execution, strand, { clause: state, prefix: "", fallback: strand.input, next: state.Next });
    case "Choice":
      return choose(runtime, execution, strand, state);
    case "Fail":
      return fail(runtime, execution, strand, state);
    case "Wait":
      return startWait(runtime, execution, strand, state);
    case "Task":
      return enterTask(
        runtime,
        execution,
        strand,
        parseResource(state.Resource as string) as NonNullable<ReturnType<typeof parseResource>>,
      );
    case "Parallel":
      return enterParallel(runtime, execution, strand, state);
    case "Map":
      return isDistributed(state)
        ? enterMap.distributed(runtime, execution, strand, state)
        : enterMap.inline(runtime, execution, strand, state);
  }
}

interface Leaving {
  clause: { Assign?: Record<string, unknown>; Output?: unknown };
  /** Where the clause stands, for the cause of a failure: "" or `Choices[0]/`. */
  prefix: string;
  /** The output where the clause names none, as JSON text. */
  fallback: string;
  next: string | undefined;
  more?: Record<string, unknown>;
  /** Events to stand before the exit. */
  previous?: number;
}

/** Assigns and outputs (both see the variables as they were at entry), then leaves the state. */
async function exit(runtime: Runtime, execution: Execution, strand: Strand, leaving: Leaving): Promise<boolean> {
  const { clause, prefix } = leaving;
  const seen = bindings(runtime, execution, strand, leaving.more);
  const assigned: Record<string, string> = {};
  for (const [name, template] of Object.entries(clause.Assign ?? {})) {
    assigned[name] = JSON.stringify(await fill(template, seen, place(strand, `${prefix}Assign/${name}`)));
  }
  const text =
    clause.Output === undefined
      ? leaving.fallback
      : JSON.stringify(await fill(clause.Output, seen, place(strand, `${prefix}Output`)));
  if (exceedsPayloadLimit(text)) throw dataLimit(strand);
  const details = {
    name: strand.state,
    outputDetails: WHOLE,
    ...(clause.Assign === undefined ? {} : { assignedVariables: assigned, assignedVariablesDetails: WHOLE }),
  };
  const fact = leaving.next === undefined ? { end: true as const } : { next: leaving.next };
  runtime.commit(execution, strand, [
    row(runtime, strand, `${stateOf(strand).Type}StateExited`, { details, payload: { key: "output", text }, fact }),
  ]);
  return true;
}

/** AWS's terminal error for a payload above 256 KiB. */
export function dataLimit(strand: Strand): StatesError {
  return new StatesError(
    "States.DataLimitExceeded",
    `The state/task '${strand.state}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}

async function choose(runtime: Runtime, execution: Execution, strand: Strand, state: State): Promise<boolean> {
  const seen = bindings(runtime, execution, strand);
  for (const [index, rule] of (state.Choices ?? []).entries()) {
    if ((await fillTyped(rule.Condition, "boolean", seen, place(strand, `Choices[${index}]/Condition`))) === true) {
      return exit(runtime, execution, strand, {
        clause: rule,
        prefix: `Choices[${index}]/`,
        fallback: strand.input,
        next: rule.Next,
      });
    }
  }
  if (state.Default === undefined) {
    throw new StatesError(
      "States.NoChoiceMatched",
      inState(
        strand.state,
        strand.entered.id,
        "Failed to transition out of the state. The state does not match any choice rule and has no Default.",
      ),
    );
  }
  return exit(runtime, execution, strand, { clause: state, prefix: "", fallback: strand.input, next: state.Default });
}

async function fail(runtime: Runtime, execution: Execution, strand: Strand, state: State): Promise<boolean> {
  const seen = bindings(runtime, execution, strand);
  const error =
    state.Error === undefined
      ? undefined
      : ((await fillTyped(state.Error, "string", seen, place(strand, "Error"))) as string);
  const cause =
    state.Cause === undefined
      ? undefined
      : ((await fillTyped(state.Cause, "string", seen, place(strand, "Cause"))) as string);
  failStrand(runtime, execution, strand, error, cause);
  return true;
}

async function startWait(runtime: Runtime, execution: Execution, strand: Strand, state: State): Promise<boolean> {
  const seen = bindings(runtime, execution, strand);
  let until: number;
  if (state.Timestamp !== undefined) {
    const text = (await fillTyped(state.Timestamp, "string", seen, place(strand, "Timestamp"))) as string;
    const parsed = parseTimestamp(text);
    if (parsed === undefined) {
      throw new QueryEvaluationError(
        inState(
          strand.state,
          strand.entered.id,
          `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`,
        ),
        "Timestamp",
      );
    }
    until = parsed;
  } else {
    const seconds = (await fillTyped(state.Seconds, "number", seen, place(strand, "Seconds"))) as number;
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > 99_999_999) {
      throw new QueryEvaluationError(
        inState(
          strand.state,
          strand.entered.id,
          `The Seconds field must be a whole number between 0 and 99999999 but was: ${seconds}`,
        ),
        "Seconds",
      );
    }
    until = strand.entered.at + seconds * 1000;
  }
  runtime.commit(execution, strand, [row(runtime, strand, null, { fact: { until } })]);
  return true;
}

/** The pause of a Wait state, or before a retry. */
async function wait(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
  const until = strand.until as number;
  if (runtime.clock.now() < until) {
    arm(strand, runtime.clock, until, () => runtime.drive(execution, strand));
    return false;
  }
  if (strand.phase === "backoff") {
    strand.phase = "entered";
    return true;
  }
  const state = stateOf(strand);
  return guarded(runtime, execution, strand, () =>
    exit(runtime, execution, strand, { clause: state, prefix: "", fallback: strand.input, next: state.Next }),
  );
}

async function enterParallel(runtime: Runtime, execution: Execution, strand: Strand, state: State): Promise<boolean> {
  const seen = bindings(runtime, execution, strand);
  const input =
    state.Arguments === undefined
      ? strand.input
      : JSON.stringify(await fill(state.Arguments, seen, place(strand, "Arguments")));
  const count = (state.Branches ?? []).length;
  runtime.commit(execution, strand, [
    row(runtime, strand, "ParallelStateStarted", { fact: { children: { count, concurrency: count, input } } }),
  ]);
  return true;
}

function leaveWithResult(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
  const state = stateOf(strand);
  const text = strand.result as string;
  if (exceedsPayloadLimit(text)) throw dataLimit(strand);
  return exit(runtime, execution, strand, {
    clause: state,
    prefix: "",
    fallback: text,
    next: state.Next,
    more: { result: JSON.parse(text) as unknown },
  });
}

/** Retry, then Catch, then up: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html */
async function handleFailure(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
  const state = stateOf(strand);
  const failure = strand.failure as NonNullable<Strand["failure"]>;
  if (failure.final !== true) {
    const retrier = (state.Retry ?? []).findIndex((each) =>
      each.ErrorEquals.some((pattern) => errorMatches(pattern, failure.error)),
    );
    const rule = state.Retry?.[retrier];
    const made = strand.retries[retrier] ?? 0;
    if (rule !== undefined && made < (rule.MaxAttempts ?? 3)) {
      const until = runtime.clock.now() + retryDelay(rule, made, runtime.world(execution, strand).random);
      runtime.commit(execution, strand, [row(runtime, strand, null, { fact: { retrier, until } })]);
      return true;
    }
    const index = (state.Catch ?? []).findIndex((each) =>
      each.ErrorEquals.some((pattern) => errorMatches(pattern, failure.error)),
    );
    const catcher: Catcher | undefined = state.Catch?.[index];
    if (catcher !== undefined) {
      const errorOutput = { Error: failure.error, Cause: failure.cause };
      return exit(runtime, execution, strand, {
        clause: catcher,
        prefix: `Catch[${index}]/`,
        fallback: JSON.stringify(errorOutput),
        next: catcher.Next,
        more: { errorOutput },
      });
    }
  }
  failStrand(runtime, execution, strand, failure.error, failure.cause);
  return true;
}

/** A strand that fails takes its Map or Parallel, or its execution, with it. */
function failStrand(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  error: string | undefined,
  cause: string | undefined,
): void {
  const details = { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
  // It may have been cut off by a sibling while its error was evaluated.
  if (strand.dead) throw new Superseded();
  const { parent } = strand;
  if (parent === undefined) {
    runtime.commit(execution, strand, [row(runtime, strand, "ExecutionFailed", { strand: ROOT, details })]);
    return;
  }
  const failure = { error: error ?? "States.TaskFailed", cause: cause ?? "" };
  const isMap = stateOf(parent).Type === "Map";
  const rows: LogRow[] = [];
  if (isMap)
    rows.push(
      row(runtime, parent, "MapIterationFailed", {
        previous: strand.last,
        details: { index: strand.index, name: parent.state },
      }),
    );
  rows.push(
    row(runtime, parent, isMap ? "MapStateFailed" : "ParallelStateFailed", {
      previous: isMap ? -1 : strand.last,
      fact: { failure },
    }),
  );
  runtime.commit(execution, parent, rows);
  runtime.drive(execution, parent);
}

/** The strand has left its last state: the execution succeeds, or its Map or Parallel takes the output. */
function end(runtime: Runtime, execution: Execution, strand: Strand): boolean {
  const { parent } = strand;
  if (parent === undefined) {
    runtime.commit(execution, strand, [
      row(runtime, strand, "ExecutionSucceeded", {
        details: { outputDetails: WHOLE },
        payload: { key: "output", text: strand.input },
      }),
    ]);
    return false;
  }
  const group = parent.group as NonNullable<Strand["group"]>;
  if (stateOf(parent).Type === "Parallel") {
    const branches = Array.from({ length: group.count }, (_, index) =>
      execution.strands.get(`${parent.id}/${group.startedId}:${index}`),
    );
    if (!branches.every((branch) => branch?.phase === "ended")) return false;
    const result = `[${branches.map((branch) => branch?.input).join(",")}]`;
    runtime.commit(execution, parent, [
      row(runtime, parent, "ParallelStateSucceeded", { previous: strand.last, fact: { result } }),
    ]);
    runtime.drive(execution, parent);
    return false;
  }
  const rows = [
    row(runtime, parent, "MapIterationSucceeded", {
      previous: strand.last,
      details: { index: strand.index, name: parent.state },
    }),
  ];
  if (group.started < group.count) rows.push(startIteration(runtime, parent, group.started, strand.last));
  else if (group.done + 1 === group.count) {
    const outputs = group.outputs.slice();
    outputs[strand.index] = strand.input;
    rows.push(row(runtime, parent, "MapStateSucceeded", { previous: -1, fact: { result: `[${outputs.join(",")}]` } }));
  }
  const next = group.started;
  runtime.commit(execution, parent, rows);
  const started = execution.strands.get(`${parent.id}/${group.startedId}:${next}`);
  if (started !== undefined) runtime.drive(execution, started);
  if (parent.phase !== "children") runtime.drive(execution, parent);
  return false;
}
