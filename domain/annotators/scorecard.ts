import type { Interval } from "../intervals.ts";
import { wilson } from "../intervals.ts";

/** One closed lot of a vendor, as far as its scorecard goes. */
export interface ClosedLot {
  vendor: string;
  /** Verdict on its first inspection. */
  firstVerdict: "accept" | "rework" | "reassign" | "reject";
  /** Whether it was accepted in the end, by this vendor. */
  accepted: boolean;
  items: number;
  offeredAt: string;
  deliveredAt: string;
  paidMicros: number;
  /** Inspected defects: what was said where two experts agreed on another class. */
  defects: readonly { said: string | null; truth: string }[];
}

export interface Scorecard {
  vendor: string;
  lots: number;
  firstPassAcceptance: Interval;
  /** Right on gold and the random overlap only: what the planner buys is no random sample. */
  skill: Interval;
  /** Mixed-up classes by count, most first: hints for retraining that name classes, never images. */
  errors: { truth: string; said: string | null; count: number }[];
  medianTurnaroundHours: number | null;
  acceptedAnswers: number;
  /** null where nothing was accepted. */
  microsPerAcceptedAnswer: number | null;
}

/** A vendor's scorecard; `measured` are answers on gold and the overlap. Throws RangeError for another vendor's lot. */
export function scorecardOf(
  vendor: string,
  lots: readonly ClosedLot[],
  measured: { right: number; n: number },
): Scorecard {
  const errors = new Map<string, { truth: string; said: string | null; count: number }>();
  let acceptedAnswers = 0;
  let paid = 0;
  for (const lot of lots) {
    if (lot.vendor !== vendor) throw new RangeError(`a lot of ${lot.vendor} can't be on the scorecard of ${vendor}`);
    if (lot.accepted) acceptedAnswers += lot.items;
    paid += lot.paidMicros;
    for (const { truth, said } of lot.defects) {
      const key = `${truth}\n${said}`;
      const entry = errors.get(key) ?? { truth, said, count: 0 };
      entry.count++;
      errors.set(key, entry);
    }
  }
  const hours = lots
    .map(({ offeredAt, deliveredAt }) => (Date.parse(deliveredAt) - Date.parse(offeredAt)) / 3_600_000)
    .sort((a, b) => a - b);
  const middle = hours.length >> 1;
  return {
    vendor,
    lots: lots.length,
    firstPassAcceptance: wilson(lots.filter(({ firstVerdict }) => firstVerdict === "accept").length, lots.length),
    skill: wilson(measured.right, measured.n),
    errors: [...errors.values()].sort((a, b) => b.count - a.count || (a.truth + a.said < b.truth + b.said ? -1 : 1)),
    medianTurnaroundHours:
      hours.length === 0 ? null : hours.length % 2 === 1 ? hours[middle]! : (hours[middle - 1]! + hours[middle]!) / 2,
    acceptedAnswers,
    microsPerAcceptedAnswer: acceptedAnswers === 0 ? null : Math.round(paid / acceptedAnswers),
  };
}

/** Scorecards as CSV (RFC 4180), one line each. A cell that a spreadsheet could run as a formula is quoted with a leading '. */
export function scorecardsCsv(cards: readonly Scorecard[]): string {
  const cell = (value: string | number | null) => {
    const text = value === null ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const header = [
    "vendor",
    "lots",
    "first_pass",
    "first_pass_low",
    "first_pass_high",
    "skill",
    "skill_low",
    "skill_high",
    "turnaround_hours",
    "accepted_answers",
    "micros_per_answer",
  ];
  const lines = cards.map((card) => [
    card.vendor,
    card.lots,
    card.firstPassAcceptance.value,
    card.firstPassAcceptance.low,
    card.firstPassAcceptance.high,
    card.skill.value,
    card.skill.low,
    card.skill.high,
    card.medianTurnaroundHours,
    card.acceptedAnswers,
    card.microsPerAcceptedAnswer,
  ]);
  return `${[header, ...lines].map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}
