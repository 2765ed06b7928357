import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltFile, buildWeb, publicFilesIn } from "../../web/build.ts";

describe("the built pages", () => {
  const root = mkdtempSync(join(tmpdir(), "countersign-build-"));
  const folder = join(root, "public");
  let files: BuiltFile[] = [];
  beforeAll(async () => {
    files = await buildWeb(folder);
    writeFileSync(join(root, "secret.html"), "not for the public");
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("bear their content's name: built twice they are the same", async () => {
    expect(await buildWeb(folder)).toEqual(files);
    // The content's name goes before the sort: which of the two sorts first is the content's chance.
    expect(files.map(({ path }) => path.replace(/-[A-Z0-9]{8}\./, "-<content>.")).sort()).toEqual([
      "assets/app-<content>.css",
      "assets/app-<content>.js",
      "icon.svg",
      "index.html",
      "sign-in.json",
    ]);
  });

  it("are small: at most 40 kB travel", () => {
    expect(files.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0)).toBeLessThan(40 * 1024);
  });

  it("name no other host and hold no inline script or style", async () => {
    const read = publicFilesIn(folder);
    const page = Buffer.from((await read("/index.html"))?.bytes ?? []).toString();
    expect(page).not.toMatch(/<script>|<style|style="|\son[a-z]+=|https?:/);
    const script = Buffer.from(
      (await read(`/${files.find(({ path }) => path.endsWith(".js"))?.path}`))?.bytes ?? [],
    ).toString();
    const addresses = [...script.matchAll(/https?:\/\/[^"'`\s)]+/g)].map(([address]) => address);
    // Names of XML vocabularies, never asked for.
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  });

  it("nothing outside their folder is served", async () => {
    const read = publicFilesIn(folder);
    expect(await read("/index.html")).toBeDefined();
    for (const path of [
      "/../secret.html",
      "../secret.html",
      "/assets/../../secret.html",
      "/..%2fsecret.html",
      "/index.html\0.js",
      "/assets",
      "/assets/",
      "/none.html",
      "",
      "/",
    ]) {
      expect(await read(path), path).toBeUndefined();
    }
  });
});
