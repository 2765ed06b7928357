import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { buildWeb } from "../web/build.ts";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
  ".woff2": "font/woff2",
};
const ROOT = resolve(fileURLToPath(new URL("../build/web", import.meta.url)));

let built: Promise<unknown> | undefined;

/** The built pages; made at the first request of this process. */
export async function publicFiles(path: string): Promise<{ bytes: Uint8Array; contentType: string } | undefined> {
  built ??= buildWeb();
  await built;
  const file = resolve(join(ROOT, path));
  if (!file.startsWith(ROOT + sep) || !existsSync(file)) return undefined;
  const contentType = TYPES[extname(file)];
  return contentType === undefined ? undefined : { bytes: await readFile(file), contentType };
}
