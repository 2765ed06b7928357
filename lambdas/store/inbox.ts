import { z } from "zod";
import { canonicalJson } from "../../schemas/canonical.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign, readCycle } from "./campaigns.ts";
import { enqueueIntake } from "./cycles.ts";
import { readDocument, sha256Hex, writeAddressed } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { type IncomingFile, sealIntake } from "./intakes.ts";
import { objectKeys, recordKeys } from "./keys.ts";

type Store = Pick<Ports, "records" | "objects" | "clock" | "workflows">;

/** A drop in which nothing has moved for this long is taken to be whole. */
export const QUIET_SECONDS = 15 * 60;

const Drop = z.strictObject({
  /** Digest of what was last seen, and since when it is so. */
  seen: z.string(),
  since: z.number(),
  /** What was sealed so far: a document {object: revision}. */
  sealedKey: z.string().optional(),
  /** Intakes that were sealed from it, the oldest first. */
  intakes: z.array(z.string()),
  /** Why it can't be taken in, where that is so; told once for each state. */
  refused: z.string().optional(),
});
const SealedDrop = z.strictObject({
  campaign: z.string(),
  drop: z.string(),
  objects: z.record(z.string(), z.string()),
});

interface Listed {
  key: string;
  bytes: number;
  /** Changes whenever the object is written. */
  revision: string;
}

/**
 * Looks at the drops of a campaign's inbox (`inbox/<drop>/...`), which come without a manifest: one in which nothing has
 * moved for `QUIET_SECONDS` is sealed as an intake and let in; what is put there afterwards becomes an intake of its own.
 *
 * It may be called by events or by the clock, late, twice, at once by several, and after a crash anywhere: only what lies in
 * the inbox counts, and what was seen of it. The intake's name is its content's, so the same files are sealed once; each
 * sealed intake becomes exactly one cycle.
 */
export async function lookIntoInbox(ports: Store, campaign: string): Promise<{ drops: number; sealed: string[] }> {
  const sealed: string[] = [];
  let drops = 0;
  if ((await readCampaign(ports, campaign)).head.status === "cancelled") return { drops, sealed };
  for (const [drop, listed] of await dropsOf(ports, campaign)) {
    drops += 1;
    sealed.push(...(await lookIntoDrop(ports, campaign, drop, listed)));
  }
  return { drops, sealed };
}

/**
 * Lets in what is sealed and no cycle has had: the event of a seal may be lost, and a host may die between sealing and letting
 * in. An intake whose cycle failed is taken up again by a person, not by the clock. Returns what it let in.
 */
export async function letInSealed(ports: Store, campaign: string): Promise<string[]> {
  const { head } = await readCampaign(ports, campaign);
  if (head.status === "cancelled") return [];
  const known = new Set(head.queue);
  for (let cycle = head.cycles; cycle >= 1; cycle -= 1) known.add((await readCycle(ports, campaign, cycle)).intake);
  const found: string[] = [];
  const root = objectKeys.intake(campaign, "");
  for await (const { key } of ports.objects.list(root)) {
    const [intake = "", file] = key.slice(root.length).split("/");
    if (file !== "_SUCCESS" || known.has(intake)) continue;
    await enqueueIntake(ports, campaign, intake);
    found.push(intake);
  }
  return found;
}

/** Drops that can't be taken in as they are: which, and why; the next change of theirs is looked at anew. */
export async function refusedDrops(
  ports: Pick<Ports, "records">,
  campaign: string,
): Promise<{ drop: string; why: string }[]> {
  const found: { drop: string; why: string }[] = [];
  for await (const { sk, body } of everyRecord<unknown>(ports.records, recordKeys.drop(campaign, "").pk)) {
    const { refused } = Drop.parse(body);
    if (refused !== undefined) found.push({ drop: sk, why: refused });
  }
  return found;
}

async function lookIntoDrop(ports: Store, campaign: string, drop: string, listed: Listed[]): Promise<string[]> {
  const key = recordKeys.drop(campaign, drop);
  const stored = await ports.records.get(key);
  const known = stored === undefined ? undefined : Drop.parse(stored.body);
  const before = await sealedObjects(ports, known?.sealedKey);
  const fresh = listed.filter((one) => before[one.key] !== one.revision);
  if (fresh.length === 0) return [];
  const seen = sha256Hex(canonicalJson(fresh.map((one) => [one.key, one.revision])));
  const now = ports.clock.now();
  const condition = stored === undefined ? "absent" : { version: stored.version };
  if (known === undefined || known.seen !== seen) {
    const { refused: _, ...kept } = known ?? { intakes: [] };
    await unlessChanged(
      ports.records.put(key, { ...kept, seen, since: now } satisfies z.infer<typeof Drop>, condition),
    );
    return [];
  }
  if (known.refused !== undefined || now - known.since < QUIET_SECONDS * 1000) return [];
  let intake: string;
  try {
    ({ intake } = await sealIntake(ports, { campaign, files: fresh.map((one) => fileOf(ports, campaign, drop, one)) }));
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    await unlessChanged(ports.records.put(key, { ...known, refused: error.message }, condition));
    return [];
  }
  // Somebody may have written while we read: then what was sealed is whole in itself, and the rest is fresh next time.
  const objects = { ...before, ...Object.fromEntries(fresh.map((one) => [one.key, one.revision])) };
  const document = { campaign, drop, objects };
  const { key: sealedKey } = await writeAddressed(ports.objects, (d) => objectKeys.sealedDrop(campaign, d), document);
  const next: z.infer<typeof Drop> = { ...known, sealedKey, intakes: [...new Set([...known.intakes, intake])] };
  if (!(await unlessChanged(ports.records.put(key, next, condition)))) return [];
  await letInSealed(ports, campaign);
  return [intake];
}

/** The inbox's objects by drop, the folder below the inbox; what lies in the inbox itself is one more drop. */
async function dropsOf(ports: Pick<Ports, "objects">, campaign: string): Promise<Map<string, Listed[]>> {
  const root = objectKeys.inbox(campaign, "");
  const drops = new Map<string, Listed[]>();
  for await (const { key, bytes, revision } of ports.objects.list(root)) {
    const inside = key.slice(root.length);
    const drop = inside.includes("/") ? (inside.split("/")[0] as string) : ".";
    const listed = drops.get(drop) ?? [];
    listed.push({ key, bytes, revision });
    drops.set(drop, listed);
  }
  return drops;
}

function fileOf(ports: Pick<Ports, "objects">, campaign: string, drop: string, { key, bytes }: Listed): IncomingFile {
  const root = objectKeys.inbox(campaign, drop === "." ? "" : drop);
  const read = async () => {
    const found = await ports.objects.get(key);
    if (found === undefined) throw new ConflictError(`${key} went away while it was taken in`);
    return found.bytes;
  };
  return {
    name: key.slice(root.length),
    bytes,
    read,
    stream: async function* () {
      yield await read();
    },
  };
}

async function sealedObjects(ports: Pick<Ports, "objects">, key: string | undefined): Promise<Record<string, string>> {
  return key === undefined ? {} : (await readDocument(ports.objects, key, SealedDrop)).objects;
}

/** False when somebody else wrote first: they saw the same inbox, and the next look goes on from there. */
async function unlessChanged(write: Promise<number>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
}
