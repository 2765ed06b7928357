import { AQLS, type InspectionLevel, type Severity, samplingPlan } from "./z14.ts";

/** A lot's first inspection (reworked lots do not count: ANSI/ASQ Z1.4 and ISO 2859-1 switch on original inspection only). */
export interface FirstInspection {
  lotSize: number;
  defects: number;
  accepted: boolean;
  /** Lots of an unusual mix of certainty are isolated and do not count for switching. */
  isolated?: boolean;
  /** The level it was inspected at; the series' own where left out. */
  level?: InspectionLevel;
}

export interface SwitchingState {
  severity: Severity;
  /** Inspection is discontinued: five lots were rejected under tightened. The vendor gets no lots until a person decides. */
  stopped: boolean;
  /** ISO 2859-1 switching score; counts under normal inspection only. */
  score: number;
  /** Lots since the present severity began, newest last. */
  recent: readonly boolean[];
  reason: string;
}

const NORMAL: SwitchingState = {
  severity: "normal",
  stopped: false,
  score: 0,
  recent: [],
  reason: "normal inspection begins",
};

/** Switching score at which reduced inspection begins. */
const SCORE_FOR_REDUCED = 30;

/**
 * The severity for a vendor's next lot after its inspected lots, oldest first (ISO 2859-1 clauses 9.3 and 9.4, single sampling):
 * normal -> tightened at 2 rejected among 5 or fewer consecutive lots; back at 5 consecutive accepted; stopped at 5 rejected
 * under tightened; normal -> reduced at a switching score of 30; reduced -> normal at 1 rejected, or at a defect count between
 * Ac and Re. No lots: normal.
 */
export function severityAfter(lots: readonly FirstInspection[], level: InspectionLevel, aql: number): SwitchingState {
  let state = NORMAL;
  for (const lot of lots) {
    if (lot.isolated !== true) state = afterLot(state, lot, lot.level ?? level, aql);
    if (state.stopped) break;
  }
  return state;
}

function afterLot(state: SwitchingState, lot: FirstInspection, level: InspectionLevel, aql: number): SwitchingState {
  const recent = [...state.recent, lot.accepted];
  const begin = (severity: Severity, reason: string): SwitchingState => ({ ...NORMAL, severity, reason });
  if (state.severity === "tightened") {
    const rejected = recent.filter((accepted) => !accepted).length;
    if (rejected >= 5)
      return { ...state, recent, stopped: true, reason: "five lots were rejected under tightened inspection" };
    if (recent.length >= 5 && recent.slice(-5).every(Boolean))
      return begin("normal", "five consecutive lots were accepted under tightened inspection");
    return { ...state, recent };
  }
  if (state.severity === "reduced") {
    const plan = samplingPlan(lot.lotSize, level, aql, "reduced");
    if (!lot.accepted) return begin("normal", "a lot was rejected under reduced inspection");
    if (lot.defects > plan.ac)
      return begin("normal", "a lot had more defects than the acceptance number of reduced inspection");
    return { ...state, recent };
  }
  if (recent.slice(-5).filter((accepted) => !accepted).length >= 2)
    return begin("tightened", "two of five or fewer consecutive lots were rejected");
  const score = lot.accepted ? scoreAfter(state.score, lot, level, aql) : 0;
  if (score >= SCORE_FOR_REDUCED) return begin("reduced", `the switching score reached ${score}`);
  return { ...state, recent, score };
}

/** Ac 0 or 1: two points for an accepted lot. Ac 2 or more: three if it had passed one AQL step tighter too, else back to 0. */
function scoreAfter(score: number, { lotSize, defects }: FirstInspection, level: InspectionLevel, aql: number): number {
  const plan = samplingPlan(lotSize, level, aql, "normal");
  if (plan.ac <= 1) return score + 2;
  const tighterAql = AQLS[Math.max(0, AQLS.indexOf(aql) - 1)]!;
  return defects <= samplingPlan(lotSize, level, tighterAql, "normal").ac ? score + 3 : 0;
}
