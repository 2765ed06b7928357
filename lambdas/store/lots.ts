import type { Lot } from "../../schemas/lot.ts";
import { Verdict } from "../../schemas/lot.ts";
import type { BoardLot, BoardVerdict, OpenLot } from "../../schemas/portal.ts";
import type { Ports } from "../ports.ts";
import { disputableUntil, disputes } from "./disputes.ts";
import { readDocument } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { findLot, lotAgreement, type VendorLot } from "./lot-records.ts";

export { leaseItems } from "./leases.ts";
export { LotRefusedError } from "./lot-records.ts";
export { reviseAnswer } from "./revisions.ts";
export { submitAnswers } from "./submissions.ts";

/** Lots of a vendor that wait for answers now, in order of due date, then name. */
export async function openLots(
  ports: Pick<Ports, "records">,
  { campaign, vendor }: { campaign: string; vendor: string },
): Promise<OpenLot[]> {
  const lots: OpenLot[] = [];
  for await (const { body } of everyRecord<VendorLot>(
    ports.records,
    recordKeys.vendorLot(campaign, vendor, "").pk,
    "lot#",
  )) {
    if (!body.open) continue;
    const found = await findLot(ports, campaign, body.lot);
    if (found === undefined || found.lot.vendor !== vendor || found.lot.status !== "offered") continue;
    const { lot, round, items, answered, dueAt, status, wave, cycle } = found.lot;
    lots.push({ lot, round, items, answered, dueAt: dueAt ?? "", status, wave, cycle });
  }
  return lots.sort((a, b) => (a.dueAt < b.dueAt ? -1 : a.dueAt > b.dueAt ? 1 : a.lot < b.lot ? -1 : 1));
}

/** Every lot that a vendor has or had, newest wave first, with the evidence for rework. */
export async function vendorBoard(
  ports: Pick<Ports, "records" | "objects">,
  { campaign, vendor }: { campaign: string; vendor: string },
): Promise<BoardLot[]> {
  const board: BoardLot[] = [];
  const objections = new Map(
    (await disputes(ports, campaign))
      .filter((one) => one.vendor === vendor)
      .map((one) => [`${one.lot}#${one.round}`, one]),
  );
  for await (const { body } of everyRecord<VendorLot>(
    ports.records,
    recordKeys.vendorLot(campaign, vendor, "").pk,
    "lot#",
  )) {
    const found = await findLot(ports, campaign, body.lot);
    if (found === undefined) continue;
    const { lot } = found;
    const lastRound = body.toRound ?? lot.round;
    const verdicts = await verdictsOf(ports, lot, body.fromRound, lastRound);
    const own = body.toRound === undefined;
    // A lot that was given away bears its new vendor's price, which is nobody else's business.
    const agreement = await lotAgreement(ports, lot);
    const price = agreement.vendors.find(({ id }) => id === vendor)?.pricePerAnswer ?? 0;
    const until = disputableUntil(lot, agreement);
    board.push({
      lot: lot.lot,
      cycle: lot.cycle,
      wave: lot.wave,
      round: lastRound,
      status: own ? lot.status : "given-away",
      items: lot.items,
      answered: own ? lot.answered : lot.items,
      pricePerAnswerMicros: own ? lot.pricePerAnswerMicros : Math.round(price * 1e6),
      ...(own ? times(lot) : {}),
      ...(until === undefined ? {} : { disputableUntil: until }),
      verdicts: verdicts.map((verdict) => {
        const objection = objections.get(`${lot.lot}#${verdict.round}`);
        if (objection === undefined) return verdict;
        const { status, reason, at, note } = objection;
        return { ...verdict, dispute: { status, reason, at, ...(note === undefined ? {} : { note }) } };
      }),
    });
  }
  return board.sort((a, b) => b.cycle - a.cycle || b.wave - a.wave || (a.lot < b.lot ? -1 : 1));
}

function times({ offeredAt, dueAt, deliveredAt, closedAt }: Lot) {
  return {
    ...(offeredAt === undefined ? {} : { offeredAt }),
    ...(dueAt === undefined ? {} : { dueAt }),
    ...(deliveredAt === undefined ? {} : { deliveredAt }),
    ...(closedAt === undefined ? {} : { closedAt }),
  };
}

async function verdictsOf(ports: Pick<Ports, "objects">, lot: Lot, from: number, to: number): Promise<BoardVerdict[]> {
  const verdicts: BoardVerdict[] = [];
  for (let round = from; round <= to; round += 1) {
    const key = objectKeys.lotVerdict(lot.campaign, lot.lot, round);
    if ((await ports.objects.head(key)) === undefined) continue;
    const { verdict, sampleSize, acceptanceNumber, defects, undecided, reasons } = await readDocument(
      ports.objects,
      key,
      Verdict,
    );
    verdicts.push({
      round,
      verdict,
      sampleSize,
      acceptanceNumber,
      defects: defects.length,
      confused: confusedClasses(defects),
      undecided,
      reasons,
    });
  }
  return verdicts;
}

/** Which classes were taken for which, most frequent first. */
export function confusedClasses(defects: Verdict["defects"]): { said: string; truth: string; count: number }[] {
  const counts = new Map<string, { said: string; truth: string; count: number }>();
  for (const { said, truth } of defects) {
    const label = said.task === "class" ? said.label : "cannot tell";
    const key = JSON.stringify([label, truth]);
    const entry = counts.get(key) ?? { said: label, truth, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || (a.said + a.truth < b.said + b.truth ? -1 : 1));
}
