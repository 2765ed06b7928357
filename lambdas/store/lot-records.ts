import type { z } from "zod";
import { Campaign } from "../../schemas/campaign.ts";
import { Lot, LotPlan } from "../../schemas/lot.ts";
import type { CampaignHead, CycleRecord } from "../../schemas/state.ts";
import { type Objects, type Ports, TokenGoneError } from "../ports.ts";
import { readCampaign, readCycle } from "./campaigns.ts";
import { readDocument } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";

/** Why somebody may not work on a lot. */
export type RefusalReason =
  | "unknown-lot"
  | "not-yours"
  | "closed"
  | "late"
  | "paused"
  | "cancelled"
  | "wrong-round"
  | "barred"
  | "unqualified";

/** A person asked for work or handed in work that is not theirs to do now. Nothing was written. */
export class LotRefusedError extends Error {
  override name = "LotRefusedError";
  readonly reason: RefusalReason;
  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The line in a vendor's book: which rounds of a lot were its own, and whether work is open. */
export interface VendorLot {
  lot: string;
  open: boolean;
  fromRound: number;
  /** Set when the lot was given to somebody else: the last round that was this vendor's. */
  toRound?: number;
}

export async function findLot(
  ports: Pick<Ports, "records">,
  campaign: string,
  lot: string,
): Promise<{ lot: Lot; version: number } | undefined> {
  const found = await ports.records.get(recordKeys.lot(campaign, lot));
  return found === undefined ? undefined : { lot: Lot.parse(found.body), version: found.version };
}

/** A wave's lots that nobody has accepted yet. */
export async function* openLots(
  ports: Pick<Ports, "records">,
  campaign: string,
  cycle: number,
  wave: number,
): AsyncGenerator<Lot> {
  const { pk } = recordKeys.openLot(campaign, cycle, wave, "");
  for await (const { body } of everyRecord<{ lot: string }>(ports.records, pk)) {
    const lot = (await findLot(ports, campaign, body.lot))?.lot;
    if (lot !== undefined && lot.status !== "accepted") yield lot;
  }
}

/** Throws LotRefusedError (unknown-lot). */
export async function readLot(
  ports: Pick<Ports, "records">,
  campaign: string,
  lot: string,
): Promise<{ lot: Lot; version: number }> {
  const found = await findLot(ports, campaign, lot);
  if (found === undefined) throw new LotRefusedError("unknown-lot", `campaign "${campaign}" has no lot "${lot}"`);
  return found;
}

const KEPT_DOCUMENTS = 64;
const kept = new WeakMap<Objects, Map<string, unknown>>();

/** As readDocument, for keys that are written once: the last 64 parsed documents are kept per store. */
export async function readImmutable<T>(objects: Objects, key: string, schema: z.ZodType<T>): Promise<T> {
  let cache = kept.get(objects);
  if (cache === undefined) {
    cache = new Map();
    kept.set(objects, cache);
  }
  if (cache.has(key)) return cache.get(key) as T;
  const document = await readDocument(objects, key, schema);
  cache.set(key, document);
  if (cache.size > KEPT_DOCUMENTS) cache.delete(cache.keys().next().value as string);
  return document;
}

export async function readLotPlan(ports: Pick<Ports, "objects">, lot: Lot): Promise<LotPlan> {
  return readImmutable(ports.objects, lot.planKey, LotPlan);
}

/** The agreement under which a lot was planned: the one of its cycle. */
export async function lotAgreement(ports: Pick<Ports, "objects" | "records">, lot: Lot): Promise<Campaign> {
  const cycle: CycleRecord = await readCycle(ports, lot.campaign, lot.cycle);
  return readImmutable(ports.objects, cycle.agreementKey, Campaign);
}

/** Throws LotRefusedError while the campaign is paused or after it was cancelled. */
export async function assertActive(ports: Pick<Ports, "objects" | "records">, campaign: string): Promise<CampaignHead> {
  const { head } = await readCampaign(ports, campaign);
  if (head.status === "paused")
    throw new LotRefusedError("paused", `campaign "${campaign}" is paused; no new work is handed out until it resumes`);
  if (head.status === "cancelled") throw new LotRefusedError("cancelled", `campaign "${campaign}" was cancelled`);
  return head;
}

/** What a sealed token is bound to: it can't be moved to another lot, wave or batch. */
export const tokenContext = {
  lot: (campaign: string, lot: string) => `token of lot ${campaign}/${lot}`,
  wave: (campaign: string, cycle: number, wave: number) => `token of wave ${campaign}/${cycle}/${wave}`,
  batch: (campaign: string, batch: string) => `token of batch ${campaign}/${batch}`,
} as const;

/**
 * Wakes the step that waits. Called only after the facts are committed, so a token that nobody waits for any more is fine:
 * the step that comes again finds its work done. Returns whether somebody was woken.
 */
export async function wake(
  ports: Pick<Ports, "sealer" | "tokens">,
  sealedToken: string,
  context: string,
  output: unknown,
): Promise<boolean> {
  const token = await ports.sealer.open(sealedToken, context);
  try {
    await ports.tokens.succeed(token, output);
    return true;
  } catch (error) {
    if (error instanceof TokenGoneError) return false;
    throw error;
  }
}
