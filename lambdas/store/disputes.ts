import { creditOf } from "../../domain/pricing/ledger.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { LedgerEntry } from "../../schemas/ledger.ts";
import { type Lot, Verdict } from "../../schemas/lot.ts";
import type { DisputeView } from "../../schemas/portal.ts";
import { Dispute } from "../../schemas/standing.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readDocument } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { EXPERTS_PER_TASK, expertFindings } from "./expert-findings.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { entries, writeEntries } from "./ledger.ts";
import { findLot, lotAgreement, type VendorLot } from "./lot-records.ts";
import { askThird } from "./reviews.ts";
import type { AnswerRecord } from "./submissions.ts";

/** A verdict may be disputed for so long after the lot was closed, where the agreement names no other time. */
const DISPUTE_DAYS = 14;

/**
 * A vendor objects to a verdict that went against it. Throws BadInputError: not its round, no such verdict, accepted
 * anyway, disputed before, or too late.
 */
export async function openDispute(
  ports: Pick<Ports, "records" | "objects" | "clock" | "notifier">,
  {
    campaign,
    vendor,
    lot: name,
    round,
    reason,
  }: { campaign: string; vendor: string; lot: string; round: number; reason: string },
): Promise<Dispute> {
  const line = await ports.records.get<VendorLot>(recordKeys.vendorLot(campaign, vendor, name));
  const lot = (await findLot(ports, campaign, name))?.lot;
  const own =
    line !== undefined &&
    lot !== undefined &&
    round >= line.body.fromRound &&
    round <= (line.body.toRound ?? lot.round);
  if (lot === undefined || !own) throw new BadInputError(`vendor "${vendor}" had no round ${round} of lot "${name}"`);
  const key = objectKeys.lotVerdict(campaign, name, round);
  if ((await ports.objects.head(key)) === undefined)
    throw new BadInputError(`round ${round} of lot "${name}" has no verdict yet`);
  const { verdict, defects } = await readDocument(ports.objects, key, Verdict);
  if (verdict === "accept")
    throw new BadInputError(`round ${round} of lot "${name}" was accepted; there is nothing to dispute`);
  const now = ports.clock.now();
  const agreement = await lotAgreement(ports, lot);
  const until = disputableUntil(lot, agreement);
  if (until !== undefined && now > Date.parse(until))
    throw new BadInputError(
      `verdicts on lot "${name}" could be disputed until ${until}: ${agreement.inspection.disputeDays ?? DISPUTE_DAYS} days after it was closed`,
    );
  const parsed = Dispute.safeParse({
    lot: name,
    round,
    vendor,
    reason,
    at: new Date(now).toISOString(),
    status: "open",
  });
  if (!parsed.success)
    throw new BadInputError(
      `the objection is not of its form: ${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`,
    );
  try {
    await ports.records.put(recordKeys.dispute(campaign, name, round), parsed.data, "absent");
  } catch (error) {
    if (error instanceof ConflictError) throw new BadInputError(`round ${round} of lot "${name}" was disputed before`);
    throw error;
  }
  await ports.notifier.notify({
    audience: "data-team",
    subject: `${campaign}: ${vendor} disputes lot ${name}`,
    text: `${vendor} disputes the verdict on round ${round} of lot ${name}: ${reason}`,
  });
  // A sudden end before this leaves the dispute open without third opinions: a person can still decide.
  await askThird(ports, { campaign, images: defects.map(({ image }) => image), agreement });
  return parsed.data;
}

/** Until when a lot's verdicts may be disputed; undefined while the lot is not closed. */
export function disputableUntil(lot: Pick<Lot, "closedAt">, agreement: Campaign): string | undefined {
  if (lot.closedAt === undefined) return undefined;
  const days = agreement.inspection.disputeDays ?? DISPUTE_DAYS;
  return new Date(Date.parse(lot.closedAt) + days * 86_400_000).toISOString();
}

