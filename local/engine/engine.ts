import { createHash } from "node:crypto";
import { lintDefinition } from "../../workflow/checks/definition-lint.ts";
import { parseResource } from "../../workflow/checks/task-resource.ts";
import type { Clock } from "../clock.ts";
import { row } from "./bindings.ts";
import { randomFrom } from "./chance.ts";
import type { Scope } from "./definition.ts";
import { begin } from "./distributed-map.ts";
import { exceedsPayloadLimit, StatesError } from "./errors.ts";
import { type Execution, type ExecutionStatus, ROOT, type Strand, stateOf } from "./execution.ts";
import { apply } from "./fold.ts";
import { historyOf } from "./history.ts";
import type { HistoryEvent } from "./history-event.ts";
import { EngineLog } from "./log.ts";
import { type FlushObserver, Runtime, stoppedError } from "./runtime.ts";
import type { EngineServices } from "./services.ts";
import { taskFailed, taskSucceeded, visitOf } from "./tasks.ts";
import { TaskTokens } from "./tokens.ts";

export type { ExecutionStatus } from "./execution.ts";
export type { HistoryEvent } from "./history-event.ts";
export type { EngineServices } from "./services.ts";

import { described, type ExecutionDescription, revive } from "./stored-execution.ts";

export type { ExecutionDescription } from "./stored-execution.ts";

export interface EngineOptions {
  /** A file, or ":memory:". */
  logPath: string;
  clock: Clock;
  /** Name -> parsed ASL with placeholders filled. */
  machines: Record<string, unknown>;
  services: EngineServices;
  /** Feeds $random, $uuid and retry jitter. */
  seed: number;
  /** Run definitions whose expressions name unknown things, as AWS does; for replaying recordings. */
  allowUnknownReferences?: boolean;
  /** The fault layer's hooks. */
  observer?: FlushObserver;
}

interface Machine {
  scope: Scope;
  digest: string;
}

/** Characters that AWS refuses in an execution's name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what AWS refuses
const REFUSED_IN_NAME = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/u;

/**
 * Runs the product's state machines as AWS Step Functions would, from a durable log: killed at any moment and opened
 * again, every execution goes on where it was. Handlers are called at least once.
 */
export class Engine {
  readonly #runtime: Runtime;
  readonly #log: EngineLog;
  readonly #clock: Clock;
  readonly #machines = new Map<string, Machine>();

