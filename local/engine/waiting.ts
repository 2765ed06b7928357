import { bindings, place, row } from "./bindings.ts";
import type { State } from "./definition.ts";
import { QueryEvaluationError } from "./errors.ts";
import { arm, type Execution, type Strand, stateOf } from "./execution.ts";
import { fillTyped, inState } from "./expression.ts";
import { guarded } from "./failing.ts";
import { exit } from "./leaving.ts";
import type { Runtime } from "./runtime.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Decides until when a Wait state waits. */
export async function startWait(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  state: State,
): Promise<boolean> {
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
export async function wait(runtime: Runtime, execution: Execution, strand: Strand): Promise<boolean> {
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
