import { row } from "./bindings.ts";
import type { Scope } from "./definition.ts";
import { StatesError } from "./errors.ts";
import {
  type Execution,
  type ExecutionStatus,
  type LogRow,
  type MapRunPlan,
  ROOT,
  type Strand,
  stateOf,
} from "./execution.ts";
import { type Batch, readBatches } from "./item-reader.ts";
import { uuidOf } from "./map-plan.ts";
import { writeResults } from "./result-writer.ts";
import type { Runtime } from "./runtime.ts";

/** The part of a Map Run that lives in memory: everything in it can be read again from the log and the source. */
class MapRun {
  readonly runtime: Runtime;
  readonly execution: Execution;
  readonly strand: Strand;
  readonly plan: MapRunPlan & { startedId: number };
  readonly running = new Map<number, { items: number; child: Execution }>();
  itemsSeen = 0;
  failedItems = 0;
  exhausted = false;
  closing = false;
  readonly #batches: AsyncIterator<Batch, undefined>;
  /** Children that an earlier life of the engine started. */
  readonly #known: Map<number, ExecutionStatus>;
  #next = 0;
  #pumping = false;

  constructor(runtime: Runtime, execution: Execution, strand: Strand) {
    this.runtime = runtime;
    this.execution = execution;
    this.strand = strand;
    this.plan = strand.mapRun as MapRunPlan & { startedId: number };
    this.#batches = readBatches(runtime, execution, strand, stateOf(strand), this.plan)[Symbol.asyncIterator]();
    const started = runtime.log.childStates(execution.id, this.plan.startedId);
    this.#known = new Map(started.map((child) => [child.item_index, child.status]));
  }

  get over(): boolean {
    return this.closing || this.strand.dead || this.strand.mapRun?.arn !== this.plan.arn || this.runtime.closed;
  }

  /**
   * Reads items and starts children until as many run as may, or the items end. A run at its limit is not busy:
   * the next child that ends pumps again.
   */
  async pump(): Promise<void> {
    if (this.#pumping || this.over || this.exhausted) return;
    this.#pumping = true;
    try {
      while (!this.over && this.running.size < this.plan.concurrency) {
        const { value: batch, done } = await this.#batches.next();
        if (this.over) return;
        if (done === true) {
          this.exhausted = true;
          await this.#finishIfDone();
          return;
        }
        this.#take(this.#next++, batch);
        if (this.#beyondTolerance(false)) return this.#fail();
        if (this.#next % 64 === 0) await new Promise(setImmediate);
      }
    } catch (error) {
      if (!(error instanceof StatesError)) throw error;
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #take(index: number, batch: Batch): void {
    this.itemsSeen += batch.items;
    const status = this.#known.get(index);
    this.#known.delete(index);
    if (status === undefined) this.#launch(index, batch);
    else if (status !== "RUNNING") this.#count(status, batch.items);
    else {
      // It may have ended between the restart and this moment, before this run was there to hear of it.
      const child = this.runtime.byArn.get(this.#childArn(index));
      if (child !== undefined) this.#adopt(index, batch.items, child);
      else this.#count(this.runtime.log.execution(this.#childArn(index))?.status, batch.items);
    }
  }

  #count(status: ExecutionStatus | undefined, items: number): void {
    if (status !== "SUCCEEDED") this.failedItems += items;
  }

  #childArn(index: number): string {
    return `arn:aws:states:local:000000000000:execution:${this.execution.machine}/${this.plan.label}:${uuidOf(`${this.plan.arn}|${index}`)}`;
  }

  #launch(index: number, batch: Batch): void {
    const { runtime, execution, plan } = this;
    const scope = stateOf(this.strand).ItemProcessor as Scope;
    const name = uuidOf(`${plan.arn}|${index}`);
    const child: Execution = {
      id: runtime.log.newExecutionId(),
      arn: this.#childArn(index),
      machine: `${execution.machine}/${plan.label}`,
      name,
      scope,
      path: `${execution.path}${this.#pointer()}`,
      definition: execution.definition,
      express: scope.ProcessorConfig?.ExecutionType === "EXPRESS",
      input: batch.text,
      startedAt: runtime.clock.now(),
      status: "RUNNING",
      nextEventId: 1,
      strands: new Map(),
      parent: { id: execution.id, strand: this.strand.id, run: plan.startedId, index },
      cancelTimer: undefined,
      cutOff: [],
    };
    begin(runtime, child);
    this.#adopt(index, batch.items, child);
  }

  /** Where the child's scope stands in the definition: follows the strands from the root. */
  #pointer(): string {
    const parts: string[] = [];
    for (let strand: Strand | undefined = this.strand; strand !== undefined; strand = strand.parent) {
      const within =
        strand === this.strand
          ? "/ItemProcessor"
          : stateOf(strand).Type === "Parallel"
            ? `/Branches/${parts.shift() as string}`
            : "/ItemProcessor";
      parts.unshift(`/States/${strand.state.replaceAll("~", "~0").replaceAll("/", "~1")}${within}`);
      if (strand.parent !== undefined && stateOf(strand.parent).Type === "Parallel")
        parts.unshift(String(strand.index));
    }
    return parts.join("");
  }

  #adopt(index: number, items: number, child: Execution): void {
    this.running.set(index, { items, child });
    const root = child.strands.get(ROOT);
    if (root !== undefined) this.runtime.drive(child, root);
  }

