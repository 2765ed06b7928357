import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export type JobStatus = "InProgress" | "Completed" | "Failed" | "Stopped";

/** What is known of a job after the host died: enough to adopt it. */
export interface JobRecord {
  requestSha256: string;
  /** What was asked for: a job of an earlier execution is described by it. */
  request?: unknown;
  status: JobStatus;
  /** ISO 8601. */
  createdAt: string;
  endedAt?: string;
  failureReason?: string;
  exitCode?: number;
}

export async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** All of the document or nothing is on disk afterwards. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.draft`, JSON.stringify(value));
  await rename(`${file}.draft`, file);
}

/** sha256 of a request whose keys are put in order, so that it doesn't matter who built it. */
export function requestDigest(request: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(ordered(request)))
    .digest("hex");
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, ordered(inner)]));
}
