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

/** Arms a timer on a strand, replacing the one it had. */
export function arm(strand: Strand, clock: Clock, at: number, wake: () => void): void {
  strand.cancelTimer?.();
  strand.cancelTimer = clock.at(at, wake);
}
