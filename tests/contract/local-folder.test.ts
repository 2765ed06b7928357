/** What only the laptop's folder has: room that ends, other processes, a key file. */
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { folderObjects } from "../../adapters/local/objects.ts";
import { sqliteRecords } from "../../adapters/local/records.ts";
import { fileSealer } from "../../adapters/local/sealer.ts";
import { StorageFullError } from "../../lambdas/ports.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-folder-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a quota that is used up refuses the next object, loses nothing, and deleting makes room", async () => {
  const objects = await folderObjects(folder, { quotaBytes: 100 });
  await objects.put("a", Buffer.alloc(60), "absent");
  await expect(objects.put("b", Buffer.alloc(50), "absent")).rejects.toThrow(StorageFullError);
  expect(await objects.head("b")).toBeUndefined();
  expect((await objects.head("a"))?.bytes).toBe(60);
  await objects.delete("a");
  await objects.put("b", Buffer.alloc(50), "absent");
  objects.close();
  const again = await folderObjects(folder, { quotaBytes: 100 });
  await expect(again.put("c", Buffer.alloc(60), "absent")).rejects.toThrow(StorageFullError);
  expect(readdirSync(join(folder, "drafts"))).toEqual([]);
  again.close();
});

test("a key's file is where path says, and everyday keys are their own paths", async () => {
  const objects = await folderObjects(folder);
  await objects.put("campaigns/a/intakes/1/_SUCCESS", Buffer.from("seal"), "absent");
  expect(objects.path("campaigns/a/intakes/1/_SUCCESS")).toBe(join(folder, "objects/campaigns/a/intakes/1/_SUCCESS"));
  expect(statSync(objects.path("campaigns/a/intakes/1/_SUCCESS")).size).toBe(4);
  expect(() => objects.path("../secret")).toThrow();
  objects.close();
});

test("a key that would be another key's folder is refused and says why", async () => {
  const objects = await folderObjects(folder);
  await objects.put("a/b", Buffer.from("x"), "absent");
  await expect(objects.put("a/b/c", Buffer.from("x"), "absent")).rejects.toThrow("folder");
  await expect(objects.put("a", Buffer.from("x"), "any")).rejects.toThrow("folder");
  await expect(objects.put("a", Buffer.from("x"), "absent")).rejects.toThrow();
  objects.close();
});

test("drafts of a process that was killed are swept, those of a live one stay", async () => {
  (await folderObjects(folder)).close();
  writeFileSync(join(folder, "drafts", "999999999-left"), "half");
  writeFileSync(join(folder, "drafts", `${process.pid}-mine`), "half");
  (await folderObjects(folder)).close();
  expect(readdirSync(join(folder, "drafts"))).toEqual([`${process.pid}-mine`]);
});

test("the key file is for its owner only; a key that others may read is refused; two openers share one key", async () => {
  const path = join(folder, "key");
  const sealed = await fileSealer(path).seal("token", "c");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await fileSealer(path).open(sealed, "c")).toBe("token");
  writeFileSync(join(folder, "open-key"), Buffer.alloc(64), { mode: 0o644 });
  expect(() => fileSealer(join(folder, "open-key"))).toThrow("chmod 600");
  writeFileSync(join(folder, "short-key"), "short", { mode: 0o600 });
  expect(() => fileSealer(join(folder, "short-key"))).toThrow("restore it");
});

test("four processes that count in one record and swap one object lose nothing", async () => {
  const records = sqliteRecords(join(folder, "records.db"));
  const objects = await folderObjects(folder);
  await records.put({ pk: "p", sk: "count" }, { n: 0 }, "absent");
  await objects.put("head", Buffer.from("0"), "absent");
  const script = new URL("./local-contender.ts", import.meta.url);
  const codes = await Promise.all(
    [1, 2, 3, 4].map(
      () => new Promise((resolve) => fork(script, [folder, "25"], { stdio: "inherit" }).once("exit", resolve)),
    ),
  );
  expect(codes).toEqual([0, 0, 0, 0]);
  expect((await records.get({ pk: "p", sk: "count" }))?.body).toEqual({ n: 100 });
  expect(Buffer.from((await objects.get("head"))?.bytes as Uint8Array).toString()).toBe("100");
  records.close();
  objects.close();
}, 60_000);
