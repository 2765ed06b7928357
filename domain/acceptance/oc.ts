import { binomialCdf, hypergeometricCdf } from "../probability.ts";

/** A plan as far as chance is concerned: `n` inspected, accepted at `ac` defects or fewer; `lotSize` left out: a long series. */
export interface Sampling {
  n: number;
  ac: number;
  lotSize?: number;
}

/**
 * Probability of accepting a lot with a share `bad` of defects: exact hypergeometric where the lot's size is given
 * (between two whole numbers of bad items: interpolated), else binomial. Example: n = 80, ac = 2, 6.516 % bad: .10.
 */
export function acceptanceProbability({ n, ac, lotSize }: Sampling, bad: number): number {
  if (lotSize === undefined) return binomialCdf(ac, n, bad);
  const items = Math.min(lotSize, Math.max(0, bad * lotSize));
  const below = Math.floor(items + 1e-9);
  const atBelow = hypergeometricCdf(ac, n, below, lotSize);
  const share = items - below;
  return share <= 1e-9 ? atBelow : atBelow + share * (hypergeometricCdf(ac, n, below + 1, lotSize) - atBelow);
}

/** Share of defects at which a lot is accepted with the given probability (the inverse of the curve), to 1e-12. */
export function qualityAt(sampling: Sampling, probability: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 45; i++) {
    const middle = (low + high) / 2;
    if (acceptanceProbability(sampling, middle) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The curve for plots: `points` shares of defects from 0 to where a lot is accepted one time in a hundred. */
export function operatingCharacteristic(sampling: Sampling, points = 41): { bad: number; accepted: number }[] {
  const end = qualityAt(sampling, 0.01);
  return Array.from({ length: points }, (_, i) => {
    const bad = (end * i) / (points - 1);
    return { bad, accepted: acceptanceProbability(sampling, bad) };
  });
}

/** Both sides' risks of a plan at an AQL in percent defective. */
export interface Risks {
  /** A lot exactly at the AQL is rejected with this probability. */
  producerRisk: number;
  /** A lot with `limitingQuality` defects is accepted with this probability. */
  consumerRisk: number;
  limitingQuality: number;
  /** Share of defects that still passes one time in ten. */
  passesOneInTen: number;
}

/** Risks at the AQL and at a limiting quality (a share; left out: two and a half times the AQL, at most one half). */
export function risks(sampling: Sampling, aql: number, limitingQuality = Math.min(0.5, (2.5 * aql) / 100)): Risks {
  return {
    producerRisk: 1 - acceptanceProbability(sampling, aql / 100),
    consumerRisk: acceptanceProbability(sampling, limitingQuality),
    limitingQuality,
    passesOneInTen: qualityAt(sampling, 0.1),
  };
}
