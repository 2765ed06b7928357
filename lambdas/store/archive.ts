import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { DocumentError } from "./documents.ts";

/** The files of a .tar.gz by name, such as a job's model.tar.gz. Throws DocumentError where it can't be read. `key` names it. */
export async function readArchive(bytes: Uint8Array, key: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const archive = extract();
  const source = Readable.from([bytes]).pipe(createGunzip());
  source.on("error", (error) => archive.destroy(error));
  source.pipe(archive);
  try {
    for await (const entry of archive) {
      const pieces: Buffer[] = [];
      for await (const piece of entry) pieces.push(piece as Buffer);
      if (entry.header.type === "file") files.set(entry.header.name.replace(/^\.\//, ""), Buffer.concat(pieces));
    }
  } catch (error) {
    throw new DocumentError(`${key} is not a readable .tar.gz: ${(error as Error).message}`);
  }
  return files;
}