  childEnded(child: Execution): void {
    const index = child.parent?.index as number;
    const entry = this.running.get(index);
    if (entry === undefined) return;
    this.running.delete(index);
    if (child.status !== "SUCCEEDED") this.failedItems += entry.items;
    if (this.over) return;
    if (this.#beyondTolerance(this.exhausted)) {
      void this.runtime.track(async () => this.#fail());
      return;
    }
    if (this.exhausted) {
      if (this.running.size === 0) void this.runtime.track(() => this.#finishIfDone());
    } else void this.runtime.track(() => this.pump());
  }

  /** The percentage counts against all items, so it is judged when all are known. */
  #beyondTolerance(all: boolean): boolean {
    if (this.failedItems === 0) return false;
    return (
      this.failedItems > this.plan.toleratedCount ||
      (all && (100 * this.failedItems) / this.itemsSeen > this.plan.toleratedPercentage)
    );
  }

  #fail(error?: StatesError): void {
    if (this.over) return;
    this.closing = true;
    const { runtime, execution, strand } = this;
    for (const { child } of [...this.running.values()]) runtime.stopExecution(child, undefined, undefined);
    const failure =
      error ??
      new StatesError(
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
      );
    const details = { error: failure.name, cause: failure.message };
    runtime.commit(execution, strand, [
      row(runtime, strand, "MapRunFailed", { details }),
      row(runtime, strand, "MapStateFailed", { previous: -1, fact: { failure: details } }),
    ]);
    forget(runtime, execution, strand);
    runtime.drive(execution, strand);
  }

  /** Stops the children of a run that is not wanted any more. */
  cutOff(): void {
    if (this.runtime.closed) return;
    this.closing = true;
    for (const { child } of [...this.running.values()]) this.runtime.stopExecution(child, undefined, undefined);
    forget(this.runtime, this.execution, this.strand);
  }

  async #finishIfDone(): Promise<void> {
    if (this.over || !this.exhausted || this.running.size > 0) return;
    if (this.#beyondTolerance(true)) return this.#fail();
    this.closing = true;
    const { runtime, execution, strand, plan } = this;
    let result: string;
    try {
      result = await writeResults(runtime, execution, plan);
    } catch (error) {
      if (!(error instanceof StatesError)) throw error;
      this.closing = false;
      return this.#fail(error);
    }
    if (strand.dead || runtime.closed) return;
    const rows: LogRow[] = [
      row(runtime, strand, "MapRunSucceeded"),
      row(runtime, strand, "MapStateSucceeded", { previous: -1, fact: { result } }),
    ];
    runtime.commit(execution, strand, rows);
    forget(runtime, execution, strand);
    runtime.drive(execution, strand);
  }
}

const runs = new WeakMap<Runtime, Map<string, MapRun>>();

function runsOf(runtime: Runtime): Map<string, MapRun> {
  let known = runs.get(runtime);
  if (known === undefined) {
    known = new Map();
    runs.set(runtime, known);
    const table = known;
    runtime.childEnded = (child) => table.get(`${child.parent?.id}|${child.parent?.strand}`)?.childEnded(child);
  }
  return known;
}

function forget(runtime: Runtime, execution: Execution, strand: Strand): void {
  runsOf(runtime).delete(`${execution.id}|${strand.id}`);
}

/** Starts feeding a Map Run, unless it is being fed already. */
export function runMap(runtime: Runtime, execution: Execution, strand: Strand): void {
  const table = runsOf(runtime);
  const key = `${execution.id}|${strand.id}`;
  const current = table.get(key);
  if (current !== undefined && !current.over) return;
  const run = new MapRun(runtime, execution, strand);
  table.set(key, run);
  // When the Map is cut off (a sibling failed, the execution ended), so are its children.
  strand.abort = new AbortController();
  strand.abort.signal.addEventListener("abort", () => run.cutOff());
  void runtime.track(() => run.pump());
}

/** Registers a new execution and logs its start. */
export function begin(runtime: Runtime, execution: Execution): void {
  runtime.live.set(execution.id, execution);
  runtime.byArn.set(execution.arn, execution);
  if (!execution.express) runtime.log.insertExecution(runtime.executionRow(execution));
  runtime.started(execution);
}
