import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { CONTAINER_FOLDER } from "./python.ts";

export interface ChildStart {
  python: string;
  /** Arguments of `python -m countersign_ml`. */
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  logFile: string;
  /** Each line of stdout that is a JSON object. */
  onMessage(message: Record<string, unknown>): void;
}

export interface ContainerChild {
  pid: number | undefined;
  /** Resolves once, after the log is written: the exit code, 128 + signal where it was killed; 127 if it never started. */
  ended: Promise<number>;
  /** SIGTERM, then SIGKILL after the grace. Resolves when it has ended. */
  stop(graceMs: number): Promise<number>;
}

const PASSED_ON = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TMPDIR",
  "OMP_NUM_THREADS",
  "CUDA_VISIBLE_DEVICES",
  "COUNTERSIGN_SCHEMAS",
];

/**
 * Runs a command of the training container as a child of this process. Its stdin stays open as long as we live: the
 * child ends itself when that closes, so it can't outlive a host that was killed. It gets no secrets of ours.
 */
export async function startChild(start: ChildStart): Promise<ContainerChild> {
  await mkdir(dirname(start.logFile), { recursive: true });
  const log = createWriteStream(start.logFile, { flags: "a" });
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    start.python,
    ["-m", "countersign_ml", ...start.args],
    {
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...Object.fromEntries(
          PASSED_ON.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
        ),
        PYTHONPATH: CONTAINER_FOLDER,
        PYTHONUNBUFFERED: "1",
        HF_HUB_OFFLINE: "1",
        // Threads that wait for each other sleep: on a laptop the cores are shared.
        OMP_WAIT_POLICY: "PASSIVE",
        COUNTERSIGN_PARENT_STDIN: "1",
        ...start.env,
      },
    },
  );
  child.stdin.on("error", () => undefined);
  child.stderr.pipe(log, { end: false });
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    log.write(`${line}\n`);
    const message = asObject(line);
    if (message !== undefined) start.onMessage(message);
  });
  const ended = new Promise<number>((resolve) => {
    const finish = (code: number): void => {
      log.end(() => resolve(code));
    };
    child.once("error", (error) => {
      log.write(`${error.message}\n`);
      if (child.pid === undefined) finish(127);
    });
    child.once("close", (code, signal) => finish(code ?? 128 + (signal === "SIGKILL" ? 9 : 15)));
  });
  return {
    pid: child.pid,
    ended,
    async stop(graceMs) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function asObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
