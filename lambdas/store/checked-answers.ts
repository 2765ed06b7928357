import type { Lot } from "../../schemas/lot.ts";
import type { Ports } from "../ports.ts";
import { everyRecord } from "./every-record.ts";
import { expertFindings } from "./expert-findings.ts";
import { inspectionOf } from "./inspection.ts";
import { recordKeys } from "./keys.ts";
import { findLot, lotAgreement, readLotPlan, type VendorLot } from "./lot-records.ts";
import type { AnswerRecord } from "./submissions.ts";

/** An answer to an image whose truth two experts gave. */
export interface CheckedAnswer {
  vendor: string;
  annotator: string;
  at: string;
  item: string;
  image: string;
  /** The class, or null for "cannot tell". */
  said: string | null;
  truth: string;
  gold: boolean;
}

export interface VendorAnswers {
  said: AnswerRecord[];
  /** Those of first waves as they were first given: nobody chose the images for being hard. */
  overlap: AnswerRecord[];
  checked: CheckedAnswer[];
}

/**
 * Every answer of a vendor's people, accepted or not, and those that may judge them: on gold, and on the inspected samples
 * of first waves. What later waves bought was chosen for being hard, and proves nothing about anybody.
 */
export async function answersOfVendor(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  vendor: string,
): Promise<VendorAnswers> {
  const said: AnswerRecord[] = [];
  const overlap: AnswerRecord[] = [];
  const checked: CheckedAnswer[] = [];
  for await (const { body } of everyRecord<VendorLot>(
    ports.records,
    recordKeys.vendorLot(campaign, vendor, "").pk,
    "lot#",
  )) {
    const lot = (await findLot(ports, campaign, body.lot))?.lot;
    if (lot === undefined) continue;
    const agreement = await lotAgreement(ports, lot);
    const plan = await readLotPlan(ports, lot);
    for (let round = body.fromRound; round <= (body.toRound ?? lot.round); round += 1) {
      const answers = await answersOf(ports, lot, round);
      said.push(...answers);
      if (lot.wave === 0 && round === body.fromRound) overlap.push(...answers);
      const gold = new Set(plan.items.filter(({ purpose }) => purpose === "gold").map(({ item }) => item));
      const random = new Set(gold);
      // Of the first wave every image is in some lot, so its inspected ones are a random sample of all.
      if (lot.wave === 0)
        for (const { item } of inspectionOf({ ...lot, round }, plan, agreement).sample) random.add(item);
      const findings = await expertFindings(
        ports,
        campaign,
        agreement,
        plan.items.filter(({ item }) => random.has(item)).map(({ image }) => image),
      );
      for (const { item, image, annotator, at, value } of answers) {
        const finding = random.has(item) ? findings.get(image) : undefined;
        const truth = finding?.truth;
        // What experts themselves are at odds about judges nobody.
        if (truth === undefined || finding?.contested === true) continue;
        const label = value.task === "class" ? value.label : null;
        checked.push({ vendor, annotator, at, item, image, said: label, truth, gold: gold.has(item) });
      }
    }
  }
  return { said, overlap, checked };
}

async function answersOf(ports: Pick<Ports, "records">, lot: Lot, round: number): Promise<AnswerRecord[]> {
  const { pk, sk } = recordKeys.answer(lot.campaign, lot.lot, round, "");
  const answers: AnswerRecord[] = [];
  for await (const { body } of everyRecord<AnswerRecord>(ports.records, pk, sk)) answers.push(body);
  return answers;
}
