import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type {
  CreateEndpointConfigInput,
  CreateEndpointInput,
  CreateModelInput,
  DescribeEndpointOutput,
} from "@aws-sdk/client-sagemaker";
import { unpackInto } from "./archive.ts";
import { type ContainerChild, startChild } from "./child.ts";
import { SageMakerError } from "./errors.ts";
import type { JobHost } from "./job.ts";
import { readJson, requestDigest, writeJson } from "./record.ts";
import { type JobObjects, keyOf } from "./store.ts";
import { strings } from "./training-job.ts";

interface Live {
  child: ContainerChild;
  port: number;
  alive: boolean;
}
interface EndpointRecord {
  config: string;
  createdAt: string;
  failureReason?: string;
}

/** A child has this long to load its model and answer /ping. */
const READY_MS = 60_000;

/**
 * Models, endpoint configurations and endpoints, each a document on disk; a live endpoint is a serve child on a port
 * of 127.0.0.1 that the kernel chose. One that is recorded but not running is started by the first call that needs it.
 */
export class Endpoints {
  readonly #root: string;
  readonly #host: JobHost;
  readonly #objects: JobObjects;
  readonly #bucket: string;
  readonly #live = new Map<string, Promise<Live>>();
  #closed = false;

  constructor(root: string, host: JobHost, objects: JobObjects, bucket: string) {
    this.#root = root;
    this.#host = host;
    this.#objects = objects;
    this.#bucket = bucket;
  }

  async createModel(request: CreateModelInput): Promise<{ ModelArn: string }> {
    const name = request.ModelName ?? "";
    if (request.PrimaryContainer?.ModelDataUrl === undefined) {
      throw new SageMakerError("ValidationException", `model ${name}: PrimaryContainer.ModelDataUrl is missing`);
    }
    await this.#create("models", name, request);
    return { ModelArn: arn("model", name) };
  }

  async createEndpointConfig(request: CreateEndpointConfigInput): Promise<{ EndpointConfigArn: string }> {
    const name = request.EndpointConfigName ?? "";
    const variants = request.ProductionVariants ?? [];
    if (variants.length !== 1 || variants[0]?.ModelName === undefined) {
      throw new SageMakerError(
        "ValidationException",
        `endpoint config ${name} has ${variants.length} variants; one with a ModelName is allowed (serverless endpoints have no more: the predict front splits traffic)`,
      );
    }
    await this.#need("models", variants[0].ModelName);
    await this.#create("configs", name, request);
    return { EndpointConfigArn: arn("endpoint-config", name) };
  }

