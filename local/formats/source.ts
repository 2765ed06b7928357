import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { FormatError, type LabelledList, labelOf } from "../../domain/formats/labelled-list.ts";
import { type ListFormat, readList } from "../../domain/formats/read-list.ts";
import { BadInputError } from "../../lambdas/stage.ts";
import type { IncomingFile } from "../../lambdas/store/intakes.ts";
import { folderFiles } from "../folder-files.ts";
import { isArchive, unpack } from "./unpack.ts";

/** Where labels that somebody else gave are read from: nowhere, the names of sub-folders, or the list that was given. */
export type LabelSource = "none" | "folders" | "list";

/** What a person brings: files, and what is said of them elsewhere. */
export interface PhotoSource {
  format: "folder" | "archive" | ListFormat;
  files: AsyncIterable<IncomingFile>;
  /** By name: what the list or the folders say. */
  labels: Map<string, string>;
  /** Plain sentences on what was not taken over. */
  notes: string[];
  /** Removes what was unpacked. */
  close(): Promise<void>;
}

const LIST = /\.(csv|jsonl?|manifest|ndjson)$/i;
/** A list is held in memory. */
const MOST_LIST_BYTES = 512 * 1024 ** 2;

/**
 * Opens a folder, a zip or tar archive, or a list (CSV, JSON lines, COCO, Label Studio, augmented manifest) whose images lie
 * beside it. `scratch` is a folder of ours for unpacking. Throws BadInputError that says what is wrong and what to do.
 */
export async function openSource(path: string, scratch: string, from?: LabelSource): Promise<PhotoSource> {
  const target = resolve(path);
  const found = await stat(target).catch(() => undefined);
  if (found === undefined) throw new BadInputError(`there is no folder or file ${target}`);
  if (found.isDirectory()) return folderSource(target, "folder", from);
  if (isArchive(target)) return archiveSource(target, scratch, from);
  if (LIST.test(target)) return listSource(target, from);
  throw new BadInputError(
    `${target} is no folder, archive or list; taken are folders, .zip, .tar, .tar.gz, and lists: .csv, .jsonl, .json (COCO or Label Studio), .manifest (Ground Truth)`,
  );
}

async function folderSource(
  root: string,
  format: "folder" | "archive",
  from: LabelSource = "none",
): Promise<PhotoSource> {
  if (from === "list")
    throw new BadInputError(`${root} is no list; give the list itself, or say --labels folders or --labels none`);
  const labels = new Map<string, string>();
  if (from === "folders") {
    for await (const { name } of folderFiles(root)) {
      const label = folderLabel(name);
      if (label !== undefined) labels.set(name, label);
    }
  }
  return { format, files: folderFiles(root), labels, notes: [], close: async () => {} };
}

/** The folder that a file lies in names its class; a class name that no folder can bear is percent-encoded. */
function folderLabel(name: string): string | undefined {
  const folder = name.split("/").at(-2);
  if (folder === undefined) return undefined;
  try {
    return decodeURIComponent(folder);
  } catch {
    return folder;
  }
}

