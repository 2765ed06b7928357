import { statementOf } from "../../domain/pricing/ledger.ts";
import { LedgerEntry, type Statement } from "../../schemas/ledger.ts";
import { ConflictError, type Ports, type RecordWrite } from "../ports.ts";
import { readCampaign } from "./campaigns.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";

/** Running sum of one kind, party and lot: moves in the same transaction as the entries that it sums. */
interface LedgerSum {
  kind: LedgerEntry["kind"];
  party: string;
  lot: string;
  units: number;
  amountMicros: number;
}

/** No lot: expert work belongs to images, not to a lot. */
const NO_LOT = "-";
/** Entries per transaction of 100 writes; the rest is for the sums that they touch. */
const PER_TRANSACTION = 80;

/**
 * The writes that put entries into the ledger, without those that stand there already (an entry's id names its fact).
 * For a caller's own transaction: it fails with ConflictError when somebody else was faster, and is to be built again.
 */
export async function ledgerWrites(
  ports: Pick<Ports, "records">,
  entries: readonly LedgerEntry[],
): Promise<RecordWrite[]> {
  const writes: RecordWrite[] = [];
  const sums = new Map<string, { sum: LedgerSum; version: number | undefined; key: { pk: string; sk: string } }>();
  const ids = new Set<string>();
  for (const raw of entries) {
    const entry = LedgerEntry.parse(raw);
    const key = recordKeys.ledger(entry.campaign, entry.id);
    if (ids.has(entry.id) || (await ports.records.get(key)) !== undefined) continue;
    ids.add(entry.id);
    writes.push({ op: "put", key, body: entry, condition: "absent" });
    const lot = entry.lot ?? NO_LOT;
    const sumKey = recordKeys.ledgerSum(entry.campaign, entry.kind, entry.party, lot);
    let held = sums.get(sumKey.sk);
    if (held === undefined) {
      const found = await ports.records.get<LedgerSum>(sumKey);
      held = {
        key: sumKey,
        version: found?.version,
        sum: found?.body ?? { kind: entry.kind, party: entry.party, lot, units: 0, amountMicros: 0 },
      };
      sums.set(sumKey.sk, held);
    }
    held.sum = {
      ...held.sum,
      units: held.sum.units + entry.units,
      amountMicros: held.sum.amountMicros + entry.amountMicros,
    };
  }
  for (const { key, sum, version } of sums.values()) {
    writes.push({ op: "put", key, body: sum, condition: version === undefined ? "absent" : { version } });
  }
  return writes;
}

/** Writes facts about money, each exactly once by its id: a repeated call adds nothing. */
export async function writeEntries(ports: Pick<Ports, "records">, entries: readonly LedgerEntry[]): Promise<void> {
  for (let start = 0; start < entries.length; ) {
    // Every entry may have a sum of its own: take fewer when they do.
    let part = entries.slice(start, start + PER_TRANSACTION);
    if (part.length + new Set(part.map((e) => `${e.kind}#${e.party}#${e.lot ?? NO_LOT}`)).size > 100)
      part = part.slice(0, 50);
    for (let attempt = 0; ; attempt += 1) {
      const writes = await ledgerWrites(ports, part);
      try {
        if (writes.length > 0) await ports.records.transact(writes);
        break;
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt >= 20) throw error;
      }
    }
    start += part.length;
  }
}

async function sumsOf(ports: Pick<Ports, "records">, campaign: string): Promise<LedgerSum[]> {
  const sums: LedgerSum[] = [];
  for await (const { body } of everyRecord<LedgerSum>(ports.records, recordKeys.ledgerSum(campaign, "", "", "").pk))
    sums.push(body);
  return sums;
}

/** What a campaign owes so far, in all and by kind of fact; amounts in millionths of its currency. */
export async function totals(
  ports: Pick<Ports, "records">,
  campaign: string,
): Promise<{ spentMicros: number; byKind: Record<string, { units: number; amountMicros: number }> }> {
  const byKind: Record<string, { units: number; amountMicros: number }> = {};
  let spentMicros = 0;
  for (const { kind, units, amountMicros } of await sumsOf(ports, campaign)) {
    const held = byKind[kind] ?? { units: 0, amountMicros: 0 };
    byKind[kind] = { units: held.units + units, amountMicros: held.amountMicros + amountMicros };
    spentMicros += amountMicros;
  }
  return { spentMicros, byKind };
}

/** What is owed for each lot, credits taken off, in millionths. */
export async function owedByLot(ports: Pick<Ports, "records">, campaign: string): Promise<Map<string, number>> {
  const owed = new Map<string, number>();
  for (const { lot, amountMicros } of await sumsOf(ports, campaign)) owed.set(lot, (owed.get(lot) ?? 0) + amountMicros);
  return owed;
}

/** A party's statement of a period, from its single entries: `from` inclusive, `to` exclusive (ISO instants). */
export async function statementOfPeriod(
  ports: Pick<Ports, "records" | "objects">,
  { campaign, party, ...period }: { campaign: string; party: string; from?: string; to?: string },
): Promise<Statement> {
  const { agreement } = await readCampaign(ports, campaign);
  const own: LedgerEntry[] = [];
  for await (const entry of entries(ports, campaign)) if (entry.party === party) own.push(entry);
  return statementOf(own, party, { campaign, currency: agreement.currency, ...period });
}

/**
 * What one party is owed, a line per lot and kind, in order of lot. Gold is paid like any answer and stands in the
 * same line, so that a vendor can't count it; `revealGold` keeps it apart for the campaign's own books.
 */
export async function statement(
  ports: Pick<Ports, "records" | "objects">,
  { campaign, party, revealGold = false }: { campaign: string; party: string; revealGold?: boolean },
): Promise<Statement> {
  const { agreement } = await readCampaign(ports, campaign);
  const lines = new Map<string, Statement["lines"][number]>();
  for (const sum of await sumsOf(ports, campaign)) {
    if (sum.party !== party) continue;
    const kind = sum.kind === "gold-answered" && !revealGold ? "answer-accepted" : sum.kind;
    const key = `${sum.lot}#${kind}`;
    const held = lines.get(key) ?? { lot: sum.lot, kind, units: 0, amountMicros: 0 };
    lines.set(key, { ...held, units: held.units + sum.units, amountMicros: held.amountMicros + sum.amountMicros });
  }
  const sorted = [...lines.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return {
    campaign,
    party,
    currency: agreement.currency,
    lines: sorted,
    totalMicros: sorted.reduce((sum, line) => sum + line.amountMicros, 0),
  };
}

/** Every entry of a campaign, in order of id. */
export async function* entries(ports: Pick<Ports, "records">, campaign: string): AsyncGenerator<LedgerEntry> {
  for await (const { body } of everyRecord<LedgerEntry>(ports.records, recordKeys.ledger(campaign, "").pk)) yield body;
}
