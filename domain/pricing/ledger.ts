import type { LedgerEntry, Statement } from "../../schemas/ledger.ts";
import { sumMicros } from "./money.ts";

/** An accepted lot's answers. Gold is in it like every other item: it is paid, and nothing tells it apart. */
export interface AcceptedLot {
  campaign: string;
  lot: string;
  vendor: string;
  pricePerAnswerMicros: number;
  currency: string;
  /** The lot's round whose answers were accepted. */
  revision: number;
  answers: readonly { item: string; annotator: string }[];
  at: string;
}

/**
 * What an accepted lot owes: one entry per item that was answered ("cannot tell" is an answer and is paid).
 * An entry's id is the lot and the item, without the revision: a lot is accepted once, so rework is never paid twice.
 * Two answers to one item are refused with RangeError: only the last revision counts.
 */
export function entriesOfAcceptedLot(accepted: AcceptedLot): LedgerEntry[] {
  if (!Number.isSafeInteger(accepted.pricePerAnswerMicros) || accepted.pricePerAnswerMicros < 0) {
    throw new RangeError(
      `lot ${accepted.lot}: the price ${accepted.pricePerAnswerMicros} is no amount in micro-units; expected an integer >= 0`,
    );
  }
  const seen = new Set<string>();
  return accepted.answers.map(({ item, annotator }) => {
    if (seen.has(item))
      throw new RangeError(
        `lot ${accepted.lot}: item ${item} stands twice; hand over only the answers of revision ${accepted.revision}`,
      );
    seen.add(item);
    return {
      id: `answer-accepted/${accepted.lot}/${item}`,
      campaign: accepted.campaign,
      kind: "answer-accepted",
      party: accepted.vendor,
      lot: accepted.lot,
      item,
      annotator,
      units: 1,
      amountMicros: accepted.pricePerAnswerMicros,
      currency: accepted.currency,
      at: accepted.at,
    };
  });
}

/** A credit: takes an entry's amount back, once (`credit/<entry id>`), after adjudication found against the vendor. */
export function creditOf(entry: LedgerEntry, at: string): LedgerEntry {
  if (entry.kind === "credit") throw new RangeError(`${entry.id} is a credit already and can't be credited`);
  return {
    ...entry,
    id: `credit/${entry.id}`,
    kind: "credit",
    units: -entry.units,
    amountMicros: -entry.amountMicros,
    at,
  };
}

/** Entries with each id once: the same fact written twice counts once. Throws where one id says two things. */
export function onceEach(entries: Iterable<LedgerEntry>): LedgerEntry[] {
  const byId = new Map<string, LedgerEntry>();
  for (const entry of entries) {
    const known = byId.get(entry.id);
    if (known === undefined) byId.set(entry.id, entry);
    else if (
      known.amountMicros !== entry.amountMicros ||
      known.party !== entry.party ||
      known.currency !== entry.currency
    ) {
      throw new RangeError(
        `ledger entry ${entry.id} stands twice with different content: ${known.amountMicros} to ${known.party}, ${entry.amountMicros} to ${entry.party}`,
      );
    }
  }
  return [...byId.values()];
}

/** A party's statement: one line per lot and kind, in order of lot; `from` inclusive, `to` exclusive (ISO instants). */
export function statementOf(
  entries: Iterable<LedgerEntry>,
  party: string,
  about: { campaign: string; currency: string; from?: string; to?: string },
): Statement {
  const lines = new Map<string, { lot: string; kind: string; units: number; amountMicros: number }>();
  for (const entry of onceEach(entries)) {
    if (entry.party !== party || entry.campaign !== about.campaign) continue;
    if (about.from !== undefined && Date.parse(entry.at) < Date.parse(about.from)) continue;
    if (about.to !== undefined && Date.parse(entry.at) >= Date.parse(about.to)) continue;
    if (entry.currency !== about.currency) {
      throw new RangeError(
        `ledger entry ${entry.id} is in ${entry.currency}; a statement in ${about.currency} can't hold it`,
      );
    }
    const lot = entry.lot ?? "-";
    const key = `${lot}\n${entry.kind}`;
    const line = lines.get(key) ?? { lot, kind: entry.kind, units: 0, amountMicros: 0 };
    line.units += entry.units;
    line.amountMicros = sumMicros([line.amountMicros, entry.amountMicros]);
    lines.set(key, line);
  }
  const ordered = [...lines.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return {
    campaign: about.campaign,
    party,
    currency: about.currency,
    lines: ordered,
    totalMicros: sumMicros(ordered.map((line) => line.amountMicros)),
  };
}
