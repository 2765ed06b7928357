import { z } from "zod";
import type { AdmissionBatch, AdmissionResult, Shard, Tiles } from "../../schemas/catalogue.ts";
import { IntakeItem } from "../../schemas/intake.ts";
import { CycleRef } from "../../schemas/state.ts";
import { type Inspection, quarantined, tooLargeToRead } from "../imaging/inspect.ts";
import { sharedImagingPool } from "../imaging/pool.ts";
import { tarOf } from "../imaging/shard.ts";
import { needsTiles } from "../imaging/tiles.ts";
import type { Objects, Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { sha256Hex, writeAddressed, writeOnce } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";

/** Files of a batch in memory at the same time. */
const FILES_IN_HAND = 12;
/**
 * Batches that one host works on at the same time: one to look at, one whose files are already read. Others wait, or
 * all their copies would lie in memory at once and none would be done when the host dies.
 */
const BATCHES_IN_HAND = 2;

/** What does each file of this batch show? One bad file is a finding; only a broken store is an error. */
export const admitImages = stage({
  name: "admit-images",
  input: CycleRef.extend({ items: z.array(IntakeItem).min(1).max(1000) }),
  output: z.strictObject({ resultKey: z.string(), admitted: z.int(), quarantined: z.int() }),
  run: (input, ports) => inTurn(() => admit(input, ports)),
});

type Batch = { campaign: string; cycle: number; items: IntakeItem[] };

/** Looks at every file of a batch and stores the copies of those that are images; the results lie below `prefix`. */
export async function admit(
  { campaign, cycle, items }: Batch,
  ports: Pick<Ports, "objects">,
  prefix = objectKeys.admission(campaign, cycle),
) {
  const looks = await lookAtAll(ports.objects, campaign, items);
  const inspections = looks.map(({ inspection }) => inspection);
  const packed = packCopies(items, inspections, (digest) => objectKeys.pack(campaign, digest));
  if (packed !== undefined) await writeOnce(ports.objects, packed.key, packed.bytes);
  const shard = await writeShard(ports.objects, campaign, items, inspections);
  const results = items.map((item, i) => resultOf(item, looks[i] as Look, packed));
  const batch: AdmissionBatch = { results, ...(shard === undefined ? {} : { shard }) };
  const { key } = await writeAddressed(ports.objects, (digest) => `${prefix}/results/${digest}.json`, batch);
  const admitted = results.filter((r) => r.verdict === "admitted").length;
  return { resultKey: key, admitted, quarantined: results.length - admitted };
}

const waiting: (() => void)[] = [];
let inHand = 0;

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (inHand >= BATCHES_IN_HAND) await new Promise<void>((resolve) => waiting.push(resolve));
  else inHand += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) inHand -= 1;
    else next();
  }
}

/** What one file shows, and where its tiles lie, if it is large. */
interface Look {
  inspection: Inspection;
  tiles?: Tiles;
}

async function lookAtAll(objects: Objects, campaign: string, items: readonly IntakeItem[]): Promise<Look[]> {
  const looks: Look[] = [];
  let next = 0;
  const takeTurns = async () => {
    while (next < items.length) {
      const at = next;
      next += 1;
      looks[at] = await lookAt(objects, campaign, items[at] as IntakeItem);
    }
  };
  await Promise.all(Array.from({ length: FILES_IN_HAND }, takeTurns));
  return looks;
}

async function lookAt(objects: Objects, campaign: string, item: IntakeItem): Promise<Look> {
  const { key, name, sha256, bytes } = item;
  const tooLarge = tooLargeToRead(bytes);
  if (tooLarge !== undefined) return { inspection: tooLarge };
  const found = await objects.get(key);
  if (found === undefined)
    return { inspection: quarantined("missing", `the manifest lists it, but nothing is stored under ${key}`) };
  const job = { name, sha256, bytes: found.bytes };
  const inspection = await sharedImagingPool().inspect(job);
  if (inspection.verdict !== "admitted" || !needsTiles(inspection.facts)) return { inspection };
  const tiling = await sharedImagingPool().tiles(job);
  if (tiling === undefined) return { inspection };
  // An object of its own: a batch of large photos would hold hundreds of megabytes of tiles.
  const { block, ...grid } = tiling;
  const place = objectKeys.pack(campaign, sha256Hex(block));
  await writeOnce(objects, place, block);
  return { inspection, tiles: { key: place, offset: 0, bytes: block.length, ...grid } };
}

interface Pack {
  key: string;
  bytes: Buffer;
  /** By image: where its web variant and its thumbnail lie. */
  places: Map<string, { web: [number, number]; thumbnail: [number, number] }>;
}

/** Web variants and thumbnails one after the other, each image once, in the order of sha256. */
function packCopies(
  items: readonly IntakeItem[],
  inspections: readonly Inspection[],
  keyOf: (digest: string) => string,
): Pack | undefined {
  const pieces: Uint8Array[] = [];
  const places: Pack["places"] = new Map();
  let offset = 0;
  const add = (piece: Uint8Array): [number, number] => {
    pieces.push(piece);
    offset += piece.length;
    return [offset - piece.length, piece.length];
  };
  for (const { sha256, inspection } of admittedOnce(items, inspections)) {
    places.set(sha256, { web: add(inspection.web), thumbnail: add(inspection.thumbnail) });
  }
  if (pieces.length === 0) return undefined;
  const bytes = Buffer.concat(pieces);
  return { key: keyOf(sha256Hex(bytes)), bytes, places };
}

async function writeShard(
  objects: Objects,
  campaign: string,
  items: readonly IntakeItem[],
  inspections: readonly Inspection[],
): Promise<Shard | undefined> {
  const entries = admittedOnce(items, inspections).map(({ sha256, inspection }) => ({
    name: `${sha256}.${inspection.normalised.extension}`,
    bytes: inspection.normalised.bytes,
  }));
  if (entries.length === 0) return undefined;
  const bytes = await tarOf(entries);
  const sha256 = sha256Hex(bytes);
  const key = `${objectKeys.shards(campaign)}/${sha256}.tar`;
  await writeOnce(objects, key, bytes, "application/x-tar");
  return { key, sha256, images: entries.length };
}

function admittedOnce(items: readonly IntakeItem[], inspections: readonly Inspection[]) {
  const admitted = new Map<string, Extract<Inspection, { verdict: "admitted" }>>();
  items.forEach((item, i) => {
    const inspection = inspections[i] as Inspection;
    if (inspection.verdict === "admitted") admitted.set(item.sha256, inspection);
  });
  return [...admitted]
    .map(([sha256, inspection]) => ({ sha256, inspection }))
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
}

function resultOf(item: IntakeItem, { inspection, tiles }: Look, packed: Pack | undefined): AdmissionResult {
  const { name, sha256 } = item;
  if (inspection.verdict === "quarantined") return { name, sha256, ...inspection };
  const place = packed?.places.get(sha256);
  if (packed === undefined || place === undefined) throw new Error(`admitted image ${sha256} is in no pack`);
  const at = ([offset, bytes]: [number, number]) => ({ key: packed.key, offset, bytes });
  const { verdict, findings, facts } = inspection;
  const copies = { web: at(place.web), thumbnail: at(place.thumbnail), ...(tiles === undefined ? {} : { tiles }) };
  return { name, sha256, verdict, findings, facts, ...copies };
}
