import { createHash } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import { IntakeItem, IntakeSeal } from "../../schemas/intake.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { sha256Hex, writeOnce } from "./documents.ts";
import { objectKeys } from "./keys.ts";

/** One file that somebody brings. `name` is relative to what was dropped, with `/` between folders. */
export interface IncomingFile {
  name: string;
  bytes: number;
  read(): Promise<Uint8Array>;
  /** The same bytes piece by piece, for files too large to hold. */
  stream(): AsyncIterable<Uint8Array>;
}

/** Larger files are hashed and listed but not stored: admission says `too-large`. */
export const LARGEST_FILE_BYTES = 256 * 1024 * 1024;
/**
 * A campaign's catalogue, draws and plans are documents that one function holds. Measured at so many images (516 MB where the
 * catalogue is made, of 1,024); more go into campaigns of their own. See docs/decisions/0019.
 */
export const MOST_FILES = 100_000;
/** A manifest is read in pieces of so many bytes. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Files read and written at the same time. */
const CONCURRENT_FILES = 8;
const IMAGE_NAME = /\.(jpe?g|jfif|png|webp)$/i;

/**
 * Stores files under their content, writes the manifest (sorted by name), then the seal, each once.
 * The same files give the same intake again, however often and in whatever order they come.
 * Throws BadInputError for no files, for no image among them, and for a name that stands twice.
 */
export async function sealIntake(
  ports: Pick<Ports, "objects" | "clock">,
  input: {
    campaign: string;
    files: AsyncIterable<IncomingFile> | Iterable<IncomingFile>;
    onFile?: (stored: number) => void;
    /** Seals files of which none is an image as well: somebody wants to be told so. */
    anyFile?: boolean;
    /** Runs when the manifest is written and the seal is not: the intake is named, and nobody acts on it yet. */
    beforeSeal?: (intake: string) => Promise<void>;
  },
): Promise<{ intake: string; manifestKey: string; files: number; bytes: number }> {
  const items: IntakeItem[] = [];
  let images = 0;
  await eachConcurrently(input.files, CONCURRENT_FILES, async (file) => {
    const { item, isImage } = await store(ports, input.campaign, file);
    items.push(item);
    if (items.length > MOST_FILES) {
      throw new BadInputError(
        `there are more than ${MOST_FILES} files; one campaign holds at most ${MOST_FILES} images: bring them in folders of at most so many, each to a campaign of its own. What was stored is not stored again`,
      );
    }
    if (isImage) images += 1;
    input.onFile?.(items.length);
  });
  if (items.length === 0)
    throw new BadInputError("there is no file to take in: drop JPEG, PNG or WebP images into the folder");
  if (images === 0 && input.anyFile !== true) {
    throw new BadInputError(
      `none of the ${items.length} files is an image by name or content, the first is "${items[0]?.name}"; JPEG, PNG and WebP are taken`,
    );
  }
  items.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const twice = items.find((item, i) => item.name === items[i + 1]?.name);
  if (twice !== undefined) throw new BadInputError(`the name "${twice.name}" stands twice; every file needs its own`);
  const bytes = Buffer.from(items.map((item) => `${canonicalJson(item)}\n`).join(""));
  const manifestSha256 = sha256Hex(bytes);
  const intake = manifestSha256.slice(0, 16);
  const manifestKey = objectKeys.manifest(input.campaign, intake);
  await writeOnce(ports.objects, manifestKey, bytes, "application/jsonl");
  await input.beforeSeal?.(intake);
  const seal: IntakeSeal = {
    campaign: input.campaign,
    intake,
    manifestKey,
    manifestSha256,
    files: items.length,
    sealedAt: new Date(ports.clock.now()).toISOString(),
  };
  await putUnlessThere(ports, objectKeys.seal(input.campaign, intake), Buffer.from(canonicalJson(seal)));
  return { intake, manifestKey, files: items.length, bytes: items.reduce((sum, item) => sum + item.bytes, 0) };
}

/**
 * Checks that an intake is sealed and that its manifest is what was sealed.
 * Throws BadInputError that names what is wrong. The manifest is read piece by piece, once; the files are checked at admission.
 */
