import { expect, test } from "vitest";
import { ConflictError, type Records, type Stored, ThrottledError } from "../../lambdas/ports.ts";

let serial = 0;
const partition = () => `contract#${++serial}`;
async function all<T>(
  records: Records,
  pk: string,
  options: { prefix?: string; after?: string; limit?: number } = {},
): Promise<Stored<T>[]> {
  const found: Stored<T>[] = [];
  let after = options.after;
  for (let pages = 0; pages < 10_000; pages += 1) {
    const page = await records.query<T>(pk, { ...options, ...(after === undefined ? {} : { after }) });
    if (options.limit !== undefined) expect(page.items.length).toBeLessThanOrEqual(options.limit);
    found.push(...page.items);
    if (page.next === undefined) return found;
    after = page.next;
  }
  throw new Error("the pages never end");
}

/** What every world's Records keep. */
export function recordsContract(open: () => Records): void {
  test("a record grows by one version with each write", async () => {
    const key = { pk: partition(), sk: "a" };
    expect(await open().get(key)).toBeUndefined();
    expect(await open().put(key, { n: 1, text: "ü\u{1f33c}", list: [null, true, 1.5] }, "absent")).toBe(1);
    expect(await open().get(key)).toEqual({
      ...key,
      version: 1,
      body: { n: 1, text: "ü\u{1f33c}", list: [null, true, 1.5] },
    });
    expect(await open().put(key, { n: 2 }, { version: 1 })).toBe(2);
    expect(await open().put(key, { n: 3 }, "any")).toBe(3);
    expect(await open().get(key)).toEqual({ ...key, version: 3, body: { n: 3 } });
  });

  test("a condition that does not hold is a conflict and changes nothing", async () => {
    const key = { pk: partition(), sk: "a" };
    await expect(open().put(key, {}, { version: 1 })).rejects.toThrow(ConflictError);
    await open().put(key, { kept: true }, "absent");
    await expect(open().put(key, {}, "absent")).rejects.toThrow(ConflictError);
    await expect(open().put(key, {}, { version: 2 })).rejects.toThrow(ConflictError);
    await expect(open().delete(key, { version: 2 })).rejects.toThrow(ConflictError);
    await expect(open().delete(key, "absent")).rejects.toThrow(ConflictError);
    expect(await open().get(key)).toMatchObject({ version: 1, body: { kept: true } });
  });

  test("a deleted record is gone; deleting what is not there is allowed under `any`", async () => {
    const key = { pk: partition(), sk: "a" };
    await open().put(key, {}, "absent");
    await open().delete(key, { version: 1 });
    expect(await open().get(key)).toBeUndefined();
    await open().delete(key, "any");
    expect(await open().put(key, {}, "absent")).toBe(1);
  });

  test("of twenty writers with one condition one wins", async () => {
    const key = { pk: partition(), sk: "race" };
    const first = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => open().put(key, { i }, "absent")));
    expect(first.filter((run) => run.status === "fulfilled")).toHaveLength(1);
    const second = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => open().put(key, { i }, { version: 1 })),
    );
    expect(second.filter((run) => run.status === "fulfilled")).toHaveLength(1);
    for (const run of [...first, ...second]) {
      if (run.status === "rejected") expect([ConflictError, ThrottledError]).toContain(run.reason.constructor);
    }
    expect(await open().get(key)).toMatchObject({ version: 2 });
  });

  test("twenty writers that read, add one and swap lose no addition", async () => {
    const key = { pk: partition(), sk: "counter" };
    await open().put(key, { n: 0 }, "absent");
    async function addOne(): Promise<void> {
      for (;;) {
        const found = await open().get<{ n: number }>(key);
        try {
          await open().put(key, { n: (found?.body.n as number) + 1 }, { version: found?.version as number });
          return;
        } catch (error) {
          if (!(error instanceof ConflictError || error instanceof ThrottledError)) throw error;
        }
      }
    }
    await Promise.all(Array.from({ length: 20 }, addOne));
    expect(await open().get(key)).toMatchObject({ version: 21, body: { n: 20 } });
  });

  test("a transaction writes all or nothing", async () => {
    const pk = partition();
    await open().put({ pk, sk: "there" }, { old: true }, "absent");
    await open().transact([
      { op: "put", key: { pk, sk: "new" }, body: { a: 1 }, condition: "absent" },
      { op: "put", key: { pk, sk: "there" }, body: { old: false }, condition: { version: 1 } },
      { op: "check", key: { pk, sk: "never" }, condition: "absent" },
      { op: "check", key: { pk: `${pk}-other`, sk: "whatever" }, condition: "any" },
    ]);
    expect(await open().get({ pk, sk: "there" })).toMatchObject({ version: 2, body: { old: false } });
    expect(await open().get({ pk, sk: "never" })).toBeUndefined();
    const refused = open().transact([
      { op: "delete", key: { pk, sk: "new" }, condition: "any" },
      { op: "put", key: { pk, sk: "more" }, body: {}, condition: "any" },
      { op: "check", key: { pk, sk: "there" }, condition: { version: 1 } },
    ]);
    await expect(refused).rejects.toThrow(ConflictError);
    expect(await open().get({ pk, sk: "new" })).toMatchObject({ version: 1, body: { a: 1 } });
    expect(await open().get({ pk, sk: "more" })).toBeUndefined();
    await open().transact([{ op: "delete", key: { pk, sk: "new" }, condition: { version: 1 } }]);
    expect(await open().get({ pk, sk: "new" })).toBeUndefined();
    await open().transact([]);
  });

  test("a transaction of 100 writes is allowed, of 101 refused, and a key may stand once", async () => {
    const pk = partition();
    const puts = (n: number) =>
      Array.from({ length: n }, (_, i) => ({
        op: "put" as const,
        key: { pk, sk: `s${i}` },
        body: { i },
        condition: "absent" as const,
      }));
    await expect(open().transact(puts(101))).rejects.toThrow(RangeError);
    await expect(open().transact([...puts(1), ...puts(1)])).rejects.toThrow(RangeError);
    expect(await all(open(), pk)).toEqual([]);
    await open().transact(puts(100));
    expect(await all(open(), pk)).toHaveLength(100);
  });

  test("of twenty transactions that want one record one wins", async () => {
    const pk = partition();
    const runs = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        open().transact([
          { op: "put", key: { pk, sk: "seat" }, body: { i }, condition: "absent" },
          { op: "put", key: { pk, sk: `trace-${i}` }, body: {}, condition: "any" },
        ]),
      ),
    );
    expect(runs.filter((run) => run.status === "fulfilled")).toHaveLength(1);
    expect(await all(open(), pk)).toHaveLength(2);
  });

  test("a partition is read in the order of its sort keys' UTF-8 bytes, page by page", async () => {
    const pk = partition();
    const names = ["b", "a#2", "a#1", "a", "Z", "é", "\u{1f33c}", "\uffee", "a#10", "b#1"];
    for (const sk of names) await open().put({ pk, sk }, { sk }, "absent");
    await open().put({ pk: `${pk}0`, sk: "a#3" }, {}, "absent");
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = async (options: Parameters<Records["query"]>[1]) =>
      (await all(open(), pk, options)).map(({ sk }) => sk);
    expect(await listed({})).toEqual(sorted);
    expect(await listed({ limit: 1 })).toEqual(sorted);
    expect(await listed({ limit: 4 })).toEqual(sorted);
    expect(await listed({ prefix: "a#" })).toEqual(["a#1", "a#10", "a#2"]);
    expect(await listed({ prefix: "a#", limit: 1 })).toEqual(["a#1", "a#10", "a#2"]);
    expect(await listed({ prefix: "none" })).toEqual([]);
    expect(await listed({ after: "a#10" })).toEqual(sorted.slice(sorted.indexOf("a#10") + 1));
    expect(await listed({ prefix: "a#", after: "a#10" })).toEqual(["a#2"]);
    expect(await listed({ prefix: "a#", after: "Z" })).toEqual(["a#1", "a#10", "a#2"]);
    expect(await listed({ prefix: "a#", after: "b" })).toEqual([]);
    expect(await listed({ after: "a#15" })).toEqual(sorted.slice(sorted.indexOf("a#2")));
  });

  test("300 records are read whole, with their bodies", async () => {
    const pk = partition();
    const writes = Array.from({ length: 300 }, (_, i) => ({
      op: "put" as const,
      key: { pk, sk: String(i).padStart(4, "0") },
      body: { pad: "x".repeat(8000), i },
      condition: "absent" as const,
    }));
    for (let i = 0; i < 300; i += 100) await open().transact(writes.slice(i, i + 100));
    const found = await all<{ i: number; pad: string }>(open(), pk);
    expect(found.map(({ body }) => body.i)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(found.every(({ body }) => body.pad.length === 8000)).toBe(true);
  }, 60_000);

  test("a body that DynamoDB could not hold is refused everywhere", async () => {
    const pk = partition();
    await expect(open().put({ pk, sk: "big" }, { text: "ä".repeat(210_000) }, "any")).rejects.toThrow(RangeError);
    await expect(open().put({ pk, sk: "none" }, undefined, "any")).rejects.toThrow(TypeError);
    expect(await all(open(), pk)).toEqual([]);
    await open().put({ pk, sk: "fits" }, { text: "x".repeat(390_000) }, "any");
  });
}
