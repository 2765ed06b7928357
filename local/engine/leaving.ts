import { bindings, place, row } from "./bindings.ts";
import { exceedsPayloadLimit, StatesError } from "./errors.ts";
import { type Execution, type Strand, stateOf } from "./execution.ts";
import { fill } from "./expression.ts";
import type { Runtime } from "./runtime.ts";

/** Nothing is cut off in the events written here. */
export const WHOLE = { truncated: false };

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
export async function exit(runtime: Runtime, execution: Execution, strand: Strand, leaving: Leaving): Promise<boolean> {
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

/** Leaves a state whose work has a result. */
export function leaveWithResult(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
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

/** AWS's terminal error for a payload above 256 KiB. */
export function dataLimit(strand: Strand): StatesError {
  return new StatesError(
    "States.DataLimitExceeded",
    `The state/task '${strand.state}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}
