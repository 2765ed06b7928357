import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import yazl from "yazl";
import { folderFiles } from "../folder-files.ts";

/** Names inside an archive carry no time of ours: the same folder gives the same archive. */
const TIME = new Date(Date.UTC(2000, 0, 1));

/** Packs a folder's files into a .zip, .tar, .tar.gz or .tgz; images are stored as they are, they do not shrink. */
export async function packFolder(folder: string, archive: string): Promise<void> {
  if (/\.zip$/i.test(archive)) return packZip(folder, archive);
  const tar = pack();
  const target = createWriteStream(archive, { flags: "wx" });
  const written = /\.t?gz$/i.test(archive) ? pipeline(tar, createGzip(), target) : pipeline(tar, target);
  written.catch(() => {});
  for await (const { name } of folderFiles(folder)) {
    const { size } = await stat(join(folder, name));
    const entry = tar.entry({ name, size, mtime: TIME, mode: 0o644 });
    await pipeline(createReadStream(join(folder, name)), entry as unknown as NodeJS.WritableStream);
  }
  tar.finalize();
  await written;
}

async function packZip(folder: string, archive: string): Promise<void> {
  const zip = new yazl.ZipFile();
  const written = pipeline(zip.outputStream as Readable, createWriteStream(archive, { flags: "wx" }));
  written.catch(() => {});
  for await (const { name } of folderFiles(folder))
    zip.addFile(join(folder, name), name, { mtime: TIME, compress: false, forceDosTimestamp: true });
  zip.end();
  await written;
}
