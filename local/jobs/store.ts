import { mkdir, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { SageMakerError } from "./errors.ts";

/** The object store as jobs see it. */
export interface JobObjects {
  read(key: string): Promise<Uint8Array | undefined>;
  list(prefix: string): AsyncIterable<string>;
  write(key: string, bytes: Uint8Array): Promise<void>;
  /** A local file with the object's bytes, where the store is a folder: then it is linked and not copied. */
  path?(key: string): string | undefined;
}

/** `s3://bucket/key` -> key. Throws SageMaker.ValidationException for another bucket or form. */
export function keyOf(uri: string, bucket: string): string {
  const head = `s3://${bucket}/`;
  if (!uri.startsWith(head)) {
    throw new SageMakerError("ValidationException", `${uri} is not in this host's bucket; expected ${head}<key>`);
  }
  return uri.slice(head.length);
}

/**
 * Puts every object below a prefix under a folder, as SageMaker's File mode does: the prefix is a folder, or exactly
 * one object, which keeps its last name. `a/b` does not take in `a/bc`. Throws SageMaker.ValidationException when
 * nothing is there (AWS fails such a job before it starts).
 */
export async function downloadPrefix(objects: JobObjects, prefix: string, folder: string): Promise<number> {
  const top = prefix.replace(/\/+$/, "");
  let count = 0;
  await mkdir(folder, { recursive: true });
  for await (const key of objects.list(top)) {
    const name = key === top ? basename(key) : key.startsWith(`${top}/`) ? key.slice(top.length + 1) : undefined;
    if (name === undefined || name === "" || name.endsWith("/")) continue;
    await place(objects, key, inside(folder, name));
    count += 1;
  }
  if (count === 0) {
    throw new SageMakerError(
      "ValidationException",
      `no object under "${prefix}": the step before it must write it first`,
    );
  }
  return count;
}

async function place(objects: JobObjects, key: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const local = objects.path?.(key);
  if (local !== undefined) return symlink(local, file);
  const bytes = await objects.read(key);
  if (bytes === undefined) throw new SageMakerError("ValidationException", `object ${key} was listed and is gone`);
  await writeFile(file, bytes);
}

function inside(folder: string, name: string): string {
  const file = join(folder, name);
  const way = relative(folder, file);
  if (way.startsWith("..") || way.split(sep).includes("..")) {
    throw new SageMakerError("ValidationException", `object name ${name} leaves its channel`);
  }
  return file;
}
