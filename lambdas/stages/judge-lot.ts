import { z } from "zod";
import { expertErrorOf } from "../../domain/acceptance/expert-error.ts";
import { judgeLot as judge } from "../../domain/acceptance/verdict.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { type Lot, Verdict } from "../../schemas/lot.ts";
import type { Ports, RecordWrite } from "../ports.ts";
import { stage } from "../stage.ts";
import { answersOfRound, valuesByItem } from "../store/answers.ts";
import { readDocument, writeDocument } from "../store/documents.ts";
import { expertFindings, namesOf } from "../store/expert-findings.ts";
import { inspectionOf } from "../store/inspection.ts";
import { objectKeys, recordKeys } from "../store/keys.ts";
import { lotAgreement, readLot, readLotPlan, type VendorLot } from "../store/lot-records.ts";
import { moveLot } from "../store/lot-steps.ts";
import { standings } from "../store/standings.ts";

/** Is the delivered lot good enough? Accept; rework by the same vendor, once and free; another vendor; or nobody is left: reject. */
export const judgeLot = stage({
  name: "judge-lot",
  input: z.strictObject({ lot: z.string(), campaign: z.string() }),
  output: z.strictObject({ lot: z.string(), verdict: Verdict.shape.verdict }),
  async run({ lot: name, campaign }, ports) {
    const { lot } = await readLot(ports, campaign, name);
    if (lot.status !== "in-review" && lot.status !== "delivered" && lot.lastVerdict !== undefined) {
      return { lot: name, verdict: lot.lastVerdict.verdict };
    }
    const agreement = await lotAgreement(ports, lot);
    const others = await vendorsWithout(ports, lot, agreement);
    const { verdict } = await verdictOf(ports, lot, agreement, others.length);
    await moveLot(ports, campaign, name, async (before) => {
      if (before.round !== lot.round || before.lastVerdict?.round === lot.round) return undefined;
      const judged: Lot = { ...before, lastVerdict: { round: lot.round, verdict } };
      if (verdict === "accept") return { lot: { ...judged, status: "in-review" } };
      if (verdict === "reject") return { lot: { ...judged, status: lot.cutShort === true ? "expired" : "rejected" } };
      const again = nextRound(judged);
      if (verdict === "rework") return { lot: again };
      const vendor = others[0] as Campaign["vendors"][number];
      const pricePerAnswerMicros = Math.round(vendor.pricePerAnswer * 1e6);
      return {
        lot: { ...again, vendor: vendor.id, reassigned: before.reassigned + 1, pricePerAnswerMicros },
        writes: await handOver(ports, before, vendor.id),
      };
    });
    if (verdict === "rework" || verdict === "reassign") {
      await ports.notifier.notify({
        audience: "vendor",
        subject: `${campaign}: lot ${name} was rejected`,
        text: `Inspection of lot ${name}, round ${lot.round}: ${verdict}. The vendor page shows the numbers and the classes that were mixed up.`,
      });
    }
    return { lot: name, verdict };
  },
});

/** Judges once: the first verdict on a round stands, whatever experts answer later. */
async function verdictOf(
  ports: Pick<Ports, "records" | "objects">,
  lot: Lot,
  agreement: Campaign,
  otherVendors: number,
): Promise<Verdict> {
  const key = objectKeys.lotVerdict(lot.campaign, lot.lot, lot.round);
  if ((await ports.objects.head(key)) !== undefined) return readDocument(ports.objects, key, Verdict);
  const said = valuesByItem(await answersOfRound(ports, lot));
  const { plan, critical, sample } = inspectionOf(lot, await readLotPlan(ports, lot), agreement, said);
  // Every pair of experts on gold tells how often they err themselves: elsewhere the second is asked for a reason.
  const findings = await expertFindings(ports, lot.campaign, agreement);
  const inspected = sample.flatMap(({ item, image, weight }) => {
    const value = said.get(item);
    const truths = namesOf(findings.get(image));
    return value === undefined ? [] : [{ item, image, said: value, truths, weight }];
  });
  const { agreedWrong } = expertErrorOf(
    [...findings.values()]
      .filter(({ kind, answers }) => kind === "gold" && answers.length >= 2)
      .map((one) => namesOf(one) as [string, string]),
    agreement.classes.length,
  );
  const verdict = judge({
    plan,
    sample: inspected,
    round: lot.round,
    reassigned: lot.reassigned,
    otherVendors,
    ...(critical === undefined ? {} : { critical }),
    experts: { agreedWrong, classes: agreement.classes.length },
    ...(lot.cutShort === true ? { cutShort: true } : {}),
  });
  await writeDocument(ports.objects, key, verdict);
  return verdict;
}

/** Vendors of the same kind that never had the lot and that nobody barred, cheapest first, ties in the agreement's order. */
async function vendorsWithout(
  ports: Pick<Ports, "records">,
  lot: Lot,
  agreement: Campaign,
): Promise<Campaign["vendors"]> {
  const others: Campaign["vendors"] = [];
  const decisions = await standings(ports, lot.campaign);
  const isBarred = (id: string) =>
    decisions.some(
      ({ vendor, annotator, standing }) => vendor === id && annotator === undefined && standing !== "active",
    );
  const kind = agreement.vendors.find(({ id }) => id === lot.vendor)?.kind ?? "people";
  for (const vendor of agreement.vendors) {
    // A model's word can't stand for people's, nor is theirs worth its price only.
    if (vendor.kind !== kind || isBarred(vendor.id)) continue;
    if ((await ports.records.get(recordKeys.vendorLot(lot.campaign, vendor.id, lot.lot))) === undefined)
      others.push(vendor);
  }
  return others.sort((a, b) => a.pricePerAnswer - b.pricePerAnswer);
}

/** The lot as it waits to be offered again, with nothing of the round before. */
function nextRound(lot: Lot): Lot {
  const { offeredAt: _o, dueAt: _d, deliveredAt: _e, sealedToken: _t, ...rest } = lot;
  return { ...rest, round: lot.round + 1, status: "planned", answered: 0 };
}

/** Closes the old vendor's line and opens the new one's. */
async function handOver(ports: Pick<Ports, "records">, lot: Lot, to: string): Promise<RecordWrite[]> {
  const from = recordKeys.vendorLot(lot.campaign, lot.vendor, lot.lot);
  const held = await ports.records.get<VendorLot>(from);
  const closed: VendorLot = { lot: lot.lot, fromRound: held?.body.fromRound ?? 1, open: false, toRound: lot.round };
  const opened: VendorLot = { lot: lot.lot, fromRound: lot.round + 1, open: true };
  return [
    { op: "put", key: from, body: closed, condition: "any" },
    { op: "put", key: recordKeys.vendorLot(lot.campaign, to, lot.lot), body: opened, condition: "absent" },
  ];
}