/** Every dispute with what third experts say of it, in order of lot and round. Which images these were stays out of it. */
export async function disputeViews(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<DisputeView[]> {
  const views: DisputeView[] = [];
  for (const dispute of await disputes(ports, campaign)) {
    const lot = (await findLot(ports, campaign, dispute.lot))?.lot;
    if (lot === undefined) continue;
    const agreement = await lotAgreement(ports, lot);
    const verdict = await readDocument(
      ports.objects,
      objectKeys.lotVerdict(campaign, dispute.lot, dispute.round),
      Verdict,
    );
    const images = verdict.defects.map(({ image }) => image);
    const findings = await expertFindings(ports, campaign, agreement, images);
    const third = images.filter((image) => (findings.get(image)?.answers.length ?? 0) > EXPERTS_PER_TASK);
    const contested = third.filter((image) => findings.get(image)?.contested === true).length;
    const stand = images.length - contested;
    const critical = verdict.critical !== undefined && verdict.critical.defects > verdict.critical.acceptanceNumber;
    views.push({
      ...dispute,
      defects: images.length,
      seenByThird: third.length,
      confirmed: third.length - contested,
      wouldBe: stand > verdict.acceptanceNumber || (critical && stand > 0) ? "rejected" : "accepted",
    });
  }
  return views;
}

/** Every objection of a campaign, in order of lot and round. */
export async function disputes(ports: Pick<Ports, "records">, campaign: string): Promise<Dispute[]> {
  const found: Dispute[] = [];
  for await (const { body } of everyRecord(ports.records, recordKeys.dispute(campaign, "", 0).pk))
    found.push(Dispute.parse(body));
  return found;
}

/**
 * A person decides. `overturned`: the vendor was right, its answers of that round are owed, each once, whoever has the lot
 * now and even where its rework was paid; they are not used (others may have answered since). `upheld` changes nothing.
 * Throws BadInputError: no such dispute, or decided otherwise before. The same decision again is welcome.
 */
export async function adjudicate(
  ports: Pick<Ports, "records" | "objects" | "clock" | "notifier">,
  {
    campaign,
    lot: name,
    round,
    decision,
    by,
    note,
  }: { campaign: string; lot: string; round: number; decision: "upheld" | "overturned"; by: string; note: string },
): Promise<Dispute> {
  const key = recordKeys.dispute(campaign, name, round);
  const found = await ports.records.get(key);
  const lot = (await findLot(ports, campaign, name))?.lot;
  if (found === undefined || lot === undefined)
    throw new BadInputError(`round ${round} of lot "${name}" was not disputed`);
  const dispute = Dispute.parse(found.body);
  if (dispute.status !== "open" && dispute.status !== decision)
    throw new BadInputError(
      `the dispute on round ${round} of lot "${name}" was decided before: ${dispute.status}, by ${dispute.by}`,
    );
  const at = new Date(ports.clock.now()).toISOString();
  const decided: Dispute =
    dispute.status === "open" ? { ...dispute, status: decision, by, note, decidedAt: at } : dispute;
  if (decided !== dispute) await ports.records.put(key, Dispute.parse(decided), { version: found.version });
  // After the decision stands: a repeated call writes what a sudden end left out.
  if (decided.status === "overturned") await owe(ports, campaign, name, decided, at);
  return decided;
}

async function owe(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  name: string,
  { round, vendor }: Dispute,
  at: string,
): Promise<void> {
  const lot = (await findLot(ports, campaign, name))?.lot;
  if (lot === undefined) return;
  const { vendors, currency } = await lotAgreement(ports, lot);
  const price = Math.round((vendors.find(({ id }) => id === vendor)?.pricePerAnswer ?? 0) * 1e6);
  const { pk, sk } = recordKeys.answer(campaign, name, round, "");
  const owed: LedgerEntry[] = [];
  for await (const { body } of everyRecord<AnswerRecord>(ports.records, pk, sk)) {
    // Also where the lot was reworked and paid since: the work was done twice, and the first time was not its fault.
    owed.push({
      id: `dispute/${name}/${round}/${body.item}`,
      campaign,
      kind: "answer-accepted",
      party: vendor,
      lot: name,
      item: body.item,
      annotator: body.annotator,
      units: 1,
      amountMicros: price,
      currency,
      at,
    });
  }
  await writeEntries(ports, owed);
}

/**
 * Takes back what an accepted lot's entries owed, after a person found against the vendor: one credit for each, once.
 * Returns the amount. The answers' use is for the next cycle's agreement to decide.
 */
export async function creditLot(
  ports: Pick<Ports, "records" | "clock">,
  campaign: string,
  name: string,
): Promise<number> {
  const at = new Date(ports.clock.now()).toISOString();
  const credits: LedgerEntry[] = [];
  for await (const entry of entries(ports, campaign)) {
    if (entry.lot === name && entry.kind !== "credit") credits.push(creditOf(entry, at));
  }
  await writeEntries(ports, credits);
  return credits.reduce((sum, { amountMicros }) => sum + amountMicros, 0);
}
