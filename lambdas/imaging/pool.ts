import { type ChildProcess, fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Inspection, type InspectionJob, quarantined } from "./inspect.ts";
import type { Tiling } from "./tiles.ts";
import type { WorkerJob, WorkerReply } from "./worker.ts";

export interface PoolOptions {
  /** Processes at most; by default one per core. */
  size?: number;
  /** CPU time that one file may take where the system tells it, else twice that on the clock. */
  secondsPerFile?: number;
  /** Resident memory that a process may reach, where the system tells it. */
  bytesPerProcess?: number;
  /** A pool without work ends its processes after this. */
  idleMilliseconds?: number;
  /** Program that the processes run: `worker.ts` beside this file, or `imaging-worker.mjs` beside a bundle. */
  program?: string;
  onCost?: (cost: Cost) => void;
}

/** What looking at a file cost. */
export interface Cost {
  name: string;
  /** Of the process that looked; undefined where it did not live to tell. */
  cpuMilliseconds: number | undefined;
  /** Most memory that the process has held since it began; undefined as above. */
  peakBytes: number | undefined;
  /** Why the process ended over this file, where it did. */
  ended?: "died" | "took too long" | "held too much";
}

export interface ImagingPool {
  /** Never rejects for what a file is: a decoder that dies, hangs or swells is a finding. */
  inspect(job: InspectionJob): Promise<Inspection>;
  /** Tiles of a picture that was admitted; undefined where cutting them fails, takes too long or too much. */
  tiles(job: InspectionJob): Promise<Tiling | undefined>;
  /** Ends the processes; work in flight is rejected. */
  close(): void;
}

interface Task {
  job: WorkerJob;
  /** What was seen, or why the process ended over it. */
  resolve(seen: Pick<WorkerReply, "inspection" | "tiles">): void;
  reject(error: Error): void;
  /** Times that its process died under it. */
  deaths: number;
}

interface Worker {
  child: ChildProcess;
  ready: boolean;
  /** What was sent and not answered; the first is being worked on. */
  tasks: { id: number; task: Task }[];
  /** When the first task began, on the process's CPU clock and on the wall. */
  began: { cpu: number | undefined; wall: number };
  retiring: boolean;
  /** Why the watch ended it. */
  verdict?: { code: "timeout" | "too-complex"; message: string };
}

/** Files handed to a process ahead of its answers, so that it never waits. */
const AHEAD = 3;
const WATCH_MILLISECONDS = 40;
/** A process that holds more than this after a file is replaced before the next. */
const RETIRE_BYTES = 170 * 1024 * 1024;

