import type { SwitchingState } from "../../domain/acceptance/switching.ts";
import { type Interval, wilson } from "../../domain/intervals.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Ports } from "../ports.ts";
import type { CheckedAnswer } from "./checked-answers.ts";
import { inspectionState } from "./inspection-states.ts";
import { statement } from "./ledger.ts";
import { vendorBoard } from "./lots.ts";
import type { AnswerRecord } from "./submissions.ts";

/** Classes that were mixed up, and how often. */
export interface Confusion {
  said: string;
  truth: string;
  count: number;
}
/** One annotator's record on images whose truth experts gave and that nobody chose for being hard. */
export interface AnnotatorCard {
  annotator: string;
  answers: number;
  checked: Interval & { n: number; right: number };
  medianSeconds: number;
  confused: Confusion[];
}
export interface VendorCard {
  vendor: string;
  lots: { accepted: number; acceptedFirst: number; reworked: number; givenAway: number; expired: number; open: number };
  /** Hours from offer to delivery, median of the lots that were delivered. */
  turnaroundHours: number | null;
  owedMicros: number;
  acceptedAnswers: number;
  inspection: SwitchingState;
  annotators: AnnotatorCard[];
}
/** A vendor's scorecard: its lots, its speed, what it is owed, where it stands with inspection, and its people. */
export async function vendorCard(
  ports: Pick<Ports, "records" | "objects">,
  agreement: Campaign,
  { vendor, said, checked }: { vendor: string; said: readonly AnswerRecord[]; checked: readonly CheckedAnswer[] },
): Promise<VendorCard> {
  const campaign = agreement.name;
  const board = await vendorBoard(ports, { campaign, vendor });
  const owed = await statement(ports, { campaign, party: vendor });
  const hours = board.flatMap(({ offeredAt, deliveredAt }) =>
    offeredAt === undefined || deliveredAt === undefined
      ? []
      : [(Date.parse(deliveredAt) - Date.parse(offeredAt)) / 3_600_000],
  );
  const count = (is: (lot: (typeof board)[number]) => boolean) => board.filter(is).length;
  return {
    vendor,
    lots: {
      accepted: count(({ status }) => status === "accepted"),
      acceptedFirst: count(({ status, verdicts }) => status === "accepted" && verdicts.length === 1),
      reworked: count(({ verdicts }) => verdicts.some(({ verdict }) => verdict === "rework")),
      givenAway: count(({ status }) => status === "given-away"),
      expired: count(({ status }) => status === "expired"),
      open: count(({ status }) => ["planned", "offered", "delivered", "in-review"].includes(status)),
    },
    turnaroundHours: hours.length === 0 ? null : median(hours),
    owedMicros: owed.totalMicros,
    acceptedAnswers: owed.lines
      .filter(({ kind }) => kind === "answer-accepted")
      .reduce((sum, { units }) => sum + units, 0),
    inspection: await inspectionState(ports, agreement, vendor),
    annotators: [...new Set(said.map(({ annotator }) => annotator))]
      .sort()
      .map((annotator) => annotatorCard(annotator, said, checked)),
  };
}

function annotatorCard(
  annotator: string,
  said: readonly AnswerRecord[],
  checked: readonly CheckedAnswer[],
): AnnotatorCard {
  const own = said.filter((answer) => answer.annotator === annotator);
  const mine = checked.filter((answer) => answer.annotator === annotator);
  const right = mine.filter((answer) => answer.said === answer.truth).length;
  const confused = new Map<string, Confusion>();
  for (const { said: class_, truth } of mine) {
    if (class_ === truth) continue;
    const label = class_ ?? "cannot tell";
    const key = JSON.stringify([label, truth]);
    confused.set(key, { said: label, truth, count: (confused.get(key)?.count ?? 0) + 1 });
  }
  return {
    annotator,
    answers: own.length,
    checked: { n: mine.length, right, ...wilson(right, mine.length) },
    medianSeconds: own.length === 0 ? 0 : median(own.map(({ seconds }) => seconds)),
    confused: [...confused.values()].sort(
      (a, b) => b.count - a.count || (a.said + a.truth < b.said + b.truth ? -1 : 1),
    ),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
