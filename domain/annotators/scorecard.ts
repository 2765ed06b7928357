import { csv } from "../csv.ts";
import { type Interval, wilson } from "../intervals.ts";

/** Classes that were mixed up, and how often. */
export interface Confusion {
  said: string;
  truth: string;
  count: number;
}

/** One lot that a vendor has or had, as far as its scorecard goes; verdicts in order of round. */
export interface LotLine {
  status: string;
  items: number;
  offeredAt?: string;
  deliveredAt?: string;
  verdicts: readonly { verdict: "accept" | "rework" | "reassign" | "reject"; confused: readonly Confusion[] }[];
}

/** An answer whose truth is known, of images that nobody chose for being hard. `said`: null for "cannot tell". */
export interface JudgedAnswer {
  annotator: string;
  said: string | null;
  truth: string;
}

/** One annotator's record on gold and the random overlap. */
export interface AnnotatorCard {
  annotator: string;
  answers: number;
  checked: Interval & { n: number; right: number };
  medianSeconds: number;
  confused: Confusion[];
}

export interface Scorecard {
  vendor: string;
  lots: { accepted: number; acceptedFirst: number; reworked: number; givenAway: number; expired: number; open: number };
  /** Lots accepted on their first inspection, among those that had one, with Wilson's 95 % interval. */
  firstPassAcceptance: Interval & { n: number };
  /** Right on gold and the random overlap only: what the planner buys is no random sample. */
  skill: Interval & { n: number; right: number };
  /** Mixed-up classes in inspections, most first: hints for retraining that name classes, never images. */
  errors: Confusion[];
  /** Hours from offer to delivery, median of the lots that were delivered. */
  turnaroundHours: number | null;
  medianSeconds: number | null;
  owedMicros: number;
  acceptedAnswers: number;
  /** What was paid, credits taken off, per accepted answer; null where nothing was accepted. */
  microsPerAcceptedAnswer: number | null;
  annotators: AnnotatorCard[];
}

/** A vendor's scorecard from its lots, its people's answers, those whose truth is known, and what it is owed. */
export function scorecardOf(
  vendor: string,
  given: {
    lots: readonly LotLine[];
    said: readonly { annotator: string; seconds: number }[];
    checked: readonly JudgedAnswer[];
    owed: { totalMicros: number; acceptedAnswers: number };
  },
): Scorecard {
  const { lots, said, checked, owed } = given;
  const count = (is: (lot: LotLine) => boolean) => lots.filter(is).length;
  const inspected = lots.filter(({ verdicts }) => verdicts.length > 0);
  const first = inspected.filter(({ verdicts }) => verdicts[0]?.verdict === "accept").length;
  const right = checked.filter((answer) => answer.said === answer.truth).length;
  const hours = lots.flatMap(({ offeredAt, deliveredAt }) =>
    offeredAt === undefined || deliveredAt === undefined
      ? []
      : [(Date.parse(deliveredAt) - Date.parse(offeredAt)) / 3_600_000],
  );
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
    firstPassAcceptance: { n: inspected.length, ...wilson(first, inspected.length) },
    skill: { n: checked.length, right, ...wilson(right, checked.length) },
    errors: summed(lots.flatMap(({ verdicts }) => verdicts.flatMap(({ confused }) => confused))),
    turnaroundHours: hours.length === 0 ? null : median(hours),
    medianSeconds: said.length === 0 ? null : median(said.map(({ seconds }) => seconds)),
    owedMicros: owed.totalMicros,
    acceptedAnswers: owed.acceptedAnswers,
    microsPerAcceptedAnswer: owed.acceptedAnswers === 0 ? null : Math.round(owed.totalMicros / owed.acceptedAnswers),
    annotators: [...new Set(said.map(({ annotator }) => annotator))].sort().map((annotator) =>
      annotatorCard(
        annotator,
        said.filter((answer) => answer.annotator === annotator),
        checked.filter((answer) => answer.annotator === annotator),
      ),
    ),
  };
}

function annotatorCard(
  annotator: string,
  said: readonly { seconds: number }[],
  checked: readonly JudgedAnswer[],
): AnnotatorCard {
  const right = checked.filter((answer) => answer.said === answer.truth).length;
  return {
    annotator,
    answers: said.length,
    checked: { n: checked.length, right, ...wilson(right, checked.length) },
    medianSeconds: said.length === 0 ? 0 : median(said.map(({ seconds }) => seconds)),
    confused: confusionsOf(checked),
  };
}

/** The classes that were mixed up among judged answers, most frequent first. */
export function confusionsOf(checked: readonly JudgedAnswer[]): Confusion[] {
  const wrong = checked.filter((answer) => answer.said !== answer.truth);
  return summed(wrong.map(({ said, truth }) => ({ said: said ?? "cannot tell", truth, count: 1 })));
}

/** Equal mix-ups added up, most frequent first, then by name. */
function summed(confusions: readonly Confusion[]): Confusion[] {
  const counts = new Map<string, Confusion>();
  for (const { said, truth, count } of confusions) {
    const key = JSON.stringify([said, truth]);
    counts.set(key, { said, truth, count: (counts.get(key)?.count ?? 0) + count });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || (a.said + a.truth < b.said + b.truth ? -1 : 1));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const COLUMNS = [
  "vendor",
  "annotator",
  "lots_inspected",
  "first_pass",
  "first_pass_low",
  "first_pass_high",
  "checked",
  "skill",
  "skill_low",
  "skill_high",
  "turnaround_hours",
  "median_seconds",
  "answers",
  "micros_per_answer",
  "most_mixed_up",
] as const;

/**
 * Scorecards as RFC 4180 text: a line for each vendor (its annotator is empty), then one for each of its annotators. Numbers
 * have four decimals at most.
 */
export function scorecardsCsv(cards: readonly Scorecard[]): string {
  const mixed = ([first]: readonly Confusion[]) =>
    first === undefined ? "" : `${first.truth} as ${first.said} (${first.count})`;
  const rows = [
    [...COLUMNS],
    ...cards.flatMap((card) => {
      const { firstPassAcceptance: pass, skill } = card;
      return [
        [
          ...[card.vendor, "", pass.n, pass.value, pass.low, pass.high],
          ...[skill.n, skill.value, skill.low, skill.high, card.turnaroundHours, card.medianSeconds],
          ...[card.acceptedAnswers, card.microsPerAcceptedAnswer, mixed(card.errors)],
        ],
        ...card.annotators.map(({ annotator, answers, checked, medianSeconds, confused }) => [
          ...[card.vendor, annotator, null, null, null, null, checked.n, checked.value, checked.low, checked.high],
          ...[null, medianSeconds, answers, null, mixed(confused)],
        ]),
      ];
    }),
  ];
  return csv(rows.map((row) => row.map((cell) => (typeof cell === "number" ? Number(cell.toFixed(4)) : cell))));
}
