import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { link, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  ConflictError,
  type Objects,
  StorageFullError,
  ThrottledError,
  type WriteCondition,
} from "../../lambdas/ports.ts";
import { ObjectKey } from "../../schemas/names.ts";
import { byBytes } from "../limits.ts";
import { keyPath, pathKey } from "./key-path.ts";

export interface FolderObjects extends Objects {
  /** The file behind a key; for a prefix that ends a part, the folder. It need not exist. */
  path(key: string): string;
  close(): void;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
const isMissing = (error: unknown) =>
  codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR" || codeOf(error) === "EISDIR";

/**
 * Objects as files below `<folder>/objects`; an etag is the content's sha256. A write goes to a draft on the same file
 * system and is published whole: by link(2) where it must be absent, by rename under a database lock otherwise, so that
 * several processes may share the folder. Drafts of a killed process are swept at the next start.
 */
export async function folderObjects(folder: string, options: { quotaBytes?: number } = {}): Promise<FolderObjects> {
  const root = resolve(folder, "objects");
  const drafts = resolve(folder, "drafts");
  await mkdir(root, { recursive: true });
  await mkdir(drafts, { recursive: true });
  await sweep(drafts);
  const lock = new DatabaseSync(join(folder, "objects-lock.db"));
  lock.exec("pragma busy_timeout = 5000");
  let used = options.quotaBytes === undefined ? 0 : await folderBytes(root);

  function path(key: string): string {
    const target = resolve(root, keyPath(ObjectKey.parse(key)));
    if (!target.startsWith(root + sep)) throw new TypeError(`${key} would leave the objects folder`);
    return target;
  }

  async function draft(key: string, bytes: Uint8Array): Promise<string> {
    if (options.quotaBytes !== undefined && used + bytes.length > options.quotaBytes) {
      throw new StorageFullError(
        `${key} needs ${bytes.length} bytes; ${options.quotaBytes - used} of ${options.quotaBytes} are left. Free some room and go on`,
      );
    }
    const name = join(drafts, `${process.pid}-${randomBytes(8).toString("hex")}`);
    try {
      const file = await open(name, "wx");
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(name, { force: true });
      throw full(error, key);
    }
    return name;
  }

  /** Renames the draft into place while nobody else can; the condition is judged under the same lock. */
  function publish(draftPath: string, target: string, key: string, condition: WriteCondition): void {
    try {
      lock.exec("begin immediate");
    } catch (error) {
      throw new ThrottledError(`another process holds the objects folder: ${(error as Error).message}`);
    }
    try {
      if (typeof condition === "object") {
        const there = readIfThere(target);
        if (there === undefined || sha256(there) !== condition.etag) {
          throw new ConflictError(`${key} is not at ${condition.etag} but ${there ? `at ${sha256(there)}` : "absent"}`);
        }
      }
      renameSync(draftPath, target);
    } finally {
      lock.exec("rollback");
    }
  }

  return {
    path,
    close: () => lock.close(),
    async get(key) {
      const bytes = await orMissing(readFile(path(key)));
      return bytes && { bytes, etag: sha256(bytes) };
    },
    async getRange(key, offset, length) {
      const file = await orMissing(open(path(key), "r"));
      if (file === undefined) return undefined;
      try {
        const buffer = Buffer.alloc(Math.min(length, Math.max(0, (await file.stat()).size - offset)));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    async head(key) {
      const bytes = await orMissing(readFile(path(key)));
      return bytes && { bytes: bytes.length, etag: sha256(bytes) };
    },
    async put(key, bytes, condition) {
      const target = path(key);
      if (condition === "absent" && (await orMissing(stat(target)))?.isFile())
        throw new ConflictError(`${key} is there already`);
      const draftPath = await draft(key, bytes);
      try {
        mkdirSync(dirname(target), { recursive: true });
        const before = condition === "absent" ? 0 : ((await orMissing(stat(target)))?.size ?? 0);
        if (condition === "absent") await link(draftPath, target);
        else publish(draftPath, target, key, condition);
        used += bytes.length - before;
      } catch (error) {
        if (codeOf(error) === "EEXIST" && (await orMissing(stat(target)))?.isFile())
          throw new ConflictError(`${key} is there already`);
        if (["EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY"].includes(codeOf(error) ?? "")) {
          throw new TypeError(
            `${key} can't be an object: another object is its folder, or it is another object's folder`,
          );
        }
        throw full(error, key);
      } finally {
        await rm(draftPath, { force: true });
      }
      return { etag: sha256(bytes) };
    },
    async *list(prefix) {
      const parts = prefix.split("/").slice(0, -1).join("/");
      const start = parts === "" ? root : path(parts);
      const found = (await filesBelow(start)).map(([file, bytes, revision]) => ({
        key: pathKey(
          file
            .slice(root.length + 1)
            .split(sep)
            .join("/"),
        ),
        bytes,
        revision,
      }));
      yield* found.filter(({ key }) => key.startsWith(prefix)).sort((a, b) => byBytes(a.key, b.key));
    },
    async delete(key) {
      const gone = await orMissing(stat(path(key)));
      await rm(path(key), { force: true });
      used -= gone?.size ?? 0;
    },
  };
}

function full(error: unknown, key: string): unknown {
  if (codeOf(error) !== "ENOSPC" && codeOf(error) !== "EDQUOT") return error;
  return new StorageFullError(`the disk is full: ${key} was not written. Free some room and go on`);
}

async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A published file is a new one: its number and time of change tell it from what was there before. */
async function filesBelow(folder: string): Promise<[file: string, bytes: number, revision: string][]> {
  const entries = (await orMissing(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sized = await Promise.all(
    files.map(async (file) => {
      const there = await orMissing(stat(file));
      return there && ([file, there.size, `${there.ino}-${there.ctimeMs}`] as [string, number, string]);
    }),
  );
  return sized.filter((one) => one !== undefined);
}

async function folderBytes(folder: string): Promise<number> {
  return (await filesBelow(folder)).reduce((sum, [, bytes]) => sum + bytes, 0);
}

/** Removes drafts whose process is gone. */
async function sweep(drafts: string): Promise<void> {
  for (const name of await readdir(drafts)) {
    const owner = Number(name.split("-")[0]);
    try {
      process.kill(owner, 0);
    } catch {
      await rm(join(drafts, name), { force: true });
    }
  }
}
