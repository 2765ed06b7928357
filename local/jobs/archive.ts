import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { extract, pack } from "tar-stream";

/** Files below a folder as relative paths in order of code units; links are followed, folders themselves left out. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** A folder as a .tar.gz: sorted, without times or owners, so that the same files give the same bytes. */
export async function packFolder(folder: string): Promise<Uint8Array> {
  const tar = pack();
  const parts: Buffer[] = [];
  const filling = (async () => {
    for (const name of await filesBelow(folder)) {
      tar.entry({ name, mtime: new Date(0), mode: 0o644 }, await readFile(join(folder, name)));
    }
    tar.finalize();
  })();
  const zip = createGzip({ level: 1 });
  zip.on("data", (part: Buffer) => parts.push(part));
  await Promise.all([filling, pipeline(tar, zip)]);
  return Buffer.concat(parts);
}

/** Regular files of a .tar.gz into a folder; names that leave it are refused, links and devices are left out. */
export async function unpackInto(archive: Uint8Array, folder: string): Promise<void> {
  const tar = extract();
  tar.on("entry", (header, stream, next) => {
    const way = relative(folder, join(folder, header.name));
    if (header.type !== "file" || way.startsWith("..")) {
      stream.resume();
      stream.on("end", next);
      return;
    }
    const parts: Buffer[] = [];
    stream.on("data", (part) => parts.push(part as Buffer));
    stream.on("end", () => {
      const file = join(folder, way);
      mkdir(dirname(file), { recursive: true })
        .then(() => writeFile(file, Buffer.concat(parts)))
        .then(() => next(), next);
    });
  });
  await pipeline(Readable.from([archive]), createGunzip(), tar);
}