  private constructor(options: EngineOptions) {
    for (const [name, definition] of Object.entries(options.machines)) {
      const findings = lintDefinition(name, definition).filter(
        (finding) =>
          finding.kind === "profile" || (finding.kind === "reference" && options.allowUnknownReferences !== true),
      );
      if (findings.length > 0) {
        const told = findings.map((finding) => `  ${finding.path}: ${finding.message}`).join("\n");
        throw new StatesError("InvalidDefinition", `State machine "${name}" is refused:\n${told}`);
      }
    }
    this.#clock = options.clock;
    this.#log = new EngineLog(options.logPath);
    const tokens = new TaskTokens(this.#log.secret);
    this.#runtime = new Runtime({
      clock: options.clock,
      services: options.services,
      log: this.#log,
      tokens,
      random: randomFrom(options.seed),
      observer: options.observer ?? {},
    });
    this.#runtime.startExecution = (call) => this.#start(call);
    this.#runtime.stopExecution = (execution, error, cause) => this.#abort(execution, error, cause);
    for (const [name, definition] of Object.entries(options.machines)) {
      const text = JSON.stringify(definition);
      const digest = createHash("sha256").update(text).digest("hex");
      this.#log.saveDefinition(digest, text);
      this.#machines.set(name, { scope: JSON.parse(text) as Scope, digest });
    }
    this.#log.flush();
    this.#load();
  }

  /** Opens (or makes) a log. Nothing moves before `resume`, but tokens are already taken. */
  static open(options: EngineOptions): Engine {
    return new Engine(options);
  }

  /** Folds the log of every running execution back into memory. */
  #load(): void {
    const scopes = new Map<string, unknown>();
    for (const stored of this.#log.executions({ status: "RUNNING", children: true })) {
      let scope = scopes.get(stored.definition);
      if (scope === undefined) {
        scope = JSON.parse(this.#log.definition(stored.definition)) as unknown;
        scopes.set(stored.definition, scope);
      }
      for (const part of stored.path.split("/").slice(1))
        scope = (scope as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
      const execution = revive(stored, scope as Scope);
      for (const logged of this.#log.rows(stored.id)) apply(execution, logged);
      this.#runtime.live.set(execution.id, execution);
      this.#runtime.byArn.set(execution.arn, execution);
    }
  }

  /** Re-animates every running execution. Tasks without a recorded result are delivered again. */
  resume(): void {
    const runtime = this.#runtime;
    if (runtime.animated) return;
    runtime.animated = true;
    // All deliveries of this life are one step of the log; otherwise a machine that dies often would only count them.
    runtime.together(() => this.#redeliver());
    for (const execution of [...runtime.live.values()]) {
      runtime.watchDeadline(execution);
      for (const strand of [...execution.strands.values()]) {
        runtime.drive(execution, strand);
      }
    }
  }

  /** Notes that tasks without a recorded result are handed out once more. */
  #redeliver(): void {
    const runtime = this.#runtime;
    for (const execution of runtime.live.values()) {
      for (const strand of execution.strands.values()) {
        const waitsForToken = strand.phase === "submitted" && strand.task?.token === true;
        if (strand.task === undefined || waitsForToken) continue;
        const fact = { redelivered: strand.task.deliveries + 1 };
        runtime.commit(execution, strand, [row(runtime, strand, null, { fact })]);
      }
    }
  }

  /**
   * Starts an execution; durable on return. The same name with equal input answers the execution that is known.
   * Errors: StateMachineDoesNotExist, InvalidName, InvalidExecutionInput, ExecutionAlreadyExists.
   */
  start(call: { machine: string; name: string; input: unknown }): { executionArn: string } {
    const { arn } = this.#start({
      machine: call.machine,
      name: call.name,
      input: JSON.stringify(call.input) ?? "null",
    });
    this.#runtime.flush();
    return { executionArn: arn };
  }

  #start(call: { machine: string; name: string; input: string }): { arn: string; id: number; startedAt: number } {
    this.#alive();
    const { name, input } = call;
    const machine = this.#machines.get(call.machine);
    if (machine === undefined) {
      throw new StatesError(
        "StateMachineDoesNotExist",
        `State machine "${call.machine}" does not exist; known are ${[...this.#machines.keys()].join(", ")}.`,
      );
    }
    if (name.length < 1 || name.length > 80 || REFUSED_IN_NAME.test(name)) {
      throw new StatesError(
        "InvalidName",
        `Execution name "${name}" (${name.length} characters) is refused: 1 to 80 characters, no white space and none of < > { } [ ] ? * " # % \\ ^ | ~ \` $ & , ; : /`,
      );
    }
    if (exceedsPayloadLimit(input)) {
      throw new StatesError(
        "InvalidExecutionInput",
        `The input of "${name}" has ${Buffer.byteLength(input)} bytes; at most 262,144 are allowed. Put the data into an object and give its key.`,
      );
    }
    const arn = `arn:aws:states:local:000000000000:execution:${call.machine}:${name}`;
    const known = this.#runtime.byArn.get(arn) ?? this.#log.execution(arn);
    if (known !== undefined) {
      if (known.input !== input)
        throw new StatesError(
          "ExecutionAlreadyExists",
          `Execution Already Exists: '${arn}' was started with another input. Choose another name.`,
        );
      return { arn, id: known.id, startedAt: "startedAt" in known ? known.startedAt : known.started_at };
    }
    const startedAt = this.#clock.now();
    const id = this.#log.newExecutionId();
    const execution: Execution = {
      id,
      arn,
      name,
      input,
      startedAt,
      machine: call.machine,
      scope: machine.scope,
      path: "",
      definition: machine.digest,
      express: false,
      status: "RUNNING",
      nextEventId: 1,
      strands: new Map(),
      parent: undefined,
      cancelTimer: undefined,
      cutOff: [],
    };
    begin(this.#runtime, execution);
    this.#runtime.drive(execution, execution.strands.get(ROOT) as Strand);
    return { arn, id, startedAt };
  }

  /** Ends a running execution as ABORTED; does nothing to one that has ended. Throws ExecutionDoesNotExist. */
  stop(executionArn: string, error?: string, cause?: string): void {
    this.#alive();
    const execution = this.#runtime.byArn.get(executionArn);
    if (execution === undefined) {
      if (this.#log.execution(executionArn) === undefined) throw missing(executionArn);
      return;
    }
    this.#abort(execution, error, cause);
    this.#runtime.flush();
  }

  #abort(execution: Execution, error: string | undefined, cause: string | undefined): void {
    const root = execution.strands.get(ROOT);
    if (root === undefined || this.#runtime.broken !== undefined) return;
    const details = { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
    this.#runtime.commit(execution, root, [row(this.#runtime, root, "ExecutionAborted", { details })]);
  }

  describe(executionArn: string): ExecutionDescription | undefined {
    const stored = this.#log.execution(executionArn);
    return stored === undefined ? undefined : described(stored);
  }

  /** Executions in order of start. Children of Map Runs are left out unless `children` is set. */
  list(filter: { machine?: string; status?: ExecutionStatus; children?: boolean } = {}): ExecutionDescription[] {
    return this.#log.executions(filter).map(described);
  }

  /** The execution's history in AWS's form; empty for an unknown execution and for EXPRESS children, which keep none. */
  history(executionArn: string): HistoryEvent[] {
    const stored = this.#log.execution(executionArn);
    return stored === undefined ? [] : historyOf(this.#log.rows(stored.id));
  }

  /** Completes a task by its token; durable on return. `output` is JSON text. Errors: InvalidToken, InvalidOutput, TaskTimedOut, TaskDoesNotExist. */
  sendTaskSuccess(token: string, output: string): void {
    const found = this.#waiting(token);
    try {
      JSON.parse(output);
    } catch {
      throw new StatesError(
        "InvalidOutput",
        `Invalid Output: 'Invalid JSON given: ${String(output).slice(0, 120)}'. Send the result as JSON text.`,
      );
    }
    if (exceedsPayloadLimit(output))
      throw new StatesError(
        "InvalidOutput",
        "The output is longer than the 262,144 bytes that a state carries. Send a key of an object that holds it.",
      );
    const { execution, strand } = found;
    const resource = parseResource(stateOf(strand).Resource as string) as NonNullable<ReturnType<typeof parseResource>>;
    taskSucceeded(this.#runtime, execution, strand, resource, JSON.stringify(JSON.parse(output)));
    this.#closeTask(execution, strand);
  }

  /** Fails a task by its token; durable on return. Errors as for success. */
  sendTaskFailure(token: string, error: string, cause: string): void {
    const { execution, strand } = this.#waiting(token);
    const resource = parseResource(stateOf(strand).Resource as string) as NonNullable<ReturnType<typeof parseResource>>;
    taskFailed(this.#runtime, execution, strand, resource, { name: error, message: cause });
    this.#closeTask(execution, strand);
  }

  /** Says that a token task is still being worked on; durable on return. */
  sendTaskHeartbeat(token: string): void {
    const { execution, strand } = this.#waiting(token);
    this.#runtime.commit(execution, strand, [
      row(this.#runtime, strand, null, { fact: { heartbeatAt: this.#clock.now() } }),
    ]);
    this.#runtime.flush();
    this.#runtime.drive(execution, strand);
  }

  #closeTask(execution: Execution, strand: Strand): void {
    strand.abort = undefined;
    this.#runtime.flush();
    this.#runtime.drive(execution, strand);
  }

  #waiting(token: string): { execution: Execution; strand: Strand } {
    this.#alive();
    const named = this.#runtime.tokens.read(token);
    const execution = this.#runtime.live.get(named.execution);
    if (execution === undefined) {
      if (this.#log.executionById(named.execution) === undefined)
        throw new StatesError(
          "TaskDoesNotExist",
          "Task does not exist: the log that this token names an execution of does not hold it.",
        );
      throw closedTask();
    }
    const strand = execution.strands.get(named.strand);
    if (
      strand?.task?.token !== true ||
      visitOf(strand) !== named.visit ||
      (strand.phase !== "task" && strand.phase !== "submitted")
    )
      throw closedTask();
    return { execution, strand };
  }

  /** True while a handler, a job or an internal step is under way; false when only timers and tokens are left. */
  busy(): boolean {
    return this.#runtime.busy();
  }

  /** True once an error that no state machine caused (a full disk) has stopped everything; open the log again. */
  broken(): boolean {
    return this.#runtime.broken !== undefined;
  }

  /** Resolves when only timers and tokens are left. Rejects if the engine stopped on an error (a full disk). */
  whenIdle(): Promise<void> {
    return this.#runtime.whenIdle();
  }

  /** Stops moving, aborts handlers, writes what is pending and closes the log. Executions stay RUNNING in it. */
  async close(): Promise<void> {
    const runtime = this.#runtime;
    if (runtime.closed) return;
    try {
      if (runtime.broken === undefined) runtime.flush();
    } finally {
      runtime.closed = true;
      for (const execution of runtime.live.values()) {
        execution.cancelTimer?.();
        for (const strand of execution.strands.values()) {
          strand.cancelTimer?.();
          strand.abort?.abort();
        }
      }
      this.#log.close();
    }
  }

  #alive(): void {
    if (this.#runtime.closed || this.#runtime.broken !== undefined) throw stoppedError(this.#runtime.broken);
  }
}

function closedTask(): StatesError {
  return new StatesError(
    "TaskTimedOut",
    "Task Timed Out: 'Provided task does not exist anymore'. It was completed, failed, timed out, or its execution ended.",
  );
}

function missing(arn: string): StatesError {
  return new StatesError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
}
