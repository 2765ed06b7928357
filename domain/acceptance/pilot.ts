import type { Interval } from "../intervals.ts";
import { correctedDefectRate, type ExpertError } from "./expert-error.ts";
import { acceptanceProbability, qualityAt } from "./oc.ts";
import { AQLS, type InspectionLevel, samplingPlan } from "./z14.ts";

/** Honest work as two blind experts saw it, in one stratum: a random sample nobody chose for being hard, or a hard one. */
export interface Pilot {
  /** Items on which two experts agreed, and those of them that had been answered otherwise. */
  decided: number;
  defects: number;
  expertError: Pick<ExpertError, "agreedWrong">;
  classes: number;
}

export interface PilotProposal {
  /** Honest error rate, the experts' own errors taken out. */
  errorRate: Interval;
  /** The finest AQL at which a lot of honest work is accepted with the wanted chance; null where even 10 % is too fine. */
  aql: number | null;
  /** Chance of accepting a lot of honest work at it, and the percent defective that still passes one time in ten. */
  accepts: number;
  passesOneInTen: number;
  /** Rates for the sequential gold test: honest, and not bearable. */
  p0: number;
  p1: number;
}

/** Items below which a pilot proposes nothing. */
export const LEAST_PILOT = 30;

/**
 * AQL and gold test proposed from an adjudicated pilot, never from a wish: the AQL is the finest preferred value whose plan
 * accepts a lot of honest work with chance `accepts` (.95), p0 is the honest rate (.5 % at least), p1 two and a half times
 * it, 15 points above it at least. undefined with fewer than 30 decided items.
 */
export function proposeFromPilot(
  { decided, defects, expertError, classes }: Pilot,
  lots: { lotSize: number; level: InspectionLevel },
  accepts = 0.95,
): PilotProposal | undefined {
  if (decided < LEAST_PILOT) return undefined;
  const errorRate = correctedDefectRate(defects, decided, expertError, classes);
  const honest = errorRate.value;
  let found: PilotProposal | undefined;
  const p0 = Math.min(0.3, Math.max(0.005, honest));
  const p1 = Math.min(0.8, Math.max(2.5 * p0, p0 + 0.15));
  for (const aql of AQLS) {
    const { n, ac, lotSize } = samplingPlan(lots.lotSize, lots.level, aql);
    const chance = acceptanceProbability({ n, ac, lotSize }, honest);
    found = { errorRate, aql, accepts: chance, passesOneInTen: qualityAt({ n, ac, lotSize }, 0.1), p0, p1 };
    if (chance >= accepts) return found;
  }
  return found === undefined ? undefined : { ...found, aql: null };
}
