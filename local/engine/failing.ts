import { row } from "./bindings.ts";
import type { Catcher } from "./definition.ts";
import { errorMatches, QueryEvaluationError, StatesError } from "./errors.ts";
import { type Execution, type LogRow, ROOT, type Strand, stateOf } from "./execution.ts";
import { exit } from "./leaving.ts";
import { retryDelay } from "./retry.ts";
import { type Runtime, Superseded } from "./runtime.ts";

/** Runs a part that evaluates; an expression that fails becomes EvaluationFailed and a failure of the state. */
export async function guarded(
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

/** Retry, then Catch, then up: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html */
export async function handleFailure(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
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
export function failStrand(
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
