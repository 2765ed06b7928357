import { AsyncLocalStorage } from "node:async_hooks";
import type { Objects, Ports, Records } from "../../lambdas/ports.ts";

/** What one part of the product asked of AWS. Units are AWS's own: a write of 1 KB, a consistent read of 4 KB. */
export interface Counts {
  invocations: number;
  cpuMilliseconds: number;
  s3Put: number;
  s3Get: number;
  writeUnits: number;
  readUnits: number;
  dynamodbRequests: number;
  kms: number;
  sns: number;
  logBytes: number;
  /** Bytes handed to people's browsers. */
  bytesOut: number;
}
const none = (): Counts => ({
  invocations: 0,
  cpuMilliseconds: 0,
  s3Put: 0,
  s3Get: 0,
  writeUnits: 0,
  readUnits: 0,
  dynamodbRequests: 0,
  kms: 0,
  sns: 0,
  logBytes: 0,
  bytesOut: 0,
});

/** Keys on one page of a listing; bytes of a unit. */
const LIST_PAGE = 1000;
const WRITE_UNIT = 1024;
const READ_UNIT = 4096;
/** Names and numbers beside pk, sk and body: pk, sk, version, body and the version's digits. */
const ITEM_OVERHEAD = 2 + 2 + 7 + 4 + 3;
/** Lambda's own three lines about an invocation, as JSON. */
const PLATFORM_LOG_BYTES = 700;

/** Counts what AWS would be asked, by the part that asks: the adapters make one request per call of a port. */
export class Ledger {
  readonly parts = new Map<string, Counts>();
  /** Hours in which a part ran: its metrics have data in them. */
  readonly hours = new Map<string, Set<number>>();
  /** Bytes stored per first folder below the campaign. */
  readonly stored = new Map<string, number>();
  readonly #who = new AsyncLocalStorage<string>();
  readonly #recordSizes = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  /** Runs one invocation of a part, alone, so that its CPU time is its own. `now`: the account's milliseconds. */
  within<T>(part: string, now: number, run: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(async () => {
      const counts = this.#of(part);
      counts.invocations += 1;
      counts.logBytes += PLATFORM_LOG_BYTES;
      this.hours.set(part, (this.hours.get(part) ?? new Set()).add(Math.floor(now / 3_600_000)));
      const before = process.cpuUsage();
      try {
        return await this.#who.run(part, run);
      } finally {
        const { user, system } = process.cpuUsage(before);
        counts.cpuMilliseconds += (user + system) / 1000;
      }
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  add(what: Partial<Counts>, part = this.#who.getStore() ?? "operator"): void {
    const counts = this.#of(part);
    for (const [name, n] of Object.entries(what) as [keyof Counts, number][]) counts[name] += n;
  }

  recordBytes(): number {
    return [...this.#recordSizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #of(part: string): Counts {
    const known = this.parts.get(part) ?? none();
    this.parts.set(part, known);
    return known;
  }

  /** The same ports, counted. */
  counted(ports: Ports): Ports {
    return {
      ...ports,
      objects: this.#objects(ports.objects),
      records: this.#records(ports.records),
      sealer: {
        seal: (plain, context) => this.#kms(() => ports.sealer.seal(plain, context)),
        open: (sealed, context) => this.#kms(() => ports.sealer.open(sealed, context)),
        sign: (text) => this.#kms(() => ports.sealer.sign(text)),
      },
      notifier: {
        notify: (notice) => {
          this.add({ sns: 1 });
          return ports.notifier.notify(notice);
        },
      },
    };
  }

  #kms<T>(call: () => Promise<T>): Promise<T> {
    this.add({ kms: 1 });
    return call();
  }

  #objects(inner: Objects): Objects {
    const count = this;
    const get = <T>(call: Promise<T>) => {
      count.add({ s3Get: 1 });
      return call;
    };
    return {
      get: (key) => get(inner.get(key)),
      getRange: (key, offset, length) => get(inner.getRange(key, offset, length)),
      head: (key) => get(inner.head(key)),
      async put(key, bytes, condition, contentType) {
        count.add({ s3Put: 1 });
        const done = await inner.put(key, bytes, condition, contentType);
        const folder = key.split("/")[2] ?? key;
        count.stored.set(folder, (count.stored.get(folder) ?? 0) + bytes.length);
        return done;
      },
      async *list(prefix) {
        let keys = 0;
        for await (const one of inner.list(prefix)) {
          if (keys % LIST_PAGE === 0) count.add({ s3Put: 1 });
          keys += 1;
          yield one;
        }
        if (keys === 0) count.add({ s3Put: 1 });
      },
      delete: (key) => inner.delete(key),
    };
  }

  #records(inner: Records): Records {
    const sizes = this.#recordSizes;
    const at = ({ pk, sk }: { pk: string; sk: string }) => `${pk}\n${sk}`;
    const sizeOf = (pk: string, sk: string, body: unknown) =>
      ITEM_OVERHEAD + Buffer.byteLength(pk) + Buffer.byteLength(sk) + Buffer.byteLength(JSON.stringify(body) ?? "");
    const writes = (bytes: number) => Math.max(1, Math.ceil(bytes / WRITE_UNIT));
    const reads = (bytes: number) => Math.max(1, Math.ceil(bytes / READ_UNIT));
    const count = this;
    return {
      async get<T>(key: { pk: string; sk: string }) {
        const found = await inner.get<T>(key);
        count.add({
          dynamodbRequests: 1,
          readUnits: reads(found === undefined ? 0 : sizeOf(key.pk, key.sk, found.body)),
        });
        return found;
      },
      async put(key, body, condition) {
        const size = sizeOf(key.pk, key.sk, body);
        count.add({ dynamodbRequests: 1, writeUnits: writes(Math.max(size, sizes.get(at(key)) ?? 0)) });
        sizes.set(at(key), size);
        return inner.put(key, body, condition);
      },
      async delete(key, condition) {
        count.add({ dynamodbRequests: 1, writeUnits: writes(sizes.get(at(key)) ?? 0) });
        sizes.delete(at(key));
        return inner.delete(key, condition);
      },
      async transact(all) {
        if (all.length > 0) count.add({ dynamodbRequests: 1 });
        for (const write of all) {
          const size = write.op === "put" ? sizeOf(write.key.pk, write.key.sk, write.body) : 0;
          // Each part of a transaction is written twice: once to prepare, once to commit.
          count.add({ writeUnits: 2 * writes(Math.max(size, sizes.get(at(write.key)) ?? 0)) });
          if (write.op === "put") sizes.set(at(write.key), size);
          if (write.op === "delete") sizes.delete(at(write.key));
        }
        return inner.transact(all);
      },
      async query<T>(pk: string, options?: { prefix?: string; after?: string; limit?: number }) {
        const page = await inner.query<T>(pk, options);
        const bytes = page.items.reduce((sum, item) => sum + sizeOf(item.pk, item.sk, item.body), 0);
        count.add({ dynamodbRequests: 1, readUnits: reads(bytes) });
        return page;
      },
    };
  }
}
