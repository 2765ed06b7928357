import { z } from "zod";
import { Catalogue, CatalogueEntry } from "../../schemas/catalogue.ts";
import type { Objects } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { type DocumentItem, documentItems } from "./document-items.ts";
import { DocumentError } from "./documents.ts";
import { MOST_FILES } from "./intakes.ts";

const MEMBERS = Catalogue.shape;
type Reader = Pick<Objects, "head" | "getRange">;

/**
 * A catalogue, read and checked entry by entry: its text and what is parsed of it are never there as a whole, which at
 * 100,000 images is half of what reading it took. Throws DocumentError.
 */
export async function readCatalogue(objects: Reader, key: string): Promise<Catalogue> {
  const entries: Catalogue["entries"] = [];
  const quarantined: Catalogue["quarantined"] = [];
  const shards: Catalogue["shards"] = [];
  const rest: Record<string, unknown> = {};
  for await (const items of documentItems(objects, key)) {
    for (const item of items) {
      if (item.member === "entries") entries.push(checked(key, item, CatalogueEntry));
      else if (item.member === "quarantined") quarantined.push(checked(key, item, MEMBERS.quarantined.element));
      else if (item.member === "shards") shards.push(checked(key, item, MEMBERS.shards.element));
      else rest[item.member] = checked(key, item, z.unknown());
    }
  }
  const about = Catalogue.omit({ entries: true, quarantined: true, shards: true }).safeParse(rest);
  if (!about.success) throw new DocumentError(`${key} is not of its form: ${about.error.message}`);
  return { ...about.data, entries, quarantined, shards };
}

const KEPT = 2;
const kept = new WeakMap<Reader, Map<string, Catalogue>>();

/** As readCatalogue; a store's last two are kept, for a catalogue is written once and pages ask for the newest again and again. */
export async function immutableCatalogue(objects: Reader, key: string): Promise<Catalogue> {
  const cache = kept.get(objects) ?? new Map<string, Catalogue>();
  kept.set(objects, cache);
  const catalogue = cache.get(key) ?? (await readCatalogue(objects, key));
  cache.set(key, catalogue);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value as string);
  return catalogue;
}

/** The entries alone, some at a time: for those who keep a little of each. Throws DocumentError. */
export async function* catalogueEntries(objects: Reader, key: string): AsyncGenerator<CatalogueEntry[]> {
  for await (const items of documentItems(objects, key)) {
    const entries = items.filter((item) => item.member === "entries").map((item) => checked(key, item, CatalogueEntry));
    if (entries.length > 0) yield entries;
  }
}

/** Keys of a catalogue's tar shards; nothing else of it is parsed. Throws DocumentError. */
export async function catalogueShardKeys(objects: Reader, key: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const items of documentItems(objects, key))
    for (const item of items) if (item.member === "shards") keys.push(checked(key, item, MEMBERS.shards.element).key);
  return keys;
}

/** Throws BadInputError where a campaign would hold more images than its documents were measured at. */
export function mustFit(
  campaign: string,
  earlier: readonly { sha256: string }[],
  results: readonly { sha256: string; verdict: "admitted" | "quarantined" }[],
): void {
  const images = new Set(earlier.map(({ sha256 }) => sha256));
  for (const { sha256, verdict } of results) if (verdict === "admitted") images.add(sha256);
  if (images.size <= MOST_FILES) return;
  throw new BadInputError(
    `"${campaign}" holds ${earlier.length} images and would hold ${images.size} with this intake; at most ${MOST_FILES} fit into one campaign. Nothing is lost: open another campaign and add these photos there`,
  );
}

function checked<T>(key: string, { member, text }: DocumentItem, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DocumentError(`${key} is not JSON in ${member}: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new DocumentError(`${key} is not of its form in ${member}: ${parsed.error.message}`);
  return parsed.data;
}