/** Processes that look at files; they start with the first file and end when idle or with the host. */
export function imagingPool(options: PoolOptions = {}): ImagingPool {
  const size = options.size ?? Math.max(1, availableParallelism());
  // The limits on headers keep files under a second; twice that only ends what they could not foresee.
  const secondsPerFile = options.secondsPerFile ?? 2;
  const bytesPerProcess = options.bytesPerProcess ?? 300 * 1024 * 1024;
  const idleMilliseconds = options.idleMilliseconds ?? 2000;
  const workers = new Set<Worker>();
  const queue: Task[] = [];
  let nextId = 1;
  let closed = false;
  let watch: NodeJS.Timeout | undefined;
  let idle: NodeJS.Timeout | undefined;

  function start(): void {
    const child = fork(options.program ?? workerPath(), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      execArgv: ["--max-old-space-size=128", "--disable-warning=ExperimentalWarning"],
      // No credentials of the host: this process meets hostile bytes.
      env: { PATH: process.env.PATH ?? "", MALLOC_ARENA_MAX: "2", VIPS_WARNING: "0", UV_THREADPOOL_SIZE: "1" },
    });
    const worker: Worker = { child, ready: false, tasks: [], began: { cpu: undefined, wall: 0 }, retiring: false };
    workers.add(worker);
    child.on("message", (message: "ready" | WorkerReply) => {
      if (message === "ready") worker.ready = true;
      else answer(worker, message);
      dispatch();
    });
    // A send to a process that just died reports here as well; its exit tells the rest.
    child.on("error", () => {});
    child.on("exit", (code, signal) => bury(worker, code, signal));
  }

  function answer(worker: Worker, reply: WorkerReply): void {
    const first = worker.tasks.shift();
    if (first === undefined || first.id !== reply.id)
      throw new Error(`an imaging process answered ${reply.id} out of turn`);
    begin(worker);
    const { cpuMilliseconds, peakBytes } = reply;
    options.onCost?.({ name: first.task.job.name, cpuMilliseconds, peakBytes });
    first.task.resolve(reply);
    // What was sent ahead is done first: a process works in order.
    worker.retiring ||= reply.residentBytes > RETIRE_BYTES;
    if (worker.retiring && worker.tasks.length === 0) end(worker);
  }

  function begin(worker: Worker): void {
    worker.began = { cpu: cpuSeconds(worker.child.pid), wall: performance.now() };
  }

  function end(worker: Worker): void {
    workers.delete(worker);
    worker.child.removeAllListeners("exit");
    worker.child.kill("SIGKILL");
  }

  /** A process ended that should not have: the file it was at is to blame, the others are given to another one. */
  function bury(worker: Worker, code: number | null, signal: NodeJS.Signals | null): void {
    if (!workers.delete(worker)) return;
    const [culprit, ...others] = worker.tasks;
    queue.unshift(...others.map(({ task }) => task));
    if (culprit !== undefined) {
      const { task } = culprit;
      task.deaths += 1;
      const ended = { timeout: "took too long", "too-complex": "held too much", died: "died" } as const;
      const why = ended[worker.verdict?.code ?? "died"];
      options.onCost?.({ name: task.job.name, cpuMilliseconds: undefined, peakBytes: undefined, ended: why });
      if (worker.verdict !== undefined)
        task.resolve({ inspection: quarantined(worker.verdict.code, worker.verdict.message) });
      // Once more alone: the system may have ended the process for reasons of its own.
      else if (worker.ready && task.deaths < 2) queue.unshift(task);
      else if (worker.ready)
        task.resolve({ inspection: quarantined("corrupt", `the decoder died on it (${signal ?? `exit ${code}`})`) });
      else task.reject(new Error(`the imaging process does not start: ${signal ?? `exit ${code}`}`));
    } else if (!worker.ready) {
      for (const task of queue.splice(0))
        task.reject(new Error(`the imaging process does not start: ${signal ?? `exit ${code}`}`));
    }
    dispatch();
  }

  function dispatch(): void {
    if (closed) return;
    const wanted = Math.min(
      size,
      Math.ceil(queue.length / AHEAD) + [...workers].filter((w) => w.tasks.length > 0).length,
    );
    while (queue.length > 0 && workers.size < Math.max(1, wanted)) start();
    for (let depth = 0; depth < AHEAD; depth += 1) {
      for (const worker of workers) {
        if (queue.length === 0) break;
        if (!worker.ready || worker.retiring || worker.tasks.length > depth) continue;
        send(worker, queue.shift() as Task);
      }
    }
    const busy = queue.length > 0 || [...workers].some((w) => w.tasks.length > 0);
    for (const { child } of workers) {
      if (busy) child.ref();
      else child.unref();
      if (busy) child.channel?.ref();
      else child.channel?.unref();
    }
    if (busy) {
      clearTimeout(idle);
      idle = undefined;
      watch ??= setInterval(check, WATCH_MILLISECONDS);
    } else {
      clearInterval(watch);
      watch = undefined;
      idle ??= setTimeout(() => {
        for (const worker of [...workers]) end(worker);
        idle = undefined;
      }, idleMilliseconds).unref();
    }
  }

  function send(worker: Worker, task: Task): void {
    const id = nextId;
    nextId += 1;
    worker.tasks.push({ id, task });
    if (worker.tasks.length === 1) begin(worker);
    worker.child.send({ id, ...task.job }, () => {});
  }

  /** Ends a process whose file takes too long or too much. */
  function check(): void {
    for (const worker of workers) {
      if (worker.tasks.length === 0 || worker.verdict !== undefined) continue;
      const cpu = cpuSeconds(worker.child.pid);
      const spent =
        cpu !== undefined && worker.began.cpu !== undefined
          ? cpu - worker.began.cpu
          : (performance.now() - worker.began.wall) / 2000;
      const held = residentBytes(worker.child.pid) ?? 0;
      if (spent > secondsPerFile) {
        worker.verdict = { code: "timeout", message: `decoding takes more than ${secondsPerFile} s` };
      } else if (held > bytesPerProcess) {
        worker.verdict = {
          code: "too-complex",
          message: `decoding takes more than ${Math.round(bytesPerProcess / 1e6)} MB`,
        };
      }
      if (worker.verdict !== undefined) worker.child.kill("SIGKILL");
    }
  }

  function see(job: WorkerJob): Promise<Pick<WorkerReply, "inspection" | "tiles">> {
    if (closed) return Promise.reject(new Error("the imaging pool is closed"));
    return new Promise((resolve, reject) => {
      queue.push({ job, resolve, reject, deaths: 0 });
      dispatch();
    });
  }

  return {
    async inspect(job) {
      const { inspection } = await see(job);
      if (inspection === undefined) throw new Error(`an imaging process did not say what ${job.name} is`);
      return inspection;
    },
    async tiles(job) {
      return (await see({ ...job, wanted: "tiles" })).tiles;
    },
    close() {
      closed = true;
      clearInterval(watch);
      clearTimeout(idle);
      const waiting = [...queue.splice(0), ...[...workers].flatMap((w) => w.tasks.map(({ task }) => task))];
      for (const worker of [...workers]) end(worker);
      for (const task of waiting) task.reject(new Error("the imaging pool was closed"));
    },
  };
}

let shared: ImagingPool | undefined;

/** The host's own pool: one for all batches, so that the number of processes stays that of the cores. */
export function sharedImagingPool(): ImagingPool {
  shared ??= imagingPool();
  return shared;
}

function workerPath(): string {
  const source = fileURLToPath(new URL("./worker.ts", import.meta.url));
  return existsSync(source) ? source : fileURLToPath(new URL("./imaging-worker.mjs", import.meta.url));
}

/** CPU seconds of a process so far, from Linux's /proc (ticks of 1/100 s); undefined elsewhere. */
function cpuSeconds(pid: number | undefined): number | undefined {
  const fields = procFile(pid, "stat")
    ?.replace(/^.*\) /s, "")
    .split(" ");
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentBytes(pid: number | undefined): number | undefined {
  const pages = procFile(pid, "statm")?.split(" ")[1];
  return pages === undefined ? undefined : Number(pages) * 4096;
}

function procFile(pid: number | undefined, name: string): string | undefined {
  if (process.platform !== "linux" || pid === undefined) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
