/**
 * Single sampling plans by attributes of ANSI/ASQ Z1.4 (ISO 2859-1, MIL-STD-105E): Table I (code letters) and
 * Tables II-A, II-B, II-C (normal, tightened, reduced), for percent defective, AQL .010 to 10.
 *
 * Each master table is one sequence along its diagonals: one letter further down needs the AQL one step finer for the
 * same acceptance number. So a table is its sample sizes, the diagonal on which Ac = 0 stands, and the sequence after it;
 * tests hold all cells against a listing of the tables. Normal was also checked against an independent rule; tightened
 * and reduced rest on one source.
 */
export type InspectionLevel = "S-1" | "S-2" | "S-3" | "S-4" | "I" | "II" | "III";
export type Severity = "normal" | "tightened" | "reduced";

export interface SamplingPlan {
  letter: string;
  /** Left out where no level of the standard chose the letter. */
  level?: InspectionLevel;
  severity: Severity;
  /** Acceptable quality limit, percent defective. */
  aql: number;
  lotSize: number;
  /** Items to inspect; the whole lot where the table asks for as many or more. */
  n: number;
  inspectsAll: boolean;
  /** Accepted at so many defects or fewer, rejected at `re` or more. Between them (reduced only): accepted, and back to normal. */
  ac: number;
  re: number;
}

export const AQLS: readonly number[] = [
  0.01, 0.015, 0.025, 0.04, 0.065, 0.1, 0.15, 0.25, 0.4, 0.65, 1, 1.5, 2.5, 4, 6.5, 10,
];
/** S stands in Table II-B only. */
const LETTERS = "ABCDEFGHJKLMNPQRS";
/** Largest lot of each row of Table I. */
const LOT_UP_TO = [
  8,
  15,
  25,
  50,
  90,
  150,
  280,
  500,
  1200,
  3200,
  10_000,
  35_000,
  150_000,
  500_000,
  Number.POSITIVE_INFINITY,
];
const CODE_LETTERS: Record<InspectionLevel, string> = {
  "S-1": "AAAABBBBCCCCDDD",
  "S-2": "AAABBBCCCDDDEEE",
  "S-3": "AABBCCDDEEFFGGH",
  "S-4": "AABCCDEEFGGHJJK",
  I: "AABCCDEFGHJKLMN",
  II: "ABCDEFGHJKLMNPQ",
  III: "BCDEFGHJKLMNPQR",
};

type Cell = readonly [ac: number, re: number] | "up" | "down";
interface MasterTable {
  sizes: readonly number[];
  /** letter index + AQL index of the diagonal on which the sequence begins (Ac 0, Re 1). */
  begins: number;
  sequence: readonly Cell[];
}
const MASTER: Record<Severity, MasterTable> = {
  normal: {
    sizes: [2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000],
    begins: 14,
    sequence: [[0, 1], "up", "down", [1, 2], [2, 3], [3, 4], [5, 6], [7, 8], [10, 11], [14, 15], [21, 22]],
  },
  tightened: {
    sizes: [2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150],
    begins: 15,
    sequence: [[0, 1], "down", "down", [1, 2], [2, 3], [3, 4], [5, 6], [8, 9], [12, 13], [18, 19]],
  },
  reduced: {
    sizes: [2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800],
    begins: 14,
    sequence: [[0, 1], "up", "down", [0, 2], [1, 3], [1, 4], [2, 5], [3, 6], [5, 8], [7, 10], [10, 13]],
  },
};

/** The code letter of Table I. Throws RangeError for a lot that is no whole number of at least 1. */
export function codeLetter(lotSize: number, level: InspectionLevel): string {
  if (!Number.isInteger(lotSize) || lotSize < 1)
    throw new RangeError(`a lot of ${lotSize} items: expected a whole number from 1`);
  return CODE_LETTERS[level][LOT_UP_TO.findIndex((upTo) => lotSize <= upTo)]!;
}

/** The master table's plan at a letter, arrows followed: up or down to the first plan, and the other way where the table ends. */
export function masterPlan(
  letter: string,
  aql: number,
  severity: Severity,
): { letter: string; n: number; ac: number; re: number } {
  const column = AQLS.indexOf(aql);
  if (column < 0) throw new RangeError(`AQL ${aql}: expected one of ${AQLS.join(", ")}`);
  const row = LETTERS.indexOf(letter);
  const { sizes } = MASTER[severity];
  if (letter.length !== 1 || row < 0 || row > 15)
    throw new RangeError(`code letter "${letter}": expected one of ${LETTERS.slice(0, 16)}`);
  const arrow = cellAt(severity, row, column);
  const ways = arrow === "up" ? [-1, 1] : [1, -1];
  for (const way of ways) {
    for (let at = row; at >= 0 && at < sizes.length; at += way) {
      const cell = cellAt(severity, at, column);
      if (typeof cell !== "string") return { letter: LETTERS[at]!, n: sizes[at]!, ac: cell[0], re: cell[1] };
    }
  }
  throw new RangeError(`no ${severity} plan for letter ${letter} at AQL ${aql}`);
}

function cellAt(severity: Severity, row: number, column: number): Cell {
  // Table II-B has an arrow where its diagonal of zeros would reach letter A.
  if (severity === "tightened" && row === 0) return "down";
  const { begins, sequence } = MASTER[severity];
  const along = row + column - begins;
  if (along < 0) return "down";
  return sequence[along] ?? "up";
}

/**
 * The plan for a lot. Example: 200 items at level II and AQL 1.0 are letter G; its arrow leads down to n = 50, Ac 1, Re 2.
 */
export function samplingPlan(
  lotSize: number,
  level: InspectionLevel,
  aql: number,
  severity: Severity = "normal",
): SamplingPlan {
  const { letter, n, ac, re } = masterPlan(codeLetter(lotSize, level), aql, severity);
  return { letter, level, severity, aql, lotSize, n: Math.min(n, lotSize), inspectsAll: n >= lotSize, ac, re };
}
