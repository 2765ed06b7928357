import type { Lot, LotItem } from "../../schemas/lot.ts";
import { ConflictError, type Ports, type RecordWrite } from "../ports.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";
import { assertActive, LotRefusedError, readLot, readLotPlan } from "./lot-records.ts";
import { assertQualified } from "./qualifications.ts";
import { barred } from "./standings.ts";

/** Who works on an item now. A lease says who may answer; it runs out so that a closed tab holds nothing up. */
export interface LeaseRecord {
  annotator: string;
  until: string;
}
/** What an annotator has said of an image before: where. */
export interface SeenRecord {
  lot: string;
  item: string;
  guidelineVersion: number;
}

export interface Lease {
  round: number;
  leasedUntil: string;
  guidelineVersion: number;
  /** `image` is a sha256; the API turns it into a signed URL. */
  items: { item: string; image: string }[];
}

export const MAX_LEASED = 50;
const LEASE_SECONDS = 1800;

/** The lot, if this vendor may work on it now. Throws LotRefusedError. */
export async function workableLot(
  ports: Pick<Ports, "records" | "clock">,
  { campaign, vendor, lot, round }: { campaign: string; vendor: string; lot: string; round?: number },
): Promise<{ lot: Lot; version: number }> {
  const found = await readLot(ports, campaign, lot);
  if (found.lot.vendor !== vendor)
    throw new LotRefusedError("not-yours", `lot "${lot}" is not with vendor "${vendor}"`);
  if (round !== undefined && found.lot.round !== round) {
    throw new LotRefusedError(
      "wrong-round",
      `lot "${lot}" is in round ${found.lot.round}, not ${round}; open it again`,
    );
  }
  if (found.lot.status !== "offered")
    throw new LotRefusedError("closed", `lot "${lot}" takes no answers: it is ${found.lot.status}`);
  if (found.lot.dueAt !== undefined && Date.parse(found.lot.dueAt) < ports.clock.now()) {
    throw new LotRefusedError("late", `lot "${lot}" was due at ${found.lot.dueAt}`);
  }
  return found;
}

/** May this annotator say something of this image? Once per guideline version, save in rework of the same item. */
export function mayAnswer(seen: SeenRecord | undefined, lot: string, item: string, guidelineVersion: number): boolean {
  return seen === undefined || seen.guidelineVersion !== guidelineVersion || (seen.lot === lot && seen.item === item);
}

/**
 * Hands out up to `count` items (50 at most): first the annotator's own open leases, then free items in the lot's order,
 * never an image that this annotator has answered in another item. Empty when nothing is left for this annotator.
 * Throws LotRefusedError: unknown-lot, not-yours, closed, late, paused, cancelled, barred, unqualified.
 */
export async function leaseItems(
  ports: Pick<Ports, "records" | "objects" | "clock">,
  request: { campaign: string; vendor: string; annotator: string; lot: string; count: number; leaseSeconds?: number },
): Promise<Lease> {
  const { campaign, vendor, annotator } = request;
  await assertActive(ports, campaign);
  const decision = await barred(ports, campaign, vendor, annotator);
  if (decision !== undefined) {
    const whom = decision.annotator === undefined ? `vendor "${vendor}"` : `annotator "${annotator}"`;
    throw new LotRefusedError("barred", `${whom} is ${decision.standing} since ${decision.at}: ${decision.reason}`);
  }
  await assertQualified(ports, { campaign, vendor, annotator });
  for (let attempt = 0; ; attempt += 1) {
    const { lot } = await workableLot(ports, request);
    const plan = await readLotPlan(ports, lot);
    const leases = await leasesOf(ports, lot);
    const now = ports.clock.now();
    const chosen = await choose(ports, {
      lot,
      items: plan.items,
      guidelineVersion: plan.guidelineVersion,
      vendor,
      annotator,
      leases,
      now,
      count: Math.max(1, Math.min(MAX_LEASED, request.count)),
    });
    const until = new Date(now + 1000 * (request.leaseSeconds ?? LEASE_SECONDS)).toISOString();
    const writes = chosen.map(({ item }): RecordWrite => {
      const held = leases.get(item);
      return {
        op: "put",
        key: recordKeys.lease(campaign, lot.lot, lot.round, item),
        body: { annotator, until } satisfies LeaseRecord,
        condition: held === undefined ? "absent" : { version: held.version },
      };
    });
    try {
      if (writes.length > 0) await ports.records.transact(writes);
      return {
        round: lot.round,
        leasedUntil: until,
        guidelineVersion: plan.guidelineVersion,
        items: chosen.map(({ item, image }) => ({ item, image })),
      };
    } catch (error) {
      // A colleague took one of them in the same moment: look again.
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

type Held = LeaseRecord & { version: number };

async function leasesOf(ports: Pick<Ports, "records">, lot: Lot): Promise<Map<string, Held>> {
  const { pk, sk } = recordKeys.lease(lot.campaign, lot.lot, lot.round, "");
  const leases = new Map<string, Held>();
  for await (const found of everyRecord<LeaseRecord>(ports.records, pk, sk)) {
    leases.set(found.sk.slice(sk.length), { ...found.body, version: found.version });
  }
  return leases;
}

async function choose(
  ports: Pick<Ports, "records">,
  from: {
    lot: Lot;
    items: readonly LotItem[];
    guidelineVersion: number;
    vendor: string;
    annotator: string;
    leases: Map<string, Held>;
    now: number;
    count: number;
  },
): Promise<LotItem[]> {
  const { lot, annotator, leases } = from;
  const { pk, sk } = recordKeys.answer(lot.campaign, lot.lot, lot.round, "");
  const answered = new Set<string>();
  for await (const found of everyRecord(ports.records, pk, sk)) answered.add(found.sk.slice(sk.length));
  const live = (item: string) => Date.parse(leases.get(item)?.until ?? "") >= from.now;
  const open = from.items.filter(({ item }) => !answered.has(item));
  const own = open.filter(({ item }) => live(item) && leases.get(item)?.annotator === annotator);
  const free = open.filter(({ item }) => !live(item));
  const chosen: LotItem[] = [];
  const images = new Set<string>();
  for (const candidate of [...own, ...free]) {
    if (chosen.length === from.count) break;
    if (images.has(candidate.image)) continue;
    const seen = await ports.records.get<SeenRecord>(
      recordKeys.seen(lot.campaign, from.vendor, annotator, candidate.image),
    );
    if (!mayAnswer(seen?.body, lot.lot, candidate.item, from.guidelineVersion)) continue;
    chosen.push(candidate);
    images.add(candidate.image);
  }
  return chosen;
}
