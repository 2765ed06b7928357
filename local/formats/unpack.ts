import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import yauzl from "yauzl";
import { StorageFullError } from "../../lambdas/ports.ts";
import { BadInputError } from "../../lambdas/stage.ts";
import { LARGEST_FILE_BYTES } from "../../lambdas/store/intakes.ts";

/** What an archive may unfold to: photos hardly compress, so far more than this is a bomb. */
export interface UnpackLimits {
  entries: number;
  /** Times the archive's own size, and never less than `leastBytes`. */
  growth: number;
  leastBytes: number;
}
export const UNPACK_LIMITS: UnpackLimits = { entries: 2_000_000, growth: 20, leastBytes: 1024 ** 3 };

const ARCHIVE = /\.(zip|tar|tar\.gz|tgz)$/i;

export function isArchive(path: string): boolean {
  return ARCHIVE.test(path);
}

/**
 * Unpacks a zip or tar (.gz) below a folder that it makes. An archive that wants out of the folder, holds links or devices,
 * names a file twice, or unfolds beyond the limits is refused as a whole, and the folder is removed. Files are counted as
 * they are written: what the archive says of their sizes is not believed. Throws BadInputError, StorageFullError.
 */
export async function unpack(archive: string, folder: string, limits: UnpackLimits = UNPACK_LIMITS): Promise<void> {
  const { size } = await stat(archive);
  const guard = new Guard(archive, folder, Math.max(limits.leastBytes, limits.growth * size), limits.entries);
  await mkdir(folder, { recursive: true });
  try {
    await (/\.zip$/i.test(archive) ? unzip(archive, guard) : untar(archive, guard));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (error instanceof BadInputError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new StorageFullError(`the disk is full while unpacking ${archive}; nothing was taken in. Free some room`);
    throw new BadInputError(
      `${archive} can't be unpacked: ${message}; nothing was taken in. Pack it again, or give the folder itself`,
    );
  }
}

/** Writes entries below one folder and says no to what an honest archive of photos never holds. */
class Guard {
  readonly #archive: string;
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #mostEntries: number;
  readonly #names = new Set<string>();
  #bytes = 0;

  constructor(archive: string, folder: string, mostBytes: number, mostEntries: number) {
    this.#archive = archive;
    this.#folder = folder;
    this.#mostBytes = mostBytes;
    this.#mostEntries = mostEntries;
  }

  refuse(why: string): never {
    throw new BadInputError(`${this.#archive} is refused: ${why}; nothing was taken in`);
  }

  async write(name: string, content: Readable): Promise<void> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true });
    let written = 0;
    const count = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        written += chunk.length;
        this.#bytes += chunk.length;
        try {
          if (written > LARGEST_FILE_BYTES) this.refuse(`"${name}" unfolds to more than ${LARGEST_FILE_BYTES} bytes`);
          if (this.#bytes > this.#mostBytes)
            this.refuse(`it unfolds to more than ${this.#mostBytes} bytes, far more than photos do`);
          done(undefined, chunk);
        } catch (error) {
          done(error as Error);
        }
      },
    });
    await pipeline(content, count, createWriteStream(path, { flags: "wx", mode: 0o600 }));
  }

  #path(name: string): string {
    const parts = name.replaceAll("\\", "/").split("/");
    if (parts.some((part) => part === ".." || part.includes("\0")) || parts[0] === "" || /^[a-z]:/i.test(name))
      this.refuse(`"${name.slice(0, 200)}" wants out of the folder`);
    const inside = parts.filter((part) => part !== "" && part !== ".").join("/");
    // One file system's twins may be two names of another.
    const folded = inside.normalize("NFC").toLowerCase();
    if (this.#names.has(folded)) this.refuse(`"${name.slice(0, 200)}" stands twice`);
    this.#names.add(folded);
    if (this.#names.size > this.#mostEntries) this.refuse(`it holds more than ${this.#mostEntries} files`);
    return join(this.#folder, inside);
  }
}

/** The upper half of a zip entry's external attributes is its Unix mode. */
const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;

async function unzip(archive: string, guard: Guard): Promise<void> {
  const zip = await yauzl.openPromise(archive, { lazyEntries: true, strictFileNames: false });
  try {
    for await (const entry of zip.eachEntry()) {
      const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
      if (entry.fileName.endsWith("/")) continue;
      if (type !== 0 && type !== REGULAR) guard.refuse(`"${entry.fileName.slice(0, 200)}" is a link or a device`);
      if (entry.isEncrypted()) guard.refuse(`"${entry.fileName.slice(0, 200)}" is encrypted`);
      await guard.write(entry.fileName, await zip.openReadStreamPromise(entry));
    }
  } finally {
    zip.close();
  }
}

async function untar(archive: string, guard: Guard): Promise<void> {
  const entries = extract();
  const source = createReadStream(archive);
  const fed = /\.(tgz|tar\.gz)$/i.test(archive) ? pipeline(source, createGunzip(), entries) : pipeline(source, entries);
  fed.catch(() => {});
  for await (const entry of entries) {
    const { name, type } = entry.header;
    if (type === "file" || type === "contiguous-file") await guard.write(name, Readable.from(entry));
    else if (type === "directory" || type?.startsWith("pax")) entry.resume();
    else guard.refuse(`"${name.slice(0, 200)}" is a ${type ?? "thing of unknown kind"}, no file`);
  }
  await fed;
}
