import { entriesOfAcceptedLot } from "../../domain/pricing/ledger.ts";
import { Answer, type AnswerValue } from "../../schemas/answer.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Lot } from "../../schemas/lot.ts";
import type { Ports } from "../ports.ts";
import { digestOf, readLines, writeOnce } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { writeEntries } from "./ledger.ts";
import { readLotPlan } from "./lot-records.ts";
import type { AnswerRecord } from "./submissions.ts";

/** Where an accepted lot's answers lie, and under what they were given. */
export interface AcceptedLotRecord {
  lot: string;
  round: number;
  cycle: number;
  wave: number;
  vendor: string;
  guidelineVersion: number;
  classSet: string;
  answers: number;
  answersKey: string;
  /** A model's answers: no annotator's, and never anybody's truth. */
  model?: true;
}

/** The answers of a lot's round, in order of item. */
export async function answersOfRound(ports: Pick<Ports, "records">, lot: Lot): Promise<AnswerRecord[]> {
  const { pk, sk } = recordKeys.answer(lot.campaign, lot.lot, lot.round, "");
  const answers: AnswerRecord[] = [];
  for await (const { body } of everyRecord<AnswerRecord>(ports.records, pk, sk)) answers.push(body);
  return answers;
}

export const valuesByItem = (answers: readonly AnswerRecord[]): Map<string, AnswerValue> =>
  new Map(answers.map(({ item, value }) => [item, value]));

/**
 * Makes a lot's answers count: writes them once as an object, owes each exactly once, and lists the lot as accepted.
 * The lot must take no more answers. May be repeated; a lot without answers owes nothing and is not listed.
 */
export async function countAnswers(
  ports: Pick<Ports, "records" | "objects" | "clock">,
  lot: Lot,
  { currency, vendors }: Pick<Campaign, "currency" | "vendors">,
): Promise<number> {
  const plan = await readLotPlan(ports, lot);
  const records = await answersOfRound(ports, lot);
  if (records.length === 0) return 0;
  const answersKey = objectKeys.lotAnswers(lot.campaign, lot.lot, lot.round);
  const lines = records.map(({ image, vendor, annotator, value, seconds, at }) => {
    const answer: Answer = {
      image,
      lot: lot.lot,
      revision: lot.round,
      vendor,
      annotator,
      value,
      guidelineVersion: plan.guidelineVersion,
      classSet: plan.classSet,
      seconds,
      at,
    };
    return JSON.stringify(answer);
  });
  await writeOnce(ports.objects, answersKey, Buffer.from(`${lines.join("\n")}\n`), "application/x-ndjson");
  await writeEntries(
    ports,
    entriesOfAcceptedLot({
      campaign: lot.campaign,
      lot: lot.lot,
      vendor: lot.vendor,
      pricePerAnswerMicros: lot.pricePerAnswerMicros,
      currency,
      revision: lot.round,
      answers: records,
      at: new Date(ports.clock.now()).toISOString(),
    }),
  );
  const { cycle, wave, vendor, round } = lot;
  const accepted: AcceptedLotRecord = {
    lot: lot.lot,
    round,
    cycle,
    wave,
    vendor,
    guidelineVersion: plan.guidelineVersion,
    classSet: plan.classSet,
    answers: records.length,
    answersKey,
    ...(vendors.find(({ id }) => id === vendor)?.kind === "model" ? { model: true } : {}),
  };
  await ports.records.put(recordKeys.acceptedLot(lot.campaign, lot.lot), accepted, "any");
  return records.length;
}

/**
 * All accepted answers of a campaign, of whatever cycle, given under this agreement's guideline version and classes, people's
 * apart from models'; in order of image, vendor, annotator, lot: never in order of arrival.
 */
export async function acceptedAnswers(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  agreement: Pick<Campaign, "classes" | "guideline">,
): Promise<{ people: Answer[]; models: Answer[] }> {
  const classSet = digestOf(agreement.classes);
  const people: Answer[] = [];
  const models: Answer[] = [];
  for await (const { body } of everyRecord<AcceptedLotRecord>(ports.records, recordKeys.acceptedLot(campaign, "").pk)) {
    if (body.classSet !== classSet || body.guidelineVersion !== agreement.guideline.version) continue;
    (body.model === true ? models : people).push(...(await readLines(ports.objects, body.answersKey, Answer)));
  }
  return { people: inOrder(people), models: inOrder(models) };
}

function inOrder(answers: readonly Answer[]): Answer[] {
  return answers
    .map((answer) => ({ answer, key: `${answer.image} ${answer.vendor} ${answer.annotator} ${answer.lot}` }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ answer }) => answer);
}

/** Answers by image. */
export function byImage(answers: readonly Answer[]): Map<string, Answer[]> {
  const grouped = new Map<string, Answer[]>();
  for (const answer of answers) {
    const held = grouped.get(answer.image);
    if (held === undefined) grouped.set(answer.image, [answer]);
    else held.push(answer);
  }
  return grouped;
}
