/** Lambda on this machine: every function a worker with its own environment, started by its first event. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { DeployedFunction } from "./deployment.ts";

/** Most bytes of a synchronous invocation's event and of its answer. */
const MOST_PAYLOAD = 6 * 1024 * 1024;

export interface Invocation {
  name: string;
  milliseconds: number;
  memoryMb: number;
  failed: boolean;
}
interface Started {
  worker: Worker;
  ready: Promise<void>;
  waiting: Map<number, { resolve(value: unknown): void; reject(error: Error): void }>;
}

export class Functions {
  readonly #deployed: Readonly<Record<string, DeployedFunction>>;
  readonly #environment: Record<string, string>;
  readonly #time: SharedArrayBuffer;
  readonly #started = new Map<string, Started>();
  /** Everything that was invoked. */
  readonly invocations: Invocation[] = [];
  /** Milliseconds from the start of each function's import to its end. */
  readonly imports: Record<string, number> = {};
  readonly logs: Record<string, string> = {};
  #next = 1;

  /** `environment`: what Lambda itself sets: region, credentials, endpoints. `time`: one float, the account's milliseconds since 1970. */
  constructor(
    deployed: Readonly<Record<string, DeployedFunction>>,
    environment: Record<string, string>,
    time: SharedArrayBuffer,
  ) {
    this.#deployed = deployed;
    this.#environment = environment;
    this.#time = time;
  }

  /** Invokes a function by its short name or ARN. Throws an Error with the handler's error name and message. */
  async invoke(named: string, event: unknown): Promise<unknown> {
    const name = named.replace(/^.*:function:/, "").replace(/^countersign-[a-z]+-/, "");
    const target = this.#deployed[name];
    if (target === undefined)
      throw Object.assign(new Error(`Function not found: ${named}`), { name: "Lambda.ResourceNotFoundException" });
    const payload = JSON.stringify(event);
    if (Buffer.byteLength(payload) > MOST_PAYLOAD)
      throw Object.assign(new Error(`the event of ${name} is larger than 6 MB`), {
        name: "Lambda.RequestTooLargeException",
      });
    const started = this.#started.get(name) ?? this.#start(target);
    await started.ready;
    const id = this.#next;
    this.#next += 1;
    const answered = new Promise<unknown>((resolve, reject) => started.waiting.set(id, { resolve, reject }));
    started.worker.postMessage({
      id,
      event: payload,
      context: { functionName: `countersign-dev-${name}`, awsRequestId: String(id) },
    });
    return answered;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#started.values()].map(({ worker }) => worker.terminate()));
  }

  #start(target: DeployedFunction): Started {
    const { name, folder, environment, memoryMb } = target;
    const waiting: Started["waiting"] = new Map();
    const worker = new Worker(fileURLToPath(new URL("./lambda-runtime.ts", import.meta.url)), {
      workerData: { index: pathToFileURL(`${folder}/index.mjs`).href, time: this.#time },
      env: {
        ...this.#environment,
        ...environment,
        PATH: process.env.PATH ?? "",
        AWS_LAMBDA_FUNCTION_NAME: `countersign-dev-${name}`,
      },
      stdout: true,
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    // The last lines of each function's log: what a person would look at.
    worker.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.logs[name] = `${this.logs[name] ?? ""}${text}`.slice(-4000);
    });
    const ready = new Promise<void>((resolve, reject) => {
      worker.once("error", reject);
      worker.on(
        "message",
        (message: {
          imported?: number;
          id: number;
          milliseconds: number;
          result?: string;
          error?: { name: string; message: string };
        }) => {
          if (message.imported !== undefined) {
            this.imports[name] = message.imported;
            resolve();
            return;
          }
          const { id, milliseconds, result, error } = message;
          this.invocations.push({ name, milliseconds, memoryMb, failed: error !== undefined });
          const one = waiting.get(id);
          waiting.delete(id);
          if (error !== undefined) one?.reject(Object.assign(new Error(error.message), { name: error.name }));
          else one?.resolve(JSON.parse(result as string));
        },
      );
    });
    const started = { worker, ready, waiting };
    this.#started.set(name, started);
    return started;
  }
}
