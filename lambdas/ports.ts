/** The edge of the product: what a stage may ask of the world. adapters/ hold one folder per world. */

/** The world answered "somebody was there first": a conditional write's condition did not hold. */
export class ConflictError extends Error {
  override name = "ConflictError";
}
/** The world is there but busy: try again. Workflows retry on this name. */
export class ThrottledError extends Error {
  override name = "ThrottledError";
}
/** No room: nothing was written. */
export class StorageFullError extends Error {
  override name = "StorageFullError";
}
/** A task token that nobody waits for any more: timed out, answered already, or never issued. */
export class TokenGoneError extends Error {
  override name = "TokenGoneError";
}

export type WriteCondition = "absent" | "any" | { etag: string };

/** Bulk bytes under keys: S3 | a folder. Writes are atomic; a reader sees all of an object or nothing. */
export interface Objects {
  /** undefined where there is no such key. */
  get(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined>;
  /** Bytes [offset, offset + length) of an object; undefined where there is no such key. */
  getRange(key: string, offset: number, length: number): Promise<Uint8Array | undefined>;
  head(key: string): Promise<{ bytes: number; etag: string } | undefined>;
  /** Throws ConflictError when the condition does not hold, StorageFullError when there is no room. Returns the etag. */
  put(key: string, bytes: Uint8Array, condition: WriteCondition, contentType?: string): Promise<{ etag: string }>;
  /** Keys below a prefix in order of their UTF-8 bytes. `revision` is another one where the bytes are. */
  list(prefix: string): AsyncIterable<{ key: string; bytes: number; revision: string }>;
  delete(key: string): Promise<void>;
}

export interface RecordKey {
  pk: string;
  sk: string;
}
/** One record; `version` grows by one with each write (1 = the first). */
export interface Stored<T = unknown> extends RecordKey {
  version: number;
  body: T;
}
export type RecordCondition = "absent" | "any" | { version: number };
export type RecordWrite =
  | { op: "put"; key: RecordKey; body: unknown; condition: RecordCondition }
  | { op: "delete"; key: RecordKey; condition: RecordCondition }
  /** Writes nothing; the whole transaction fails unless the condition holds. */
  | { op: "check"; key: RecordKey; condition: RecordCondition };

/** Small facts under (pk, sk) with conditions: DynamoDB | SQLite. Reads are strongly consistent. */
export interface Records {
  get<T>(key: RecordKey): Promise<Stored<T> | undefined>;
  /** Throws ConflictError. Returns the new version. */
  put(key: RecordKey, body: unknown, condition: RecordCondition): Promise<number>;
  delete(key: RecordKey, condition: RecordCondition): Promise<void>;
  /** All or nothing, at most 100 writes, each key once. Throws ConflictError when a condition fails. */
  transact(writes: readonly RecordWrite[]): Promise<void>;
  /** Records of a partition in order of sk. A page may be short or empty while `next` is set. */
  query<T>(
    pk: string,
    options?: { prefix?: string; after?: string; limit?: number },
  ): Promise<{ items: Stored<T>[]; next?: string }>;
}

/** Answers the step that waits on a task token. Throws TokenGoneError. */
export interface Tokens {
  succeed(token: string, output: unknown): Promise<void>;
  fail(token: string, error: string, cause: string): Promise<void>;
  heartbeat(token: string): Promise<void>;
}

/** Secrets at rest: KMS | a key file. `context` must be the same to open what was sealed. */
export interface Sealer {
  seal(plain: string, context: string): Promise<string>;
  open(sealed: string, context: string): Promise<string>;
  /** HMAC-SHA256 (hex) under a key of its own, for approvals and signed links. */
  sign(text: string): Promise<string>;
}

export interface Notice {
  audience: "data-team" | "vendor" | "owner";
  subject: string;
  text: string;
}
/** Tells people: SNS | a log and the pages. Never carries a secret or a token. */
export interface Notifier {
  notify(notice: Notice): Promise<void>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

/** One event of an execution's history, in the form of Step Functions. */
export interface ExecutionEvent {
  id: number;
  previousEventId: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  type: string;
  /** The state that was entered or left. */
  state?: string;
  error?: string;
  cause?: string;
  /** What Step Functions keeps under `<type>EventDetails`; a task's parameters may hold its token. */
  details?: Record<string, unknown>;
}
export interface ExecutionView {
  status: "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";
  startedAt: number;
  stoppedAt?: number;
  output?: unknown;
  error?: string;
  cause?: string;
}

/** Starts and shows workflow executions. The same name with the same input starts nothing new. */
export interface Workflows {
  start(machine: string, name: string, input: unknown): Promise<void>;
  stop(machine: string, name: string, reason: string): Promise<void>;
  describe(machine: string, name: string): Promise<ExecutionView | undefined>;
  history(machine: string, name: string): Promise<ExecutionEvent[]>;
}

/** A live model server by name: SageMaker runtime | the laptop's serve process. */
export interface Endpoints {
  /** Throws Error named EndpointUnavailable when it can't be reached. */
  invoke(endpoint: string, body: Uint8Array, contentType: string): Promise<{ status: number; body: Uint8Array }>;
}

/** Where this host stands: automatic approval is refused in production. */
export type Environment = "laptop" | "dev" | "staging" | "production";

export interface Ports {
  environment: Environment;
  objects: Objects;
  records: Records;
  tokens: Tokens;
  sealer: Sealer;
  notifier: Notifier;
  clock: Clock;
  workflows: Workflows;
  endpoints: Endpoints;
}
