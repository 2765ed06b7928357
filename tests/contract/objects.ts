import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { ConflictError, type Objects } from "../../lambdas/ports.ts";

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const put = (objects: Objects, key: string, content: string, condition: Parameters<Objects["put"]>[2] = "any") =>
  objects.put(key, Buffer.from(content), condition);
async function keys(objects: Objects, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of objects.list(prefix)) found.push(key);
  return found;
}
let serial = 0;
const folder = () => `contract/objects-${++serial}`;

/** What every world's Objects keep. */
export function objectsContract(open: () => Objects): void {
  test("what was put is got, with one etag for both", async () => {
    const key = `${folder()}/a.bin`;
    const bytes = randomBytes(100_000);
    const { etag } = await open().put(key, bytes, "absent", "image/jpeg");
    const found = await open().get(key);
    expect(
      createHash("sha256")
        .update(found?.bytes as Uint8Array)
        .digest("hex"),
    ).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(found?.etag).toBe(etag);
    expect(await open().head(key)).toEqual({ bytes: 100_000, etag });
  });

  test("a key that is not there is undefined to every reader", async () => {
    const key = `${folder()}/none`;
    expect(await open().get(key)).toBeUndefined();
    expect(await open().getRange(key, 0, 10)).toBeUndefined();
    expect(await open().getRange(key, 0, 0)).toBeUndefined();
    expect(await open().head(key)).toBeUndefined();
    await open().delete(key);
  });

  test("a range is cut at the object's end", async () => {
    const key = `${folder()}/range`;
    await put(open(), key, "0123456789");
    expect(text(await open().getRange(key, 2, 3))).toBe("234");
    expect(text(await open().getRange(key, 8, 100))).toBe("89");
    expect(text(await open().getRange(key, 10, 5))).toBe("");
    expect(text(await open().getRange(key, 3, 0))).toBe("");
  });

  test("an empty object is an object", async () => {
    const key = `${folder()}/_SUCCESS`;
    await put(open(), key, "", "absent");
    expect((await open().get(key))?.bytes.length).toBe(0);
    expect((await open().head(key))?.bytes).toBe(0);
  });

  test("a second writer of an absent key meets a conflict and changes nothing", async () => {
    const key = `${folder()}/once`;
    await put(open(), key, "first", "absent");
    await expect(put(open(), key, "second", "absent")).rejects.toThrow(ConflictError);
    expect(text((await open().get(key))?.bytes)).toBe("first");
  });

  test("a swap needs the etag that is there", async () => {
    const key = `${folder()}/head`;
    const { etag } = await put(open(), key, "1");
    const second = await put(open(), key, "2", { etag });
    expect(second.etag).not.toBe(etag);
    await expect(put(open(), key, "3", { etag })).rejects.toThrow(ConflictError);
    await expect(put(open(), `${key}-gone`, "3", { etag })).rejects.toThrow(ConflictError);
    expect(text((await open().get(key))?.bytes)).toBe("2");
    expect(await open().head(`${key}-gone`)).toBeUndefined();
  });

  test("of twenty writers of an absent key one wins, and its bytes stay", async () => {
    const key = `${folder()}/race`;
    const runs = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => put(open(), key, `writer ${i}`, "absent")),
    );
    const winners = runs.flatMap((run, i) => (run.status === "fulfilled" ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(text((await open().get(key))?.bytes)).toBe(`writer ${winners[0]}`);
    for (const run of runs) if (run.status === "rejected") expect(run.reason).toBeInstanceOf(ConflictError);
  });

  test("of twenty swaps from one etag one wins", async () => {
    const key = `${folder()}/swap-race`;
    const { etag } = await put(open(), key, "start");
    const runs = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => put(open(), key, `swap ${i}`, { etag })),
    );
    const winners = runs.flatMap((run, i) => (run.status === "fulfilled" ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(text((await open().get(key))?.bytes)).toBe(`swap ${winners[0]}`);
  });

  test("keys are listed in the order of their UTF-8 bytes, with sizes, below the prefix only", async () => {
    const at = folder();
    const names = ["b", "a-b", "a/c", "a/b/d", "a.txt", "Z", "é", "\u{1f33c}", "\uffee", "a_SUCCESS"].map(
      (name) => `${at}/${name}`,
    );
    for (const name of names) await put(open(), name, "12345");
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await keys(open(), `${at}/`)).toEqual(sorted);
    expect(await keys(open(), `${at}/a/`)).toEqual([`${at}/a/b/d`, `${at}/a/c`]);
    expect(await keys(open(), `${at}/a`)).toEqual(sorted.filter((name) => name.startsWith(`${at}/a`)));
    expect(await keys(open(), `${at}/nothing/`)).toEqual([]);
    for await (const { bytes } of open().list(`${at}/b`)) expect(bytes).toBe(5);
  });

  test("a listed revision stays while an object does, and is another one for other bytes of the same length", async () => {
    const at = folder();
    const revisions = async () => {
      const found: string[] = [];
      for await (const { revision } of open().list(`${at}/`)) found.push(revision);
      return found;
    };
    await put(open(), `${at}/a`, "12345");
    await put(open(), `${at}/b`, "12345");
    const first = await revisions();
    expect(await revisions()).toEqual(first);
    await put(open(), `${at}/a`, "54321");
    const second = await revisions();
    expect(second[0]).not.toBe(first[0]);
    expect(second[1]).toBe(first[1]);
  });

  test("1,100 keys are all listed", async () => {
    const at = folder();
    const names = Array.from({ length: 1100 }, (_, i) => `${at}/${String(i).padStart(5, "0")}`);
    for (let i = 0; i < names.length; i += 50)
      await Promise.all(names.slice(i, i + 50).map((name) => put(open(), name, "x")));
    expect(await keys(open(), `${at}/`)).toEqual(names);
  }, 60_000);

  test("odd characters in a key are characters, not paths", async () => {
    const at = folder();
    const odd = [
      "a b",
      "100%",
      "%2e%2e",
      "%-",
      "x%~",
      "quote\"'",
      "a:b*c?<d>|e",
      "ünï/日本",
      "=+@,;&$",
      `long-${"n".repeat(300)}/${"é".repeat(120)}`,
      "CON",
      ".hidden",
      "trailing.",
    ];
    for (const name of odd) await put(open(), `${at}/${name}`, name);
    for (const name of odd) expect(text((await open().get(`${at}/${name}`))?.bytes)).toBe(name);
    expect(await keys(open(), `${at}/`)).toEqual(
      odd.map((name) => `${at}/${name}`).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  test("a key that climbs out is refused by every call", async () => {
    for (const key of ["../x", "a/../../x", "/etc/passwd", "a/./b", "", "a\\b", "a\u0000b"]) {
      await expect(put(open(), key, "x")).rejects.toThrow();
      await expect(open().get(key)).rejects.toThrow();
      await expect(open().head(key)).rejects.toThrow();
      await expect(open().getRange(key, 0, 1)).rejects.toThrow();
      await expect(open().delete(key)).rejects.toThrow();
    }
  });

  test("a deleted key is gone and may be written anew", async () => {
    const key = `${folder()}/again`;
    await put(open(), key, "1");
    await open().delete(key);
    expect(await open().head(key)).toBeUndefined();
    await put(open(), key, "2", "absent");
    expect(text((await open().get(key))?.bytes)).toBe("2");
  });

  test("changing the bytes that were put or got changes nothing stored", async () => {
    const key = `${folder()}/mine`;
    const bytes = Buffer.from("abc");
    await open().put(key, bytes, "any");
    bytes[0] = 0;
    const got = await open().get(key);
    if (got) got.bytes[1] = 0;
    expect(text((await open().get(key))?.bytes)).toBe("abc");
  });
}
