import { randomBytes } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { ExecutionStatus, Fact, LogRow } from "./execution.ts";
import { migrate } from "./schema.ts";

/** Shorter texts stand in the row; longer ones are stored once per execution and referred to. */
const INLINE_CHARACTERS = 256;

/** One execution as its row says. */
export interface ExecutionRow {
  id: number;
  arn: string;
  machine: string;
  name: string;
  definition: string;
  path: string;
  express: number;
  parent: number | null;
  parent_strand: string | null;
  parent_run: number | null;
  item_index: number | null;
  input: string;
  started_at: number;
  status: ExecutionStatus;
  output: string | null;
  error: string | null;
  cause: string | null;
  stopped_at: number | null;
}

export interface StoredRow extends LogRow {
  position: number;
}

/**
 * The engine's only memory: an append-only log (SQLite, WAL, synchronous NORMAL: a killed process loses nothing that
 * was flushed; a power cut may lose the last moments, never tear one). `executions` is its index by name and state.
 * Writes gather until `flush`, which is one transaction.
 */
export class EngineLog {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #pending: (() => void)[] = [];
  #discarding = false;
  #payloadId: number;
  #executionId: number;
  /** The last texts stored per execution: id of the payload row. */
  readonly #recent = new Map<number, { text: string; id: number }[]>();
  readonly secret: Buffer;
  flushes = 0;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 16000;",
    );
    migrate(this.#db);
    this.#payloadId = (this.#db.prepare("SELECT max(id) AS id FROM payload").get() as { id: number | null }).id ?? 0;
    this.#executionId =
      (this.#db.prepare("SELECT max(id) AS id FROM execution").get() as { id: number | null }).id ?? 0;
    const stored = this.#db.prepare("SELECT value FROM meta WHERE key = 'token secret'").get() as
      | { value: string }
      | undefined;
    this.secret = stored === undefined ? randomBytes(32) : Buffer.from(stored.value, "hex");
    if (stored === undefined)
      this.#db.prepare("INSERT INTO meta VALUES ('token secret', ?)").run(this.secret.toString("hex"));
  }

  #run(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  newExecutionId(): number {
    return ++this.#executionId;
  }

  saveDefinition(digest: string, text: string): void {
    this.#pending.push(() => this.#run("INSERT OR IGNORE INTO definition VALUES (?, ?)").run(digest, text));
  }

  definition(digest: string): string {
    return (this.#run("SELECT text FROM definition WHERE digest = ?").get(digest) as { text: string }).text;
  }

  insertExecution(row: Omit<ExecutionRow, "status" | "output" | "error" | "cause" | "stopped_at">): void {
    // The execution's input is stored with the execution; what refers to payload 0 means that text.
    this.#recent.set(row.id, [{ text: row.input, id: 0 }]);
    this.#pending.push(() =>
      this.#run(
        "INSERT INTO execution (id, arn, machine, name, definition, path, express, parent, parent_strand, parent_run, item_index, input, started_at, status) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,'RUNNING')",
      ).run(
        row.id,
        row.arn,
        row.machine,
        row.name,
        row.definition,
        row.path,
        row.express,
        row.parent,
        row.parent_strand,
        row.parent_run,
        row.item_index,
        row.input,
        row.started_at,
      ),
    );
  }

  endExecution(
    id: number,
    status: ExecutionStatus,
    output: string | null,
    error: string | null,
    cause: string | null,
    at: number,
  ): void {
    this.#recent.delete(id);
    this.#pending.push(() =>
      this.#run("UPDATE execution SET status = ?, output = ?, error = ?, cause = ?, stopped_at = ? WHERE id = ?").run(
        status,
        output,
        error,
        cause,
        at,
        id,
      ),
    );
  }

  append(execution: number, eventId: number, row: LogRow): void {
    let inline: string | null = null;
    let reference: number | null = null;
    if (row.payload !== undefined) {
      const { text } = row.payload;
      if (text.length <= INLINE_CHARACTERS) inline = text;
      else reference = this.#store(execution, text);
    }
    const details = row.details === undefined ? null : JSON.stringify(row.details);
    const fact = row.fact === undefined ? null : this.#packFact(execution, row.fact);
    const key = row.payload?.key ?? null;
    this.#pending.push(() =>
      this.#run(
        "INSERT INTO log (execution, event, strand, type, previous, at, details, payload_key, payload, payload_id, fact) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
      ).run(
        execution,
        eventId === 0 ? null : eventId,
        row.strand,
        row.type,
        row.previous,
        row.at,
        details,
        key,
        inline,
        reference,
        fact,
      ),
    );
  }

  /** Stores a long text once while it passes from state to state. */
  #store(execution: number, text: string): number {
    let recent = this.#recent.get(execution);
    if (recent === undefined) {
      recent = [];
      this.#recent.set(execution, recent);
    }
    const known = recent.find((entry) => entry.text === text);
    if (known !== undefined) return known.id;
    const id = ++this.#payloadId;
    recent.unshift({ text, id });
    if (recent.length > 4) recent.pop();
    this.#pending.push(() => this.#run("INSERT INTO payload VALUES (?, ?, ?)").run(id, execution, text));
    return id;
  }

  /** A Map's result and a Parallel's input may be long: they are stored as payloads too. */
  #packFact(execution: number, fact: Fact): string {
    const { result, children } = fact;
    if (result !== undefined && result.length > INLINE_CHARACTERS) {
      return JSON.stringify({ ...fact, result: { payload: this.#store(execution, result) } });
    }
    if (children?.input !== undefined && children.input.length > INLINE_CHARACTERS) {
      return JSON.stringify({
        ...fact,
        children: { ...children, input: { payload: this.#store(execution, children.input) } },
      });
    }
    return JSON.stringify(fact);
  }

  #unpackFact(execution: number, text: string): Fact {
    const load = (value: unknown): string | null => {
      const reference = (value as { payload?: number } | null)?.payload;
      if (reference === undefined) return value as string | null;
      if (reference === 0)
        return (this.#run("SELECT input FROM execution WHERE id = ?").get(execution) as { input: string }).input;
      return (this.#run("SELECT text FROM payload WHERE id = ?").get(reference) as { text: string }).text;
    };
    const fact = JSON.parse(text) as Fact;
    if (fact.result !== undefined) fact.result = load(fact.result) as string;
    if (fact.children?.input !== undefined) fact.children.input = load(fact.children.input) as string;
    return fact;
  }

  /** Whether anything waits to be written. */
  get dirty(): boolean {
    return this.#pending.length > 0;
  }

  /** Writes everything gathered so far as one transaction. On failure nothing is written and all of it stays pending. */
  flush(): void {
    if (this.#discarding) this.#pending = [];
    if (this.#pending.length === 0) return;
    const writes = this.#pending;
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const write of writes) write();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
    this.#pending = [];
    this.flushes++;
  }

  /** What reads do about pending writes; the runtime puts its own flush here, so that none goes unobserved. */
  beforeRead: () => void = () => this.flush();

  execution(arn: string): ExecutionRow | undefined {
    this.beforeRead();
    return this.#run("SELECT * FROM execution WHERE arn = ?").get(arn) as unknown as ExecutionRow | undefined;
  }

  executionById(id: number): ExecutionRow | undefined {
    this.beforeRead();
    return this.#run("SELECT * FROM execution WHERE id = ?").get(id) as unknown as ExecutionRow | undefined;
  }

  /** Executions in order of start; children of Map Runs only when asked for. */
  executions(filter: { machine?: string; status?: ExecutionStatus; children?: boolean }): ExecutionRow[] {
    this.beforeRead();
    return this.#run(
      "SELECT * FROM execution WHERE (?1 IS NULL OR machine = ?1) AND (?2 IS NULL OR status = ?2) AND (?3 = 1 OR parent IS NULL) ORDER BY id",
    ).all(filter.machine ?? null, filter.status ?? null, filter.children === true ? 1 : 0) as unknown as ExecutionRow[];
  }

  /** Children of one Map Run: what each came to, in order of item. */
  *children(parent: number, run: number): IterableIterator<ExecutionRow> {
    this.beforeRead();
    for (const row of this.#db
      .prepare("SELECT * FROM execution WHERE parent = ? AND parent_run = ? ORDER BY item_index")
      .iterate(parent, run)) {
      yield row as unknown as ExecutionRow;
    }
  }

  /** Item indexes and states of a Map Run's children, without their payloads. */
  childStates(parent: number, run: number): { item_index: number; status: ExecutionStatus }[] {
    this.beforeRead();
    return this.#run("SELECT item_index, status FROM execution WHERE parent = ? AND parent_run = ?").all(
      parent,
      run,
    ) as unknown as { item_index: number; status: ExecutionStatus }[];
  }

  /** An execution's rows in order. */
  rows(execution: number): StoredRow[] {
    this.beforeRead();
    const stored = this.#run(
      "SELECT log.*, coalesce(payload.text, execution.input) AS long FROM log JOIN execution ON execution.id = log.execution LEFT JOIN payload ON payload.id = log.payload_id WHERE log.execution = ? ORDER BY position",
    ).all(execution) as unknown as {
      position: number;
      strand: string;
      type: string | null;
      previous: number;
      at: number;
      details: string | null;
      payload_key: "input" | null;
      payload: string | null;
      long: string | null;
      fact: string | null;
    }[];
    return stored.map((row) => ({
      position: row.position,
      strand: row.strand,
      type: row.type,
      previous: row.previous,
      at: row.at,
      ...(row.details === null ? {} : { details: JSON.parse(row.details) as Record<string, unknown> }),
      ...(row.payload_key === null
        ? {}
        : { payload: { key: row.payload_key, text: (row.payload ?? row.long) as string } }),
      ...(row.fact === null ? {} : { fact: this.#unpackFact(execution, row.fact) }),
    }));
  }

  /** Drops what was not flushed, now and from here on: what a crash at this moment would have lost. */
  discard(): void {
    this.#pending = [];
    this.#discarding = true;
  }

  /** Flush first: what is pending is dropped. */
  close(): void {
    this.#db.close();
  }
}
