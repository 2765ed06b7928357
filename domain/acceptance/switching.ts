import { AQLS, masterPlan, type SamplingPlan, type Severity } from "./z14.ts";

/** Where a vendor stands in the switching rules of ISO 2859-1 (clause 9) / ANSI Z1.4. */
export interface InspectionState {
  severity: Severity;
  /** Under normal inspection: +2 or +3 for each accepted lot as the standard says, 0 after a setback. */
  score: number;
  /** Verdicts of the last lots under normal inspection, newest last, five at most; true is accepted. */
  recent: readonly boolean[];
  /** Under tightened inspection: lots accepted in a row, and lots rejected since it began. */
  acceptedInRow: number;
  rejected: number;
  /** Five lots were rejected under tightened inspection: the standard stops inspection until something has changed. */
  stopped: boolean;
}

/** A lot's first submission, as inspected. */
export interface InspectedLot {
  plan: SamplingPlan;
  defects: number;
}

export const BEGINNING: InspectionState = {
  severity: "normal",
  score: 0,
  recent: [],
  acceptedInRow: 0,
  rejected: 0,
  stopped: false,
};

/**
 * The state after one more lot. First submissions only: a rework has no say.
 *
 * - normal to tightened: two of five or fewer consecutive lots rejected.
 * - tightened to normal: five consecutive lots accepted; stopped: five rejected under tightened.
 * - normal to reduced: a switching score of 30. It grows by 3 for a lot that would have passed at the next finer AQL (plans
 *   with Ac >= 2), by 2 for an accepted lot (Ac 0 or 1), and falls to 0 otherwise.
 * - reduced to normal: one lot rejected, or accepted with more than Ac defects.
 */
export function afterLot(state: InspectionState, lot: InspectedLot): InspectionState {
  const accepted = lot.defects < lot.plan.re;
  if (state.severity === "reduced") {
    return accepted && lot.defects <= lot.plan.ac ? state : { ...BEGINNING, recent: [accepted] };
  }
  if (state.severity === "tightened") {
    const acceptedInRow = accepted ? state.acceptedInRow + 1 : 0;
    if (acceptedInRow >= 5) return BEGINNING;
    const rejected = state.rejected + (accepted ? 0 : 1);
    return { ...state, acceptedInRow, rejected, stopped: rejected >= 5 };
  }
  const recent = [...state.recent, accepted].slice(-5);
  if (recent.filter((passed) => !passed).length >= 2) return { ...BEGINNING, severity: "tightened" };
  const score = accepted ? scored(state.score, lot) : 0;
  return score >= 30 ? { ...BEGINNING, severity: "reduced" } : { ...state, recent, score };
}

function scored(score: number, { plan, defects }: InspectedLot): number {
  if (plan.ac < 2) return score + 2;
  const finer = AQLS[AQLS.indexOf(plan.aql) - 1];
  if (finer === undefined) return score + 2;
  return defects <= masterPlan(plan.letter, finer, "normal").ac ? score + 3 : 0;
}
