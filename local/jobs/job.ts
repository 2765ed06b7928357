import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type ContainerChild, startChild } from "./child.ts";
import { SageMakerError } from "./errors.ts";
import { type JobRecord, readJson, requestDigest, writeJson } from "./record.ts";

export interface ProgressEvent {
  kind: "training" | "processing" | "endpoint";
  name: string;
  step: string;
  done: number;
  total: number;
}

export interface JobHost {
  python: string;
  hold(reason: string): () => void;
  onProgress?(event: ProgressEvent): void;
}

/** What differs between a training and a processing job. `ml` is the folder that the child sees as /opt/ml. */
export interface JobPlan {
  kind: "training" | "processing";
  name: string;
  request: unknown;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  maxRuntimeSeconds: number;
  prepare(ml: string): Promise<void>;
  publish(ml: string): Promise<void>;
}

/** SageMaker's own: SIGTERM, then SIGKILL. */
const GRACE_MS = 120_000;
const NAME = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/;

/**
 * Runs jobs of one kind, each name once. The same name with the same request is adopted: it is awaited where it runs,
 * answered from disk where it completed, run again (with its checkpoints) where it failed, was stopped, or the host died
 * under it.
 */
export class Jobs {
  readonly #root: string;
  readonly #host: JobHost;
  readonly #running = new Map<string, { digest: string; record: Promise<JobRecord>; child?: ContainerChild }>();
  #closed = false;

  constructor(root: string, host: JobHost) {
    this.#root = root;
    this.#host = host;
  }

  folder(name: string): string {
    return join(this.#root, name);
  }

  /** Resolves when the job has ended, well or not. Aborting the signal stops it. */
  async run(plan: JobPlan, signal: AbortSignal): Promise<JobRecord> {
    if (!NAME.test(plan.name)) {
      throw new SageMakerError(
        "ValidationException",
        `job name "${plan.name}": expected 1 to 63 letters, digits and inner hyphens`,
      );
    }
    const digest = requestDigest(plan.request);
    let running = this.#running.get(plan.name);
    if (running === undefined) {
      const fresh: { digest: string; record: Promise<JobRecord>; child?: ContainerChild } = {
        digest,
        record: Promise.resolve({} as JobRecord),
      };
      this.#running.set(plan.name, fresh);
      fresh.record = this.#adoptOrRun(plan, digest, fresh, signal).finally(() => this.#running.delete(plan.name));
      running = fresh;
    }
    if (running.digest !== digest) throw inUse(plan);
    return running.record;
  }

  /** What is recorded of a job by its name; undefined where no host ever ran one. */
  async find(name: string): Promise<JobRecord | undefined> {
    return NAME.test(name) ? readJson<JobRecord>(join(this.folder(name), "job.json")) : undefined;
  }

  /** Ends the children; their jobs stay InProgress on disk, so that the next host adopts them. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#running.values()].map(({ child }) => child?.stop(5000)));
    await Promise.allSettled([...this.#running.values()].map(({ record }) => record));
  }

  async #adoptOrRun(
    plan: JobPlan,
    digest: string,
    slot: { child?: ContainerChild },
    signal: AbortSignal,
  ): Promise<JobRecord> {
    const file = join(this.folder(plan.name), "job.json");
    const known = await readJson<JobRecord>(file);
    if (known !== undefined && known.requestSha256 !== digest) throw inUse(plan);
    if (known?.status === "Completed") return known;
    const createdAt = known?.createdAt ?? new Date().toISOString();
    const record: JobRecord = { requestSha256: digest, request: plan.request, status: "InProgress", createdAt };
    const release = this.#host.hold(`${plan.kind} job ${plan.name}`);
    try {
      const ml = await this.#fresh(plan);
      await writeJson(file, record);
      await plan.prepare(ml);
      const exitCode = await this.#child(plan, ml, slot, signal);
      if (this.#closed && exitCode !== 0) throw new Error(`the host closed while ${plan.kind} job ${plan.name} ran`);
      const ended = { ...record, exitCode, endedAt: new Date().toISOString() };
      if (exitCode === 0) await plan.publish(ml);
      const outcome: JobRecord =
        exitCode === 0
          ? { ...ended, status: "Completed" }
          : signal.aborted || exitCode === TIMED_OUT
            ? {
                ...ended,
                status: "Stopped",
                failureReason: exitCode === TIMED_OUT ? "MaxRuntimeExceeded" : "stopped by request",
              }
            : { ...ended, status: "Failed", failureReason: await this.#failure(plan, ml, exitCode) };
      await writeJson(file, outcome);
      if (exitCode === 0) await rm(ml, { recursive: true, force: true });
      return outcome;
    } finally {
      release();
    }
  }

  /** An empty tree but for the checkpoints of an earlier try. */
  async #fresh(plan: JobPlan): Promise<string> {
    const ml = join(this.folder(plan.name), "ml");
    for (const part of ["input", "model", "output", "processing", "scratch", "config"]) {
      await rm(join(ml, part), { recursive: true, force: true });
    }
    await mkdir(join(ml, "checkpoints"), { recursive: true });
    return ml;
  }

  async #child(plan: JobPlan, ml: string, slot: { child?: ContainerChild }, signal: AbortSignal): Promise<number> {
    if (signal.aborted || this.#closed) return 143;
    const child = await startChild({
      python: this.#host.python,
      args: plan.args,
      env: { ...plan.env, COUNTERSIGN_ML_ROOT: ml },
      logFile: join(this.folder(plan.name), "log.txt"),
      onMessage: (message) => {
        const progress = message.progress as { step: string; done: number; total: number } | undefined;
        if (progress !== undefined) this.#host.onProgress?.({ kind: plan.kind, name: plan.name, ...progress });
      },
    });
    slot.child = child;
    const onAbort = (): void => void child.stop(GRACE_MS);
    signal.addEventListener("abort", onAbort, { once: true });
    // While the child was being started nobody listened.
    if (signal.aborted) onAbort();
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        void child.stop(GRACE_MS);
      },
      Math.min(plan.maxRuntimeSeconds * 1000, 2 ** 31 - 1),
    );
    try {
      const code = await child.ended;
      return late && code !== 0 ? TIMED_OUT : code;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** The container's own words, else the end of its log. */
  async #failure(plan: JobPlan, ml: string, exitCode: number): Promise<string> {
    const told = await readFile(join(ml, "output", "failure"), "utf8").catch(() => "");
    if (told !== "") return told.slice(0, 1024);
    const log = await readFile(join(this.folder(plan.name), "log.txt"), "utf8").catch(() => "");
    return `exit code ${exitCode}: ${log.slice(-600).trim()}`;
  }
}

const TIMED_OUT = -1;

function inUse(plan: JobPlan): SageMakerError {
  return new SageMakerError(
    "ResourceInUseException",
    `${plan.kind} job "${plan.name}" exists with another request; a job's name is the digest of its request, so choose another name`,
  );
}