  /** Answers at once, as the real one; describeEndpoint tells when it is in service. The clock stands still meanwhile. */
  async createEndpoint(request: CreateEndpointInput): Promise<{ EndpointArn: string }> {
    const name = request.EndpointName ?? "";
    const config = request.EndpointConfigName ?? "";
    await this.#need("configs", config);
    const known = await readJson<EndpointRecord>(this.#file("endpoints", name));
    if (known !== undefined && known.config !== config) throw exists("endpoint", name);
    if (known === undefined)
      await writeJson(this.#file("endpoints", name), { config, createdAt: new Date().toISOString() });
    void this.#ensure(name).catch(() => undefined);
    return { EndpointArn: arn("endpoint", name) };
  }

  /** The old child answers until the new one is ready. */
  async updateEndpoint(request: CreateEndpointInput): Promise<{ EndpointArn: string }> {
    const name = request.EndpointName ?? "";
    const config = request.EndpointConfigName ?? "";
    await this.#need("configs", config);
    const known = await this.#need<EndpointRecord>("endpoints", name);
    if (known.config === config) return { EndpointArn: arn("endpoint", name) };
    const old = this.#live.get(name);
    const fresh = await this.#start(name, config);
    await writeJson(this.#file("endpoints", name), { config, createdAt: known.createdAt });
    this.#live.set(name, Promise.resolve(fresh));
    await old?.then(({ child }) => child.stop(30_000)).catch(() => undefined);
    return { EndpointArn: arn("endpoint", name) };
  }

  async deleteEndpoint(name: string): Promise<void> {
    await this.#need("endpoints", name);
    const live = this.#live.get(name);
    this.#live.delete(name);
    await rm(this.#file("endpoints", name), { force: true });
    await live?.then(({ child }) => child.stop(30_000)).catch(() => undefined);
    await rm(join(this.#root, "served", name), { recursive: true, force: true });
  }

  async describe(name: string): Promise<DescribeEndpointOutput> {
    const record = await this.#need<EndpointRecord>("endpoints", name);
    const state = await Promise.race([
      this.#ensure(name).then(
        () => ({ EndpointStatus: "InService" as const }),
        (error: Error) => ({ EndpointStatus: "Failed" as const, FailureReason: error.message.slice(0, 1024) }),
      ),
      new Promise<{ EndpointStatus: "Creating" }>((resolve) =>
        setImmediate(() => setImmediate(() => resolve({ EndpointStatus: "Creating" }))),
      ),
    ]);
    return {
      EndpointName: name,
      EndpointArn: arn("endpoint", name),
      EndpointConfigName: record.config,
      CreationTime: new Date(record.createdAt),
      LastModifiedTime: new Date(record.createdAt),
      ...state,
    };
  }

  /** One request to the endpoint's server. Throws Error named EndpointUnavailable where it can't be reached. */
  async invoke(name: string, body: Uint8Array, contentType: string): Promise<{ body: Uint8Array; status: number }> {
    await this.#need("endpoints", name);
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { port } = await this.#ensure(name);
        const response = await fetch(`http://127.0.0.1:${port}/invocations`, {
          method: "POST",
          headers: { "content-type": contentType },
          body: Buffer.from(body),
          signal: AbortSignal.timeout(60_000),
        });
        return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
      } catch (error) {
        // The child may have died between two requests: one restart, then the caller hears of it.
        if (attempt > 0 || this.#closed) throw unavailable(name, error);
        const live = await this.#live.get(name)?.catch(() => undefined);
        if (live?.alive === true) throw unavailable(name, error);
        this.#live.delete(name);
      }
    }
  }

  /** Names of all endpoints on record. */
  async names(): Promise<string[]> {
    const files = await readdir(join(this.#root, "endpoints")).catch(() => [] as string[]);
    return files
      .filter((file) => file.endsWith(".json"))
      .map((file) => file.slice(0, -5))
      .sort();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#live.values()].map(async (live) => (await live).child.stop(5000)));
  }

  /** The running child, or a new one. A child that died is replaced. */
  async #ensure(name: string): Promise<Live> {
    const known = this.#live.get(name);
    if (known !== undefined) {
      const live = await known.catch(() => undefined);
      if (live?.alive === true) return live;
      if (live === undefined) return known;
      if (this.#live.get(name) === known) this.#live.delete(name);
      return this.#ensure(name);
    }
    if (this.#closed) throw new Error("the host is closing");
    const starting = this.#need<EndpointRecord>("endpoints", name).then(({ config }) => this.#start(name, config));
    this.#live.set(name, starting);
    return starting;
  }

  async #start(name: string, configName: string): Promise<Live> {
    const release = this.#host.hold(`endpoint ${name} starts`);
    try {
      const config = await this.#need<CreateEndpointConfigInput>("configs", configName);
      const modelName = config.ProductionVariants?.[0]?.ModelName ?? "";
      const model = await this.#need<CreateModelInput>("models", modelName);
      const key = keyOf(model.PrimaryContainer?.ModelDataUrl ?? "", this.#bucket);
      const archive = await this.#objects.read(key);
      if (archive === undefined)
        throw new SageMakerError("ValidationException", `model ${modelName}: no object ${key}`);
      const ml = join(this.#root, "served", name, modelName);
      await rm(ml, { recursive: true, force: true });
      await unpackInto(archive, join(ml, "model"));
      return await this.#spawn(name, ml, {
        COUNTERSIGN_MODEL_VERSION: modelName,
        ...strings(model.PrimaryContainer?.Environment),
      });
    } finally {
      release();
    }
  }

  async #spawn(name: string, ml: string, env: Record<string, string>): Promise<Live> {
    let listening: (port: number) => void = () => undefined;
    const port = new Promise<number>((resolve) => {
      listening = resolve;
    });
    const logFile = join(this.#root, "served", name, "log.txt");
    const child = await startChild({
      python: this.#host.python,
      args: ["serve"],
      env: { ...env, COUNTERSIGN_ML_ROOT: ml, COUNTERSIGN_BIND: "127.0.0.1", COUNTERSIGN_PORT: "0" },
      logFile,
      onMessage: (message) => {
        const told = message.listening as { port: number } | undefined;
        if (told !== undefined) listening(told.port);
      },
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`endpoint ${name} was not ready after ${READY_MS / 1000} s; see ${logFile}`)),
        READY_MS,
      );
    });
    const died = child.ended.then((code) => {
      throw new Error(`endpoint ${name} ended with exit code ${code} before it was ready; see ${logFile}`);
    });
    died.catch(() => undefined);
    try {
      const live: Live = { child, port: await Promise.race([port, late, died]), alive: true };
      void child.ended.then(() => {
        live.alive = false;
      });
      return live;
    } catch (error) {
      await child.stop(1000);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #create(kind: "models" | "configs", name: string, request: unknown): Promise<void> {
    const file = this.#file(kind, name);
    const known = await readJson(file);
    if (known !== undefined && requestDigest(known) !== requestDigest(request)) throw exists(kind.slice(0, -1), name);
    if (known === undefined) await writeJson(file, request);
  }

  async #need<T>(kind: "models" | "configs" | "endpoints", name: string): Promise<T> {
    const found = await readJson<T>(this.#file(kind, name));
    // SageMaker itself answers a missing resource with ValidationException "Could not find ...".
    if (found === undefined)
      throw new SageMakerError("ValidationException", `Could not find ${kind.slice(0, -1)} "${name}".`);
    return found;
  }

  #file(kind: string, name: string): string {
    if (!/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/.test(name)) {
      throw new SageMakerError(
        "ValidationException",
        `name "${name}": expected 1 to 63 letters, digits and inner hyphens`,
      );
    }
    return join(this.#root, kind, `${name}.json`);
  }
}

function arn(kind: string, name: string): string {
  return `arn:aws:sagemaker:local:000000000000:${kind}/${name}`;
}

function exists(kind: string, name: string): SageMakerError {
  return new SageMakerError(
    "ResourceInUseException",
    `${kind} "${name}" exists with another request; choose another name`,
  );
}

function unavailable(name: string, error: unknown): Error {
  const wrapped = new Error(`endpoint ${name} can't be reached: ${(error as Error).message}`, { cause: error });
  wrapped.name = "EndpointUnavailable";
  return wrapped;
}
