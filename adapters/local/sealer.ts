import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Sealer } from "../../lambdas/ports.ts";
import { KEY_BYTES, keySealer, SealError } from "../key-sealer.ts";

/** Reads the key file, or makes one that only its owner may read (mode 0600). Of several first callers one key wins. */
export function fileSealer(path: string): Sealer {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    statSync(path);
  } catch {
    const file = openSync(draft, "wx", 0o600);
    writeSync(file, randomBytes(KEY_BYTES));
    fsyncSync(file);
    closeSync(file);
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    throw new SealError(`${path} can be read by others; run: chmod 600 ${path}`);
  }
  const key = readFileSync(path);
  if (key.length !== KEY_BYTES)
    throw new SealError(`${path} has ${key.length} bytes, a key has ${KEY_BYTES}; restore it from your copy`);
  return keySealer(key);
}
