import type { Clock } from "../clock.ts";
import type { Scope, State } from "./definition.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** What the log holds of one moment: an event of the AWS history, a fact that AWS keeps to itself, or both. */
export interface LogRow {
  /** The strand of control it belongs to. */
  strand: string;
  /** AWS's event type; null for a fact that no history shows. */
  type: string | null;
  previous: number;
  at: number;
  details?: Record<string, unknown>;
  /** The one long text of the event, kept apart so that equal ones are stored once. */
  payload?: { key: "input" | "output" | "parameters"; text: string };
  fact?: Fact;
}

export interface Failure {
  error: string;
  cause: string;
  final?: true;
}

/** What resuming needs beside AWS's own events. Which fields are set follows from the event. */
export interface Fact {
  /** Task scheduled: deadline, heartbeat interval, whether it waits for a token. */
  task?: { timeoutAt?: number; heartbeatMs?: number; token: boolean };
  /** A scheduled task is delivered again after a crash. */
  redelivered?: number;
  heartbeatAt?: number;
  /** Wait state, or the pause before a retry. */
  until?: number;
  retrier?: number;
  /** Branch or iteration inputs. */
  children?: { count: number; concurrency: number; input?: string; items?: string[]; inputs?: string[] };
  mapRun?: MapRunPlan;
  iteration?: { index: number; input: string; item: string };
  next?: string;
  end?: true;
  /** A failure that the state may still retry or catch. */
  /** `final`: it happened while another failure was handled, and is not handled again. */
  failure?: Failure;
  result?: string;
}

/** What was decided when a Map Run started; enough to read the items again after a crash. */
export interface MapRunPlan {
  arn: string;
  label: string;
  input: string;
  concurrency: number;
  toleratedCount: number;
  toleratedPercentage: number;
  reader?: { resource: string; arguments: unknown; config: Record<string, unknown> };
  items?: string;
  batch?: { maxItems: number; maxBytes: number; input?: unknown };
  writer?: { arguments?: { Bucket: string; Prefix?: string }; transformation: string; outputType: string };
}

export type Phase =
  | "enter"
  | "entered"
  | "waiting"
  | "task"
  | "submitted"
  | "children"
  | "result"
  | "failure"
  | "backoff"
  | "ended";

export interface Variables {
  own: Record<string, unknown>;
  parent: Variables | undefined;
}

/** A task between its schedule and its result. */
export interface Task {
  scheduledId: number;
  /** How often it was handed to its handler before this time. */
  deliveries: number;
  timeoutAt: number | undefined;
  heartbeatMs: number | undefined;
  heartbeatAt: number;
  token: boolean;
  /** The arguments as JSON text. */
  input: string;
}

/** The branches of a Parallel or the iterations of an inline Map. */
export interface Group {
  startedId: number;
  count: number;
  concurrency: number;
  items: string[] | undefined;
  inputs: string[] | undefined;
  started: number;
  outputs: (string | undefined)[];
  done: number;
}

/** One line of control: the execution's own, a Parallel's branch, or a Map's iteration. */
export interface Strand {
  id: string;
  parent: Strand | undefined;
  index: number;
  scope: Scope;
  variables: Variables;
  item: { index: number; text: string } | undefined;
  phase: Phase;
  /** The state it is in, or enters next. */
  state: string;
  /** That state's input, as JSON text. */
  input: string;
  /** Id of the last event, and of the event before the state was entered. */
  last: number;
  beforeEntered: number;
  entered: { id: number; at: number };
  retries: number[];
  retryCount: number;
  until: number | undefined;
  task: Task | undefined;
  result: string | undefined;
  failure: Failure | undefined;
  group: Group | undefined;
  mapRun: (MapRunPlan & { startedId: number }) | undefined;
  /** Set when nothing may happen here any more. */
  dead: boolean;
  driving: boolean;
  /** Woken while it was being driven: look again. */
  poked: boolean;
  /** The delivery under way in this process, if any. */
  abort: AbortController | undefined;
  parsed: { text: string; value: unknown } | undefined;
  cancelTimer: (() => void) | undefined;
}

export interface Execution {
  id: number;
  arn: string;
  machine: string;
  name: string;
  scope: Scope;
  /** Path of the scope within the machine; empty for the machine itself. */
  path: string;
  express: boolean;
  input: string;
  startedAt: number;
  status: ExecutionStatus;
  nextEventId: number;
  strands: Map<string, Strand>;
  /** Set on children of a Map Run. */
  parent: { id: number; strand: string; run: number; index: number } | undefined;
  /** Digest of the definition it started with; a changed file does not change a running execution. */
  definition: string;
  cancelTimer: (() => void) | undefined;
  /** Work of strands that ended while rows were applied: stopped when the rows are in the log. */
  cutOff: AbortController[];
}

export const ROOT = "0";

/** A strand about to enter its scope's first state. */
export function newStrand(
  id: string,
  scope: Scope,
  input: string,
  last: number,
  parent: Strand | undefined,
  index: number,
): Strand {
  return {
    id,
    parent,
    index,
    scope,
    variables: { own: {}, parent: parent?.variables },
    item: parent?.item,
    phase: "enter",
    state: scope.StartAt,
    input,
    last,
    beforeEntered: last,
    entered: { id: 0, at: 0 },
    retries: [],
    retryCount: 0,
    until: undefined,
    task: undefined,
    result: undefined,
    failure: undefined,
    group: undefined,
    mapRun: undefined,
    dead: false,
    driving: false,
    poked: false,
    abort: undefined,
    parsed: undefined,
    cancelTimer: undefined,
  };
}

/** The definition of the state the strand is in. */
export function stateOf(strand: Strand): State {
  const state = strand.scope.States[strand.state];
  if (state === undefined)
    throw new Error(`State "${strand.state}" is not in the definition; it should have been refused at load.`);
  return state;
}

/** All variables in sight, inner ones first. */
export function visibleVariables(variables: Variables): Record<string, unknown> {
  return variables.parent === undefined ? variables.own : { ...visibleVariables(variables.parent), ...variables.own };
}

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

/** Arms a timer on a strand, replacing the one it had. */
export function arm(strand: Strand, clock: Clock, at: number, wake: () => void): void {
  strand.cancelTimer?.();
  strand.cancelTimer = clock.at(at, wake);
}
