/** Limits of DynamoDB that every world keeps, so that nothing works on a laptop and breaks on AWS. */
import type { RecordWrite } from "../lambdas/ports.ts";

/** DynamoDB allows 409,600 bytes an item, names and keys included: room is left for those. */
export const MAX_RECORD_BYTES = 400_000;
export const MAX_TRANSACTION_WRITES = 100;

/** A record's body as it is stored. Throws RangeError when it is too large for one record. */
export function recordText(body: unknown): string {
  const text = JSON.stringify(body);
  if (text === undefined) throw new TypeError(`a ${typeof body} can't be a record's body; give a JSON value`);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RECORD_BYTES) {
    throw new RangeError(
      `a record's body has ${bytes} bytes; at most ${MAX_RECORD_BYTES} are allowed, put bulk into an object`,
    );
  }
  return text;
}

/** Throws RangeError when a transaction has too many writes or names a key twice. */
export function checkTransaction(writes: readonly RecordWrite[]): void {
  if (writes.length > MAX_TRANSACTION_WRITES) {
    throw new RangeError(
      `a transaction has ${writes.length} writes; at most ${MAX_TRANSACTION_WRITES} are allowed, split it`,
    );
  }
  const seen = new Set<string>();
  for (const { key } of writes) {
    const name = JSON.stringify([key.pk, key.sk]);
    if (seen.has(name)) throw new RangeError(`a transaction names ${key.pk} ${key.sk} twice; each key may stand once`);
    seen.add(name);
  }
}

/** Order of UTF-8 bytes, as S3 lists keys and DynamoDB sorts strings (JavaScript compares UTF-16 units instead). */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