async function archiveSource(archive: string, scratch: string, from: LabelSource | undefined): Promise<PhotoSource> {
  await removeLeftovers(scratch);
  const folder = join(scratch, `${process.pid}-${randomBytes(6).toString("hex")}`);
  await unpack(archive, folder);
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    // A list beside the images, as exports of other tools hold one.
    const lists = (await readdir(folder)).filter((name) => LIST.test(name));
    const list = lists.length === 1 && from !== "folders" && from !== "none" ? lists[0] : undefined;
    const source =
      list === undefined ? await folderSource(folder, "archive", from) : await listSource(join(folder, list), from);
    return { ...source, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What a process that was ended left behind: the work folder belongs to one process at a time. */
async function removeLeftovers(scratch: string): Promise<void> {
  for (const name of await readdir(scratch).catch(() => [])) {
    if (!name.startsWith(`${process.pid}-`)) await rm(join(scratch, name), { recursive: true, force: true });
  }
}

async function listSource(path: string, from: LabelSource = "list"): Promise<PhotoSource> {
  if (from === "folders") throw new BadInputError(`${path} is a list; say --labels list or --labels none`);
  const { size } = await stat(path);
  if (size > MOST_LIST_BYTES)
    throw new BadInputError(`${path} has ${size} bytes; lists of at most ${MOST_LIST_BYTES} are read: split it`);
  const list = readOrRefuse(await readFile(path, "utf8"), path);
  const root = dirname(path);
  const images = await filesOf(root, list, path);
  const labels = new Map<string, string>();
  if (from === "list") for (const { name, label } of images) if (label !== undefined) labels.set(name, label);
  const files = (async function* (): AsyncGenerator<IncomingFile> {
    for (const { name } of images) {
      const file = join(root, name);
      yield {
        name,
        bytes: (await stat(file)).size,
        read: () => readFile(file),
        stream: () => createReadStream(file),
      };
    }
  })();
  return { format: list.format, files, labels, notes: list.notes, close: async () => {} };
}

function readOrRefuse(text: string, path: string): LabelledList & { format: ListFormat } {
  try {
    return readList(text, basename(path));
  } catch (error) {
    if (error instanceof FormatError) throw new BadInputError(`${path}: ${error.message}`);
    throw error;
  }
}

/** Each listed image's file beside the list. Throws BadInputError where some are not there, saying how many. */
async function filesOf(root: string, list: LabelledList, path: string): Promise<{ name: string; label?: string }[]> {
  if (list.images.length === 0) throw new BadInputError(`${path} lists no image`);
  const there = new FilesBelow(await namesBelow(root));
  const found = new Map<string, string | undefined>();
  const missing: string[] = [];
  for (const image of list.images) {
    const name = there.find(image.path);
    if (name === undefined) missing.push(image.path);
    else if (found.has(name)) throw new BadInputError(`${path}: "${image.path}" and another entry both mean ${name}`);
    else found.set(name, labelOf(image));
  }
  if (missing.length > 0) {
    throw new BadInputError(
      `${path}: ${missing.length} of ${list.images.length} listed images are not below ${root}, the first is "${missing[0]?.slice(0, 200)}"; put the images beside the list (links to other places are not followed)`,
    );
  }
  const real = await realpath(root);
  for (const name of found.keys()) {
    const target = relative(real, await realpath(join(root, name)));
    if (target.startsWith(`..${sep}`)) throw new BadInputError(`${path}: "${name}" lies outside of ${root}`);
  }
  return [...found].map(([name, label]) => (label === undefined ? { name } : { name, label }));
}

async function namesBelow(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of folderFiles(root)) names.push(name);
  return names;
}

/**
 * Finds files by what lists of other tools say of them: a path, an address, a path of another machine. The longest ending
 * that exactly one file has counts; Label Studio's eight digits before an uploaded file's name are looked past.
 */
class FilesBelow {
  readonly #names: Set<string>;
  readonly #endings = new Map<string, string | null>();

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    for (const name of names) {
      const parts = name.split("/");
      for (let from = 1; from < parts.length; from += 1) {
        const ending = parts.slice(from).join("/");
        this.#endings.set(ending, this.#endings.has(ending) ? null : name);
      }
    }
  }

  find(path: string): string | undefined {
    const parts = plain(path).split("/");
    for (let from = 0; from < parts.length; from += 1) {
      const ending = parts.slice(from).join("/");
      const found = this.#names.has(ending) ? ending : this.#endings.get(ending);
      if (found !== undefined) return found ?? undefined;
    }
    const last = (parts.at(-1) ?? "").replace(/^[0-9a-f]{8}-/, "");
    return this.#names.has(last) ? last : (this.#endings.get(last) ?? undefined);
  }
}

/** Without scheme, host and query, `/` between parts, nothing that climbs. */
function plain(path: string): string {
  const address = /^[a-z0-9+.-]+:\/\/[^/]*\/(.*)$/i.exec(path)?.[1] ?? path;
  const bare = address === path ? address : (address.split(/[?#]/)[0] as string);
  return bare
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .join("/");
}

/** Whether a file is an archive or a list by its name. */
export function isSourceFile(path: string): boolean {
  return isArchive(path) || LIST.test(path);
}
