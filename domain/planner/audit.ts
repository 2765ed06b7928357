import { chance } from "../chance.ts";
import { clopperPearson, type Interval } from "../intervals.ts";

/** What was taken without any human answer is a stratum of its own: audited at random, like a vendor's lot. */
export interface StoppedImage {
  image: string;
  /** Human answers that its label stands on; 0: the model's word alone. */
  answers: number;
  /** Predicted probability that its label is wrong. */
  predictedError: number;
}

/** A random audit per stratum, deterministic by seed: `share` of each, at least `least` (or all there are). */
export function drawAudit(
  stopped: readonly StoppedImage[],
  share: number,
  least: number,
  seed: string | number,
): { modelOnly: StoppedImage[]; answered: StoppedImage[] } {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`audit share ${share}: expected a number from 0 to 1`);
  const draw = (name: string, stratum: StoppedImage[]) => {
    const ordered = stratum.toSorted((a, b) => (a.image < b.image ? -1 : 1));
    return chance(`${seed}/audit/${name}`).sample(ordered, Math.max(least, Math.ceil(share * ordered.length)));
  };
  return {
    modelOnly: draw(
      "model-only",
      stopped.filter(({ answers }) => answers === 0),
    ),
    answered: draw(
      "answered",
      stopped.filter(({ answers }) => answers > 0),
    ),
  };
}

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
