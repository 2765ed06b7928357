import { DatabaseSync } from "node:sqlite";
import {
  ConflictError,
  type RecordCondition,
  type RecordKey,
  type Records,
  type RecordWrite,
  StorageFullError,
  type Stored,
  ThrottledError,
} from "../../lambdas/ports.ts";
import { checkTransaction, recordText } from "../limits.ts";

export interface SqliteRecords extends Records {
  close(): void;
}

interface Row {
  pk: string;
  sk: string;
  version: number;
  body: string;
}

const PAGE = 1000;
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/** Records in one SQLite file (WAL, FULL sync: an acknowledged write survives power loss). Several processes may share it. */
export function sqliteRecords(path: string): SqliteRecords {
  const database = new DatabaseSync(path);
  database.exec(`
    pragma busy_timeout = 5000;
    pragma journal_mode = wal;
    pragma synchronous = full;
    create table if not exists records (
      pk text not null, sk text not null, version integer not null, body text not null, primary key (pk, sk)
    ) without rowid`);
  const select = database.prepare("select pk, sk, version, body from records where pk = ? and sk = ?");
  const upsert = database.prepare(
    "insert into records values (?, ?, ?, ?) on conflict do update set version = excluded.version, body = excluded.body",
  );
  const remove = database.prepare("delete from records where pk = ? and sk = ?");
  // Text compares by its UTF-8 bytes here, as DynamoDB's sort keys do.
  const page = database.prepare(
    "select pk, sk, version, body from records where pk = ? and sk >= ? and sk > ? and sk < ? order by sk limit ?",
  );
  const stored = <T>(row: Row): Stored<T> => ({
    pk: row.pk,
    sk: row.sk,
    version: row.version,
    body: JSON.parse(row.body) as T,
  });

  function versionOf(key: RecordKey, condition: RecordCondition): number {
    const version = (select.get(key.pk, key.sk) as Row | undefined)?.version ?? 0;
    if (condition === "absent" && version > 0)
      throw new ConflictError(`${key.pk} ${key.sk} is there already, at version ${version}`);
    if (typeof condition === "object" && version !== condition.version) {
      throw new ConflictError(
        `${key.pk} ${key.sk} is not at version ${condition.version} but ${version ? `at ${version}` : "absent"}`,
      );
    }
    return version;
  }

  function atomically<T>(work: () => T): T {
    try {
      database.exec("begin immediate");
      const result = work();
      database.exec("commit");
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec("rollback");
      const code = (error as { errcode?: number }).errcode;
      if (code !== undefined && (code & 0xff) === SQLITE_BUSY)
        throw new ThrottledError("another process writes to the records; try again");
      if (code !== undefined && (code & 0xff) === SQLITE_FULL)
        throw new StorageFullError("the disk is full: nothing was recorded. Free some room and go on");
      throw error;
    }
  }

  return {
    close: () => database.close(),
    async get<T>(key: RecordKey) {
      const row = select.get(key.pk, key.sk) as Row | undefined;
      return row && stored<T>(row);
    },
    async put(key, body, condition) {
      const text = recordText(body);
      return atomically(() => {
        const version = versionOf(key, condition) + 1;
        upsert.run(key.pk, key.sk, version, text);
        return version;
      });
    },
    async delete(key, condition) {
      atomically(() => {
        versionOf(key, condition);
        remove.run(key.pk, key.sk);
      });
    },
    async transact(writes: readonly RecordWrite[]) {
      checkTransaction(writes);
      const texts = writes.map((one) => (one.op === "put" ? recordText(one.body) : ""));
      atomically(() =>
        writes.forEach(({ op, key, condition }, index) => {
          const version = versionOf(key, condition);
          if (op === "put") upsert.run(key.pk, key.sk, version + 1, texts[index] as string);
          if (op === "delete") remove.run(key.pk, key.sk);
        }),
      );
    },
    async query<T>(pk: string, query: { prefix?: string; after?: string; limit?: number } = {}) {
      const { prefix = "", after = "" } = query;
      const limit = Math.min(query.limit ?? PAGE, PAGE);
      const rows = page.all(pk, prefix, after, `${prefix}\u{10ffff}\u{10ffff}`, limit + 1) as unknown as Row[];
      const items = rows.slice(0, limit).map((row) => stored<T>(row));
      const last = items.at(-1);
      return { items, ...(rows.length > limit && last ? { next: last.sk } : {}) };
    },
  };
}
