/** Builds the pages: one script and one style sheet named by their content, and the page that loads them. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Where the built pages lie unless told otherwise; not tracked. */
export const PUBLIC_FOLDER = fileURLToPath(new URL("../build/web/", import.meta.url));

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

export interface BuiltFile {
  path: string;
  bytes: number;
  gzipBytes: number;
}

/** Bundles web/ into a folder, about 0.1 s. The same sources give the same names. */
export async function buildWeb(folder: string = PUBLIC_FOLDER): Promise<BuiltFile[]> {
  const result = await build({
    entryPoints: { app: join(HERE, "main.tsx") },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    entryNames: "assets/[name]-[hash]",
    outdir: folder,
    write: false,
    legalComments: "none",
    logLevel: "silent",
  });
  const outputs = result.outputFiles.map((file) => ({ name: basename(file.path), bytes: file.contents }));
  const named = (extension: string) => outputs.find(({ name }) => extname(name) === extension)?.name ?? "";
  const icon = await readFile(join(HERE, "icon.svg"));
  const page = Buffer.from(html(`/assets/${named(".js")}`, `/assets/${named(".css")}`));
  const files = [
    ...outputs.map(({ name, bytes }) => ({ path: `assets/${name}`, bytes: Buffer.from(bytes) })),
    { path: "icon.svg", bytes: icon },
    { path: "index.html", bytes: page },
    // On a laptop people sign in nowhere else; a deployment puts its provider's address over this.
    { path: "sign-in.json", bytes: Buffer.from("null\n") },
  ];
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "assets"), { recursive: true });
  for (const file of files) await writeFile(join(folder, file.path), file.bytes);
  return files.map(({ path, bytes }) => ({ path, bytes: bytes.length, gzipBytes: gzipSync(bytes).length }));
}

/** Reads built files by their address, never anything outside the folder. */
export function publicFilesIn(
  folder: string = PUBLIC_FOLDER,
): (path: string) => Promise<{ bytes: Uint8Array; contentType: string } | undefined> {
  return async (path) => {
    const inside = normalize(path);
    const contentType = TYPES[extname(inside)];
    if (contentType === undefined || inside.includes("\0") || inside.split(sep).includes("..")) return undefined;
    try {
      return { bytes: await readFile(join(folder, inside)), contentType };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "EISDIR")
        return undefined;
      throw error;
    }
  };
}

function html(script: string, style: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Countersign</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${style}">
</head>
<body>
<div id="app"><noscript>Countersign's pages need JavaScript.</noscript></div>
<script type="module" src="${script}"></script>
</body>
</html>
`;
}

if (import.meta.main) {
  for (const { path, bytes, gzipBytes } of await buildWeb()) {
    console.log(`${path}  ${(bytes / 1024).toFixed(1)} kB (${(gzipBytes / 1024).toFixed(1)} kB compressed)`);
  }
}
