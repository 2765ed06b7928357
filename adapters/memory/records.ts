import {
  ConflictError,
  type RecordCondition,
  type RecordKey,
  type Records,
  type RecordWrite,
  type Stored,
} from "../../lambdas/ports.ts";
import { byBytes, checkTransaction, recordText } from "../limits.ts";

interface Row extends RecordKey {
  version: number;
  text: string;
}

/** Records in a map. A page has at most `pageSize` items and every third page is empty though more follow: legal, and callers must cope. */
export function memoryRecords(options: { pageSize?: number; before?: () => Promise<void> } = {}): Records {
  const pageSize = options.pageSize ?? 3;
  const before = options.before ?? (async () => {});
  const rows = new Map<string, Row>();
  let pages = 0;
  const nameOf = (key: RecordKey) => JSON.stringify([key.pk, key.sk]);
  const stored = <T>(row: Row): Stored<T> => ({
    pk: row.pk,
    sk: row.sk,
    version: row.version,
    body: JSON.parse(row.text) as T,
  });

  function check(key: RecordKey, condition: RecordCondition): Row | undefined {
    const row = rows.get(nameOf(key));
    if (condition === "absent" && row)
      throw new ConflictError(`${key.pk} ${key.sk} is there already, at version ${row.version}`);
    if (typeof condition === "object" && row?.version !== condition.version) {
      throw new ConflictError(
        `${key.pk} ${key.sk} is not at version ${condition.version} but ${row ? `at ${row.version}` : "absent"}`,
      );
    }
    return row;
  }
  function write(key: RecordKey, text: string): number {
    const version = (rows.get(nameOf(key))?.version ?? 0) + 1;
    rows.set(nameOf(key), { pk: key.pk, sk: key.sk, version, text });
    return version;
  }

  return {
    async get<T>(key: RecordKey) {
      await before();
      const row = rows.get(nameOf(key));
      return row && stored<T>(row);
    },
    async put(key, body, condition) {
      const text = recordText(body);
      await before();
      check(key, condition);
      return write(key, text);
    },
    async delete(key, condition) {
      await before();
      check(key, condition);
      rows.delete(nameOf(key));
    },
    async transact(writes: readonly RecordWrite[]) {
      checkTransaction(writes);
      const texts = writes.map((one) => (one.op === "put" ? recordText(one.body) : ""));
      await before();
      for (const one of writes) check(one.key, one.condition);
      writes.forEach((one, index) => {
        if (one.op === "put") write(one.key, texts[index] as string);
        if (one.op === "delete") rows.delete(nameOf(one.key));
      });
    },
    async query<T>(pk: string, query: { prefix?: string; after?: string; limit?: number } = {}) {
      await before();
      pages += 1;
      const { prefix = "", after } = query;
      const found = [...rows.values()]
        .filter(
          (row) => row.pk === pk && row.sk.startsWith(prefix) && (after === undefined || byBytes(row.sk, after) > 0),
        )
        .sort((a, b) => byBytes(a.sk, b.sk));
      if (pages % 3 === 0 && after !== undefined && found.length > 0) return { items: [], next: after };
      const items = found.slice(0, Math.min(pageSize, query.limit ?? pageSize));
      const last = items.at(-1);
      return {
        items: items.map((row) => stored<T>(row)),
        ...(last && items.length < found.length ? { next: last.sk } : {}),
      };
    },
  };
}
