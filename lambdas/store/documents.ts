import { createHash } from "node:crypto";
import type { z } from "zod";
import { canonicalJson, canonicalPieces } from "../../schemas/canonical.ts";
import { ConflictError, type Objects } from "../ports.ts";

/** An object that a step wrote earlier is not there, or is not of its form: the store was tampered with or half restored. */
export class DocumentError extends Error {
  override name = "DocumentError";
}

export function sha256Hex(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** sha256 of the value's canonical JSON. */
export function digestOf(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}

/** Reads a JSON document and checks its form. Throws DocumentError. */
export async function readDocument<T>(objects: Objects, key: string, schema: z.ZodType<T>): Promise<T> {
  const found = await objects.get(key);
  if (found === undefined) throw new DocumentError(`no document at ${key}`);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(found.bytes).toString("utf8"));
  } catch (error) {
    throw new DocumentError(`${key} is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new DocumentError(`${key} is not of its form: ${parsed.error.message}`);
  return parsed.data;
}

/** Writes bytes once. A second writer with the same bytes is welcome; other bytes under the same key are an error. */
export async function writeOnce(objects: Objects, key: string, bytes: Uint8Array, contentType?: string): Promise<void> {
  try {
    await objects.put(key, bytes, "absent", contentType);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const there = await objects.get(key);
    if (there === undefined || !Buffer.from(there.bytes).equals(bytes)) {
      throw new DocumentError(`${key} was written before with other content`);
    }
  }
}

/** Writes a document's canonical JSON once under a key that its content or its place in the story determines. */
export async function writeDocument(objects: Objects, key: string, value: unknown): Promise<void> {
  await writeOnce(objects, key, canonicalBytes(value), "application/json");
}

/**
 * A value's canonical JSON as bytes, made piece by piece and twice over, to know the length first: the whole text as strings
 * took half a gigabyte for a catalogue of 100,000 images.
 */
function canonicalBytes(value: unknown): Buffer {
  let length = 0;
  for (const piece of canonicalPieces(value)) length += Buffer.byteLength(piece);
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const piece of canonicalPieces(value)) at += bytes.write(piece, at);
  return bytes;
}

/** Writes a document under a key made from its digest; returns both. */
export async function writeAddressed(
  objects: Objects,
  keyOf: (digest: string) => string,
  value: unknown,
): Promise<{ key: string; digest: string }> {
  const bytes = canonicalBytes(value);
  const digest = sha256Hex(bytes);
  const key = keyOf(digest);
  await writeOnce(objects, key, bytes, "application/json");
  return { key, digest };
}

/** Lines of a JSONL object, parsed by a schema. Throws DocumentError with the line's number. */
export async function readLines<T>(objects: Objects, key: string, schema: z.ZodType<T>): Promise<T[]> {
  const found = await objects.get(key);
  if (found === undefined) throw new DocumentError(`no document at ${key}`);
  const lines = Buffer.from(found.bytes)
    .toString("utf8")
    .split("\n")
    .filter((line) => line.length > 0);
  return lines.map((line, index) => {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      throw new DocumentError(`${key}, line ${index + 1}: not JSON`);
    }
    const parsed = schema.safeParse(json);
    if (!parsed.success) throw new DocumentError(`${key}, line ${index + 1}: ${parsed.error.message}`);
    return parsed.data;
  });
}
