/**
 * Every change of a record, copied to objects that are only ever added: what the books are rebuilt from when the table is
 * lost. On AWS the table's stream writes it.
 */
import { z } from "zod";
import { ConflictError, type Ports } from "../ports.ts";
import { DocumentError, writeOnce } from "./documents.ts";

export const JOURNAL = "journal";

/** One change. `sequence` orders the changes of one record: decimal digits, compared as numbers of any length. */
export const Change = z.strictObject({
  sequence: z.string().regex(/^\d{1,40}$/),
  pk: z.string(),
  sk: z.string(),
  /** The record's version after the change; null where it was deleted. */
  version: z.int().min(1).nullable(),
  body: z.unknown(),
});
export type Change = z.infer<typeof Change>;

/** Sealed task tokens wait for nobody after a restore: steps that are entered again bring their own. */
const TOKENS = new Set(["sealedToken", "tokenSha256"]);

/**
 * Keeps a batch of changes under the day and the sequence of its first one. The same batch again changes nothing; batches
 * that overlap hold the same changes twice, which a restore does not mind.
 */
export async function keepChanges(
  ports: Pick<Ports, "objects">,
  day: string,
  changes: readonly Change[],
): Promise<string | undefined> {
  const [first] = changes;
  if (first === undefined) return undefined;
  const key = `${JOURNAL}/${day}/${first.sequence.padStart(40, "0")}-${changes.length}.jsonl`;
  await writeOnce(
    ports.objects,
    key,
    Buffer.from(changes.map((change) => `${JSON.stringify(change)}\n`).join("")),
    "application/x-ndjson",
  );
  return key;
}

export interface Restored {
  /** Journal objects and changes that were read. */
  objects: number;
  changes: number;
  /** Records that were written, that stood there already, and whose last change was their end. */
  written: number;
  there: number;
  deleted: number;
}

/**
 * Writes the last known state of every record into a table, each only where nothing stands: it may run again, and after a
 * point-in-time recovery it adds what came later than that point only as new records. Task tokens are left out. For a table larger than memory, `parts` reads the journal so many times and
 * holds that share of the keys each time.
 */
export async function restoreRecords(ports: Pick<Ports, "objects" | "records">, parts = 1): Promise<Restored> {
  const restored: Restored = { objects: 0, changes: 0, written: 0, there: 0, deleted: 0 };
  for (let part = 0; part < parts; part += 1) {
    const last = new Map<string, Change>();
    for await (const change of changesOf(ports, restored, part === 0)) {
      const name = `${change.pk}\n${change.sk}`;
      if (partOf(name, parts) !== part) continue;
      const known = last.get(name);
      if (known === undefined || isLater(change.sequence, known.sequence)) last.set(name, change);
    }
    for (const { pk, sk, version, body } of last.values()) {
      if (version === null) restored.deleted += 1;
      else if (await wrote(ports, { pk, sk }, withoutTokens(body))) restored.written += 1;
      else restored.there += 1;
    }
  }
  return restored;
}

async function* changesOf(ports: Pick<Ports, "objects">, restored: Restored, counts: boolean): AsyncGenerator<Change> {
  for await (const { key } of ports.objects.list(`${JOURNAL}/`)) {
    const found = await ports.objects.get(key);
    if (found === undefined) throw new DocumentError(`${key} was listed but is not there`);
    if (counts) restored.objects += 1;
    const lines = Buffer.from(found.bytes).toString("utf8").split("\n");
    for (const [index, line] of lines.entries()) {
      if (line === "") continue;
      const parsed = Change.safeParse(parse(line));
      if (!parsed.success)
        throw new DocumentError(`${key}, line ${index + 1} is no change of a record: ${parsed.error.message}`);
      if (counts) restored.changes += 1;
      yield parsed.data;
    }
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function wrote(ports: Pick<Ports, "records">, key: { pk: string; sk: string }, body: unknown): Promise<boolean> {
  try {
    await ports.records.put(key, body, "absent");
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
}

/** Sequence numbers are whole numbers of up to 40 digits, without leading zeros. */
function isLater(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length;
}

function partOf(name: string, parts: number): number {
  let sum = 0;
  for (let i = 0; i < name.length; i += 1) sum = (sum * 31 + name.charCodeAt(i)) >>> 0;
  return sum % parts;
}

function withoutTokens(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTokens);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !TOKENS.has(name))
      .map(([name, inner]) => [name, withoutTokens(inner)]),
  );
}
