import type { Scope } from "./definition.ts";
import {
  type Execution,
  type Fact,
  type LogRow,
  type MapRunPlan,
  newStrand,
  ROOT,
  type Strand,
  stateOf,
  type Variables,
} from "./execution.ts";

function kill(execution: Execution, strand: Strand): void {
  strand.dead = true;
  if (strand.abort !== undefined) execution.cutOff.push(strand.abort);
  strand.cancelTimer?.();
  strand.cancelTimer = undefined;
  execution.strands.delete(strand.id);
}

function killChildren(execution: Execution, parent: Strand): void {
  const prefix = `${parent.id}/`;
  for (const strand of [...execution.strands.values()]) if (strand.id.startsWith(prefix)) kill(execution, strand);
}

const QUIET = new Set(["MapStateSucceeded", "MapRunSucceeded", "ParallelStateSucceeded"]);

/**
 * The one place where an execution changes: live and on recovery alike, state is the fold of its log.
 * Returns the id the row's event has in the history (0 when it is a fact only).
 */
export function apply(execution: Execution, row: LogRow): number {
  const id = row.type === null ? 0 : execution.nextEventId++;
  const { type, fact } = row;
  if (type === "ExecutionStarted") {
    const root = newStrand(ROOT, execution.scope, execution.input, 0, undefined, 0);
    execution.strands.set(ROOT, root);
    return id;
  }
  const strand = execution.strands.get(row.strand);
  if (strand === undefined) return id;
  if (type?.startsWith("Execution")) {
    execution.status =
      type === "ExecutionSucceeded"
        ? "SUCCEEDED"
        : type === "ExecutionFailed"
          ? "FAILED"
          : type === "ExecutionTimedOut"
            ? "TIMED_OUT"
            : "ABORTED";
    execution.cancelTimer?.();
    for (const each of [...execution.strands.values()]) kill(execution, each);
    return id;
  }
  if (type === "ParallelStateSucceeded") strand.last = row.previous;
  else if (id > 0 && !QUIET.has(type as string)) strand.last = id;
  strand.cancelTimer?.();
  strand.cancelTimer = undefined;
  if (type?.endsWith("StateEntered") === true) {
    strand.phase = "entered";
    strand.abort = undefined;
    strand.beforeEntered = row.previous;
    strand.entered = { id, at: row.at };
  } else if (type?.endsWith("StateExited") === true) {
    const assigned = (row.details?.assignedVariables ?? {}) as Record<string, string>;
    for (const [name, text] of Object.entries(assigned)) assign(strand.variables, name, JSON.parse(text));
    Object.assign(strand, {
      input: (row.payload as { text: string }).text,
      retries: [],
      retryCount: 0,
      task: undefined,
      result: undefined,
      failure: undefined,
      group: undefined,
      mapRun: undefined,
      until: undefined,
    });
    if (fact?.next === undefined) strand.phase = "ended";
    else {
      strand.phase = "enter";
      strand.state = fact.next;
    }
  } else if (type === "TaskScheduled" || type === "LambdaFunctionScheduled") {
    const task = fact?.task as NonNullable<Fact["task"]>;
    const { timeoutAt, heartbeatMs, token } = task;
    strand.abort = undefined;
    strand.task = {
      scheduledId: id,
      deliveries: 0,
      timeoutAt,
      heartbeatMs,
      heartbeatAt: row.at,
      token,
      input: (row.payload as { text: string }).text,
    };
    strand.phase = "task";
  } else if (type === "TaskSubmitted") {
    strand.phase = "submitted";
  } else if (
    type === "TaskSucceeded" ||
    type === "LambdaFunctionSucceeded" ||
    type === "MapStateSucceeded" ||
    type === "ParallelStateSucceeded"
  ) {
    strand.phase = "result";
    strand.result =
      type === "TaskSucceeded" || type === "LambdaFunctionSucceeded"
        ? (row.payload as { text: string }).text
        : (fact?.result as string);
    strand.task = undefined;
    if (type === "ParallelStateSucceeded") killChildren(execution, strand);
  } else if (type === "MapStateStarted" || type === "ParallelStateStarted") {
    const plan = fact?.children;
    if (plan !== undefined) startGroup(execution, strand, id, plan);
  } else if (type === "MapIterationStarted") {
    const iteration = fact?.iteration as NonNullable<Fact["iteration"]>;
    const group = strand.group as NonNullable<Strand["group"]>;
    const child = newStrand(
      `${strand.id}/${group.startedId}:${iteration.index}`,
      stateOf(strand).ItemProcessor as Scope,
      iteration.input,
      id,
      strand,
      iteration.index,
    );
    child.item = { index: iteration.index, text: iteration.item };
    execution.strands.set(child.id, child);
    group.started = Math.max(group.started, iteration.index + 1);
  } else if (type === "MapIterationSucceeded") {
    const group = strand.group as NonNullable<Strand["group"]>;
    const child = execution.strands.get(`${strand.id}/${group.startedId}:${row.details?.index}`);
    if (child !== undefined) {
      group.outputs[child.index] = child.input;
      group.done++;
      kill(execution, child);
    }
  } else if (type === "MapRunStarted") {
    strand.mapRun = { ...(fact?.mapRun as MapRunPlan), startedId: id };
    strand.phase = "children";
  }
  if (fact !== undefined) applyFact(execution, strand, fact);
  return id;
}

function applyFact(execution: Execution, strand: Strand, fact: Fact): void {
  if (fact.failure !== undefined) {
    killChildren(execution, strand);
    Object.assign(strand, {
      phase: "failure",
      failure: fact.failure,
      task: undefined,
      group: undefined,
      mapRun: undefined,
    });
  }
  if (fact.redelivered !== undefined && strand.task !== undefined) strand.task.deliveries = fact.redelivered;
  if (fact.heartbeatAt !== undefined && strand.task !== undefined) strand.task.heartbeatAt = fact.heartbeatAt;
  if (fact.retrier !== undefined) {
    strand.retries[fact.retrier] = (strand.retries[fact.retrier] ?? 0) + 1;
    Object.assign(strand, {
      phase: "backoff",
      until: fact.until,
      retryCount: strand.retryCount + 1,
      failure: undefined,
    });
  } else if (fact.until !== undefined) {
    Object.assign(strand, { phase: "waiting", until: fact.until });
  }
}

function startGroup(
  execution: Execution,
  strand: Strand,
  startedId: number,
  plan: NonNullable<Fact["children"]>,
): void {
  const input = plan.input ?? strand.input;
  strand.group = {
    startedId,
    count: plan.count,
    concurrency: plan.concurrency,
    items: plan.items,
    inputs: plan.inputs,
    started: 0,
    outputs: new Array(plan.count),
    done: 0,
  };
  strand.phase = "children";
  const branches = stateOf(strand).Branches;
  for (const [index, branch] of (branches ?? []).entries()) {
    const child = newStrand(`${strand.id}/${startedId}:${index}`, branch, input, startedId, strand, index);
    execution.strands.set(child.id, child);
  }
}

/** Variables belong to the scope that assigns them; the lint refuses a name that an outer scope uses. */
function assign(variables: Variables, name: string, value: unknown): void {
  variables.own = { ...variables.own, [name]: value };
}
