import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";

/** Another process is at home in this work folder. */
export class WorkFolderBusyError extends Error {
  override name = "WorkFolderBusyError";
}

/** How commands reach the host that is at home: loopback address and a secret that only this user can read. */
const HostFile = z.object({ url: z.string(), secret: z.string(), pid: z.int() });
export type HostFile = z.infer<typeof HostFile>;

export interface WorkFolder {
  path: string;
  /** Tells commands where this host listens. */
  announce(url: string): HostFile;
  /** The port of the last host here: links that were sent out keep working while it is free. */
  lastPort(): number | undefined;
  release(): void;
}

/**
 * Takes the folder for this process: an exclusive lock on a database in it, which the kernel frees when the process
 * dies, however it dies. Throws WorkFolderBusyError when another process holds it.
 */
export function takeWorkFolder(path: string): WorkFolder {
  mkdirSync(path, { recursive: true });
  const lock = new DatabaseSync(join(path, "host-lock.db"));
  try {
    lock.exec(
      "pragma busy_timeout = 300; pragma locking_mode = exclusive; create table if not exists home (pid integer); begin exclusive",
    );
  } catch (error) {
    lock.close();
    if (!String((error as Error).message).includes("locked")) throw error;
    throw new WorkFolderBusyError(
      `${path} is in use by another countersign process${pidOf(path)}; stop it with "stop", or use another folder with --work`,
    );
  }
  const file = join(path, "host.json");
  return {
    path,
    announce(url) {
      const content: HostFile = { url, secret: randomBytes(32).toString("hex"), pid: process.pid };
      writeFileSync(`${file}.draft`, JSON.stringify(content), { mode: 0o600 });
      renameSync(`${file}.draft`, file);
      writeFileSync(join(path, "port"), new URL(url).port);
      return content;
    },
    lastPort() {
      try {
        return Number(readFileSync(join(path, "port"), "utf8")) || undefined;
      } catch {
        return undefined;
      }
    },
    release() {
      rmSync(file, { force: true });
      try {
        lock.exec("rollback");
      } catch {
        // The transaction ends with the connection anyway.
      }
      lock.close();
    },
  };
}

/** The host that says to be at home in a folder, if any; it may have died since. */
export function readHostFile(path: string): HostFile | undefined {
  try {
    return HostFile.parse(JSON.parse(readFileSync(join(path, "host.json"), "utf8")));
  } catch {
    return undefined;
  }
}

function pidOf(path: string): string {
  const there = readHostFile(path);
  return there === undefined ? "" : ` (pid ${there.pid}, ${there.url})`;
}
