import type { Clock } from "../clock.ts";
import { evaluateWorld, type Random } from "./chance.ts";
import { StatesError } from "./errors.ts";
import { type Execution, type LogRow, ROOT, type Strand } from "./execution.ts";
import type { ExpressionWorld } from "./expression-functions.ts";
import { apply } from "./fold.ts";
import type { EngineLog } from "./log.ts";
import type { EngineServices } from "./services.ts";
import { step } from "./steps.ts";
import type { TaskTokens } from "./tokens.ts";

/** AWS ends an execution whose history reaches this length. */
export const MAX_EVENTS = 25_000;

/** Steps that one strand takes before others (and timers, and the disk) get their turn. */
const STEPS_PER_TURN = 256;

/** Thrown inside a step when its strand ended meanwhile: the step's result is dropped. */
export class Superseded extends Error {}

/** Told around every flush; the fault layer crashes or delays there. */
export interface FlushObserver {
  beforeFlush?(): void;
  afterFlush?(): void;
  /** One transaction per step instead of per turn: a crash can then fall between any two steps. */
  everyStep?: boolean;
}

/** What the engine's parts share: the log, the live executions, and the loop that moves them. */
export class Runtime {
  readonly clock: Clock;
  readonly services: EngineServices;
  readonly log: EngineLog;
  readonly tokens: TaskTokens;
  readonly random: Random;
  readonly live = new Map<number, Execution>();
  readonly byArn = new Map<string, Execution>();
  readonly observer: FlushObserver;
  /** Called when an execution ends, after the end is in the log buffer. */
  readonly onEnd = new Map<number, (() => void)[]>();
  /** Set by the engine: starts an execution for `states:startExecution`. */
  startExecution: (call: { machine: string; name: string; input: string }) => {
    arn: string;
    id: number;
    startedAt: number;
  } = () => {
    throw new Error("not wired");
  };
  stopExecution: (execution: Execution, error: string | undefined, cause: string | undefined) => void = () => {
    throw new Error("not wired");
  };
  childEnded: (execution: Execution) => void = () => undefined;
  /** False until resume: nothing moves, but tokens are taken. */
  animated = false;
  closed = false;
  /** The failure that stopped the engine, for example a full disk. */
  broken: Error | undefined;
  #inFlight = 0;
  #nesting = 0;
  #flushScheduled = false;
  #waitingForFlush: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(parts: {
    clock: Clock;
    services: EngineServices;
    log: EngineLog;
    tokens: TaskTokens;
    random: Random;
    observer: FlushObserver;
  }) {
    this.clock = parts.clock;
    this.services = parts.services;
    this.log = parts.log;
    this.tokens = parts.tokens;
    this.random = parts.random;
    this.observer = parts.observer;
    this.log.beforeRead = () => {
      if (this.broken === undefined && !this.closed) this.flush();
    };
  }

  /** Chance and time for the evaluations of one moment: the same after a restart. */
  world(execution: Execution, strand: Strand): ExpressionWorld {
    return evaluateWorld(this.random, `${execution.arn}|${strand.id}|${strand.last}`, this.clock.now());
  }

  /**
   * Appends rows to the log and applies them. `previous` -1 means the row just before. Ends the execution instead
   * when AWS's limit of events is reached. Throws Superseded when the strand or execution is over.
   */
  commit(execution: Execution, strand: Strand, rows: LogRow[]): void {
    if (this.closed || this.broken !== undefined || execution.status !== "RUNNING" || strand.dead)
      throw new Superseded();
    const events = rows.filter((row) => row.type !== null).length;
    const ending = rows.at(-1)?.type?.startsWith("Execution") === true;
    if (!ending && execution.nextEventId - 1 + events >= MAX_EVENTS) {
      const cause = `The execution reached the maximum number of history events (${MAX_EVENTS}).`;
      rows = [
        {
          strand: ROOT,
          type: "ExecutionFailed",
          previous: strand.last,
          at: this.clock.now(),
          details: { error: "States.Runtime", cause },
        },
      ];
    }
    let before = 0;
    for (const row of rows) {
      if (row.previous === -1) row.previous = before;
      const id = apply(execution, row);
      if (!execution.express) this.log.append(execution.id, id, row);
      if (id > 0) before = id;
    }
    const last = rows.at(-1) as LogRow;
    // What follows from these rows elsewhere (children stopped, a waiting parent told) joins their transaction.
    this.#nesting++;
    try {
      for (const abort of execution.cutOff.splice(0)) abort.abort();
      if (execution.status !== "RUNNING") this.#ended(execution, last);
    } finally {
      this.#nesting--;
    }
    if (this.observer.everyStep === true && this.#nesting === 0) this.flush();
    else this.#scheduleFlush();
  }

  /** Logs the start of a registered execution and sets its deadline. */
  started(execution: Execution): void {
    const row: LogRow = {
      strand: ROOT,
      type: "ExecutionStarted",
      previous: 0,
      at: execution.startedAt,
      details: { inputDetails: { truncated: false }, roleArn: "arn:aws:iam::000000000000:role/local" },
      payload: { key: "input", text: execution.input },
    };
    const id = apply(execution, row);
    if (!execution.express) this.log.append(execution.id, id, row);
    this.watchDeadline(execution);
    this.#scheduleFlush();
  }

  /** A state machine's own TimeoutSeconds. */
  watchDeadline(execution: Execution): void {
    const seconds = execution.scope.TimeoutSeconds;
    if (seconds === undefined || execution.path !== "") return;
    execution.cancelTimer = this.clock.at(execution.startedAt + seconds * 1000, () => {
      const root = execution.strands.get(ROOT);
      if (root === undefined) return;
      void this.track(async () =>
        this.commit(execution, root, [
          { strand: ROOT, type: "ExecutionTimedOut", previous: root.last, at: this.clock.now(), details: {} },
        ]),
      );
    });
  }

  #ended(execution: Execution, row: LogRow): void {
    const details = row.details ?? {};
    const text = (key: string): string | null => (typeof details[key] === "string" ? (details[key] as string) : null);
    if (execution.express) this.log.insertExecution(this.executionRow(execution));
    this.log.endExecution(
      execution.id,
      execution.status,
      row.payload?.text ?? null,
      text("error"),
      text("cause"),
      row.at,
    );
    this.live.delete(execution.id);
    this.byArn.delete(execution.arn);
    if (execution.parent !== undefined) this.childEnded(execution);
    for (const listener of this.onEnd.get(execution.id) ?? []) listener();
    this.onEnd.delete(execution.id);
  }

  executionRow(execution: Execution): Parameters<EngineLog["insertExecution"]>[0] {
    const { parent } = execution;
    return {
      id: execution.id,
      arn: execution.arn,
      machine: execution.machine,
      name: execution.name,
      definition: execution.definition,
      path: execution.path,
      express: execution.express ? 1 : 0,
      parent: parent?.id ?? null,
      parent_strand: parent?.strand ?? null,
      parent_run: parent?.run ?? null,
      item_index: parent?.index ?? null,
      input: execution.input,
      started_at: execution.startedAt,
    };
  }

  /** Runs several commits as one transaction, even where every step has its own. */
  together(work: () => void): void {
    this.#nesting++;
    try {
      work();
    } finally {
      this.#nesting--;
    }
    this.flush();
  }

  /** Moves a strand as far as it goes without waiting for the world. */
  drive(execution: Execution, strand: Strand): void {
    if (!this.animated || this.closed || strand.dead || this.broken !== undefined) return;
    strand.poked = true;
    if (strand.driving) return;
    strand.driving = true;
    void this.track(async () => {
      try {
        for (let steps = 0; strand.poked && !strand.dead && !this.closed; ) {
          strand.poked = false;
          while (!strand.dead && !this.closed && (await step(this, execution, strand))) {
            if (++steps % STEPS_PER_TURN === 0) await new Promise(setImmediate);
          }
        }
      } finally {
        strand.driving = false;
      }
    });
  }

  /** Runs work that counts as busy. A Superseded is normal; any other error stops the engine loudly. */
  async track(work: () => Promise<void>): Promise<void> {
    this.#inFlight++;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Superseded)) this.fail(error as Error);
    } finally {
      this.#inFlight--;
      this.#settle();
    }
  }

  /** Stops everything after an error that no state machine caused (a full disk, a defect). The log keeps what was flushed. */
  fail(error: Error): void {
    if (this.closed || this.broken !== undefined) return;
    this.broken = error;
    this.log.discard();
    for (const waiter of this.#waitingForFlush.splice(0)) waiter.reject(error);
    for (const idle of this.#idleWaiters.splice(0)) idle();
  }

  busy(): boolean {
    return this.broken === undefined && (this.#inFlight > 0 || this.#flushScheduled);
  }

  whenIdle(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#idleWaiters.push(() => (this.broken === undefined ? resolve() : reject(this.broken)));
      this.#settle();
    });
  }

  #settle(): void {
    if (this.busy() || this.#idleWaiters.length === 0) return;
    setImmediate(() => {
      if (this.busy()) return;
      for (const idle of this.#idleWaiters.splice(0)) idle();
    });
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      if (!this.closed) {
        try {
          this.flush();
        } catch (error) {
          this.fail(error as Error);
        }
      }
      this.#settle();
    });
  }

  /** Writes what was committed. Effects wait for it (`durable`), so nothing happens in the world that the log forgets. */
  flush(): void {
    if (this.broken !== undefined) throw this.broken;
    try {
      if (this.log.dirty) {
        this.observer.beforeFlush?.();
        this.log.flush();
        this.observer.afterFlush?.();
      }
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
    for (const waiter of this.#waitingForFlush.splice(0)) waiter.resolve();
  }

  /** Resolves when everything committed so far is on disk. */
  async durable(): Promise<void> {
    if (!this.log.dirty) return;
    await new Promise<void>((resolve, reject) => {
      this.#waitingForFlush.push({ resolve, reject });
      this.#scheduleFlush();
    });
  }
}

/** The error a caller sees after the engine stopped. */
export function stoppedError(cause: Error | undefined): StatesError {
  return new StatesError(
    "EngineStopped",
    `The engine has stopped${cause === undefined ? "" : `: ${cause.message}`}. Free the cause and open the log again; executions go on where they were.`,
  );
}
