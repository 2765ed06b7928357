import { parseResource } from "../../workflow/checks/task-resource.ts";
import { bindings, place, row } from "./bindings.ts";
import { isDistributed, type State } from "./definition.ts";
import { StatesError } from "./errors.ts";
import { type Execution, type Strand, stateOf } from "./execution.ts";
import { fill, fillTyped, inState } from "./expression.ts";
import { failStrand, guarded, handleFailure } from "./failing.ts";
import { exit, leaveWithResult, WHOLE } from "./leaving.ts";
import { enterMap, startIteration } from "./map.ts";
import type { Runtime } from "./runtime.ts";
import { awaitTask, enterTask } from "./tasks.ts";
import { startWait, wait } from "./waiting.ts";

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

function enter(runtime: Runtime, execution: Execution, strand: Strand): boolean {
  const { Type } = stateOf(strand);
  const details = { name: strand.state, inputDetails: WHOLE };
  runtime.commit(execution, strand, [
    row(runtime, strand, `${Type}StateEntered`, { details, payload: { key: "input", text: strand.input } }),
  ]);
  return true;
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