export async function verifyIntake(
  ports: Pick<Ports, "objects">,
  campaign: string,
  intake: string,
): Promise<IntakeSeal> {
  const manifestKey = objectKeys.manifest(campaign, intake);
  const sealed = await ports.objects.get(objectKeys.seal(campaign, intake));
  const manifest = await ports.objects.head(manifestKey);
  if (sealed === undefined) {
    const state = manifest === undefined ? "has neither manifest nor seal" : "is not sealed: its _SUCCESS is missing";
    throw new BadInputError(`intake "${intake}" ${state}; add the folder again, which finishes what was begun`);
  }
  if (manifest === undefined) {
    throw new BadInputError(`intake "${intake}" has a seal but no ${manifestKey}; add the folder again`);
  }
  const seal = parseLine(IntakeSeal, Buffer.from(sealed.bytes).toString("utf8"), `the seal of intake "${intake}"`);
  if (seal.campaign !== campaign || seal.intake !== intake || seal.manifestKey !== manifestKey) {
    throw new BadInputError(
      `the seal of intake "${intake}" speaks of campaign "${seal.campaign}", intake "${seal.intake}"`,
    );
  }
  if (seal.files > MOST_FILES) {
    throw new BadInputError(
      `intake "${intake}" holds ${seal.files} files; one campaign holds at most ${MOST_FILES} images. Nothing is lost: add the same photos again in folders of at most so many, each to a campaign of its own`,
    );
  }
  const hash = createHash("sha256");
  let lines = 0;
  let wrong: unknown;
  for await (const { piece, whole } of linesOf(ports, manifestKey, manifest.bytes)) {
    hash.update(piece);
    for (const line of whole) {
      lines += 1;
      try {
        if (wrong === undefined) parseLine(IntakeItem, line, `line ${lines} of the manifest of intake "${intake}"`);
      } catch (error) {
        wrong = error;
      }
    }
  }
  const digest = hash.digest("hex");
  if (digest !== seal.manifestSha256) {
    throw new BadInputError(
      `the manifest of intake "${intake}" has sha256 ${digest}, but ${seal.manifestSha256} was sealed: it was changed; add the folder again`,
    );
  }
  if (wrong !== undefined) throw wrong;
  if (lines !== seal.files) {
    throw new BadInputError(`the manifest of intake "${intake}" has ${lines} lines, but ${seal.files} were sealed`);
  }
  return seal;
}

/** An object's bytes piece by piece, each with the lines that end in it: a manifest is never held as a whole. */
async function* linesOf(
  ports: Pick<Ports, "objects">,
  key: string,
  bytes: number,
): AsyncGenerator<{ piece: Uint8Array; whole: string[] }> {
  let rest = Buffer.alloc(0);
  for (let offset = 0; offset < bytes; offset += PIECE_BYTES) {
    const piece = await ports.objects.getRange(key, offset, Math.min(PIECE_BYTES, bytes - offset));
    if (piece === undefined) throw new BadInputError(`${key} was deleted while it was read; add the folder again`);
    const text = Buffer.concat([rest, piece]);
    const end = offset + PIECE_BYTES >= bytes ? text.length : text.lastIndexOf(10) + 1;
    rest = text.subarray(end);
    const whole = text.subarray(0, end).toString("utf8").split("\n");
    yield { piece, whole: whole.filter((line) => line.length > 0) };
  }
}

function parseLine<T>(
  schema: { safeParse(value: unknown): { data?: T | undefined; error?: Error | undefined } },
  text: string,
  what: string,
): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadInputError(`${what} is not JSON: ${text.slice(0, 80)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.data === undefined) throw new BadInputError(`${what} is not of its form: ${parsed.error?.message}`);
  return parsed.data;
}

async function store(ports: Pick<Ports, "objects">, campaign: string, file: IncomingFile) {
  const named = { name: file.name };
  if (file.bytes > LARGEST_FILE_BYTES) {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of file.stream()) {
      hash.update(piece);
      bytes += piece.byteLength;
    }
    const sha256 = hash.digest("hex");
    return {
      item: checkedItem({ ...named, key: objectKeys.intakeFile(campaign, sha256), sha256, bytes }),
      isImage: IMAGE_NAME.test(file.name),
    };
  }
  const content = await file.read();
  const sha256 = sha256Hex(content);
  const key = objectKeys.intakeFile(campaign, sha256);
  const item = checkedItem({ ...named, key, sha256, bytes: content.byteLength });
  await putUnlessThere(ports, key, content);
  return { item, isImage: IMAGE_NAME.test(file.name) || looksLikeImage(content) };
}

function checkedItem(item: IntakeItem): IntakeItem {
  const parsed = IntakeItem.safeParse(item);
  if (!parsed.success) throw new BadInputError(`the file "${item.name}" can't be listed: ${parsed.error.message}`);
  return parsed.data;
}

/** The first bytes of JPEG, PNG and WebP. */
function looksLikeImage(content: Uint8Array): boolean {
  const head = Buffer.from(content.buffer, content.byteOffset, Math.min(12, content.byteLength)).toString("latin1");
  return (
    head.startsWith("\xff\xd8\xff") || head.startsWith("\x89PNG") || (head.startsWith("RIFF") && head.endsWith("WEBP"))
  );
}

/** Content-addressed bytes that are there already are the same bytes. */
async function putUnlessThere(ports: Pick<Ports, "objects">, key: string, bytes: Uint8Array): Promise<void> {
  if ((await ports.objects.head(key)) !== undefined) return;
  try {
    await ports.objects.put(key, bytes, "absent");
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

/** Runs `work` on all items, at most `most` at a time; the first error stops taking new ones and is thrown. */
async function eachConcurrently<T>(
  items: AsyncIterable<T> | Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const item of items) {
    const task: Promise<void> = work(item).finally(() => running.delete(task));
    task.catch(() => {});
    running.add(task);
    if (running.size >= most) await Promise.race(running);
  }
  await Promise.all(running);
}
