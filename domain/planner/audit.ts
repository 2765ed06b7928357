import { clopperPearson, type Interval } from "../intervals.ts";

export interface AuditFinding {
  n: number;
  wrong: number;
  /** Exact 95 % interval of the stratum's error rate. */
  errorRate: Interval;
  /** Observed over predicted errors; null where none was predicted. */
  observedOverPredicted: number | null;
  /** `recalibrate`: even the interval's near end lies outside [.67, 1.5] of what was predicted. */
  outcome: "as-predicted" | "recalibrate";
}

/** Compares a stratum's audit with what had been predicted for just those images. No images: as predicted, rate [0, 1]. */
export function judgeAudit(audited: readonly { predictedError: number; wrong: boolean }[]): AuditFinding {
  const n = audited.length;
  const wrong = audited.filter((image) => image.wrong).length;
  const predicted = audited.reduce((sum, image) => sum + image.predictedError, 0);
  const errorRate = clopperPearson(wrong, n);
  const outside = n > 0 && (errorRate.low * n > 1.5 * predicted || errorRate.high * n < 0.67 * predicted);
  return {
    n,
    wrong,
    errorRate,
    observedOverPredicted: predicted === 0 ? null : wrong / predicted,
    outcome: outside ? "recalibrate" : "as-predicted",
  };
}
