import type { Campaign } from "../../schemas/campaign.ts";
import type { Estimate, Evaluation } from "../../schemas/evaluation.ts";
import type { Gate, Judgement } from "../../schemas/evidence.ts";
import { upperBound } from "../intervals.ts";
import { normalQuantile } from "../probability.ts";

type GatePolicy = Campaign["gates"];

export interface Candidacy {
  evaluation: Evaluation;
  gates: GatePolicy;
  /** Which look at this sealed test it is, from 1; the first where left out. */
  look?: number;
  quality: Pick<Campaign["quality"], "modelAccuracy" | "recall">;
  /** Upper bound of the share of wrong labels in the sealed test, 0..1. */
  residualError: number;
  hasChampion: boolean;
  /** What one more adjudicated test label costs. */
  pricePerTestLabelMicros: number;
}

/**
 * The error that one look at the sealed test may spend: an even share for each planned look; every look beyond the plan
 * gets alpha / (k (k + 1)), so that however often anybody looks, all together spend less than 1.5 alpha.
 */
export function alphaOfLook({ alpha, looks }: GatePolicy, look = 1): number {
  if (!Number.isInteger(look) || look < 1) throw new RangeError(`look ${look}: expected a whole number from 1`);
  return look <= looks ? alpha / looks : alpha / (look * (look + 1));
}

/**
 * Judges a candidate by gates that were fixed before anybody looked. All gates must pass (an intersection-union test, so
 * the number of gates needs no correction); `alpha` is spent over the looks at this test set (`alphaOfLook`), two-sided, so
 * that with one look at .05 a gate's bounds are the evaluation's own 95 % intervals.
 *
 * - owner's floor: lower bound - residual label error >= floor
 * - neither floor nor champion: lower bound > the accuracy of always saying the commonest class
 * - champion: lower bound of the paired difference > -margin, and the candidate is not surely worse
 * - per class with a floor: lower bound of recall - residual label error >= floor
 *
 * A gate whose point estimate passes while its bound does not is "not enough data" and says how many more test labels
 * give it the planned power at the measured values. Any failed gate rejects; else any open one leaves it open.
 */
export function judgeCandidate(candidacy: Candidacy): Judgement {
  const { evaluation, quality, hasChampion } = candidacy;
  const gates: Gate[] = [];
  if (quality.modelAccuracy !== undefined) gates.push(accuracyFloor(candidacy, quality.modelAccuracy));
  if (hasChampion) gates.push(nonInferiority(candidacy));
  if (quality.modelAccuracy === undefined && !hasChampion) gates.push(beatsCommonestClass(candidacy));
  for (const label of Object.keys(quality.recall).sort())
    gates.push(recallFloor(candidacy, label, quality.recall[label]!));
  if (evaluation.n === 0) {
    for (const gate of gates) if (gate.outcome === "fail") gate.outcome = "not-enough-data";
  }
  const outcome = gates.some((gate) => gate.outcome === "fail")
    ? "reject"
    : gates.some((gate) => gate.outcome === "not-enough-data")
      ? "not-enough-data"
      : "promote";
  const look = candidacy.look ?? 1;
  const spent = { number: look, planned: candidacy.gates.looks, alpha: alphaOfLook(candidacy.gates, look) };
  return { outcome, gates, look: spent };
}

const percent = (p: number) => `${(100 * p).toFixed(1)} %`;
const points = (p: number) => `${p >= 0 ? "+" : ""}${(100 * p).toFixed(1)} points`;

/** The evaluation's 95 % interval stretched to the confidence that this look has. */
function atLookConfidence({ value, low, high }: Estimate, { gates, look }: Candidacy): Estimate {
  const stretch = normalQuantile(1 - alphaOfLook(gates, look) / 2) / normalQuantile(0.975);
  return { value, low: value - (value - low) * stretch, high: value + (high - value) * stretch };
}

function accuracyFloor(candidacy: Candidacy, floor: number): Gate {
  const { evaluation, residualError } = candidacy;
  const { value, low, high } = atLookConfidence(evaluation.accuracy, candidacy);
  return decide(candidacy, {
    name: "accuracy floor",
    measured: value - residualError,
    low: low - residualError,
    high,
    required: floor,
    n: evaluation.n,
    ofAll: 1,
    standardError: standardError(evaluation.accuracy),
    told: `accuracy ${percent(value)}, at least ${percent(low)}; ${percent(residualError)} of the test's own labels may be wrong; the owner's floor is ${percent(floor)}`,
  });
}

function beatsCommonestClass(candidacy: Candidacy): Gate {
  const { evaluation } = candidacy;
  const { value, low, high } = atLookConfidence(evaluation.accuracy, candidacy);
  const { label, accuracy } = evaluation.majorityClass;
  return decide(candidacy, {
    name: "beats the commonest class",
    measured: value,
    low,
    high,
    required: accuracy,
    strict: true,
    n: evaluation.n,
    ofAll: 1,
    standardError: standardError(evaluation.accuracy),
    told: `accuracy ${percent(value)}, at least ${percent(low)}; always answering "${label}" gives ${percent(accuracy)}`,
  });
}

function recallFloor(candidacy: Candidacy, label: string, floor: number): Gate {
  const { evaluation, residualError } = candidacy;
  const found = evaluation.perClass.find((row) => row.label === label);
  const n = found?.n ?? 0;
  const name = `recall of ${label}`;
  if (found === undefined || n === 0) {
    return {
      name,
      outcome: "not-enough-data",
      measured: 0,
      low: 0,
      high: 1,
      required: floor,
      reason: `no image of "${label}" is in the test set, so nothing can be said of it`,
    };
  }
  const { value, low, high } = atLookConfidence(found.recall, candidacy);
  return decide(candidacy, {
    name,
    measured: value - residualError,
    low: low - residualError,
    high,
    required: floor,
    n,
    ofAll: n / Math.max(1, evaluation.n),
    standardError: standardError(found.recall),
    told: `recall ${percent(value)} of ${n} images, at least ${percent(low)}; ${percent(residualError)} of the test's own labels may be wrong; the floor is ${percent(floor)}`,
  });
}

function nonInferiority(candidacy: Candidacy): Gate {
  const { evaluation, gates } = candidacy;
  const name = "not worse than the champion";
  const required = -gates.margin;
  const paired = evaluation.champion;
  if (paired === null) {
    return {
      name,
      outcome: "fail",
      measured: 0,
      low: -1,
      high: 1,
      required,
      reason: "a champion is live, and the evaluation holds no comparison with it on the same images",
    };
  }
  let difference = atLookConfidence(paired.difference, candidacy);
  if (paired.discordant === 0) {
    // No image on which they differ says no more than that such images are rarer than the exact bound.
    const rare = upperBound(0, paired.n, 1 - alphaOfLook(gates, candidacy.look) / 2);
    difference = { value: 0, low: -rare, high: rare };
  }
  const told = `difference to the champion ${points(difference.value)}, from ${points(difference.low)} to ${points(difference.high)}, on ${paired.n} images of which ${paired.discordant} are judged differently; allowed is ${points(required)}`;
  if (paired.n > 0 && paired.discordant > 0 && difference.high < 0) {
    return {
      name,
      outcome: "fail",
      measured: difference.value,
      low: difference.low,
      high: difference.high,
      required,
      reason: `surely worse than the champion: ${told}`,
    };
  }
  return decide(candidacy, {
    name,
    measured: difference.value,
    low: difference.low,
    high: difference.high,
    required,
    strict: true,
    n: paired.n,
    ofAll: 1,
    standardError:
      paired.discordant === 0 ? Math.sqrt(difference.high / Math.max(1, paired.n)) : standardError(paired.difference),
    told,
  });
}

interface Measured {
  name: string;
  measured: number;
  low: number;
  high: number;
  required: number;
  /** The bound must exceed the requirement instead of reaching it. */
  strict?: boolean;
  /** Test images that the measurement stands on, and their share of the whole test. */
  n: number;
  ofAll: number;
  standardError: number;
  told: string;
}

/** Pass where the bound passes, open where only the estimate does, else fail. */
function decide(candidacy: Candidacy, m: Measured): Gate {
  const { pricePerTestLabelMicros } = candidacy;
  const { name, measured, low, high, required } = m;
  const gate = { name, measured, low, high, required };
  if (m.n > 0 && (m.strict ? low > required : low >= required)) return { ...gate, outcome: "pass", reason: m.told };
  if (!(measured > required)) return { ...gate, outcome: "fail", reason: m.told };
  const more = moreTestLabels(m, candidacy);
  if (more === undefined)
    return {
      ...gate,
      outcome: "not-enough-data",
      reason: `${m.told}; too close to the requirement for any affordable number of labels to tell`,
    };
  const priceMicros = more * pricePerTestLabelMicros;
  return {
    ...gate,
    outcome: "not-enough-data",
    moreTestLabels: more,
    ...(Number.isSafeInteger(priceMicros) ? { priceMicros } : {}),
    reason: `${m.told}; about ${more} more test labels would tell`,
  };
}

/**
 * Test labels beyond those at hand after which the bound passes with the planned power, if the measured value is the true
 * one: n = variance x ((z_alpha + z_power) / distance)^2. undefined above ten million.
 */
function moreTestLabels(
  { n, ofAll, standardError: error, measured, required }: Measured,
  { gates, look }: Candidacy,
): number | undefined {
  const distance = measured - required;
  const variance = error * error * Math.max(1, n);
  const z = normalQuantile(1 - alphaOfLook(gates, look) / 2) + normalQuantile(gates.power);
  const needed = (variance * z * z) / (distance * distance);
  const more = Math.max(1, Math.ceil((needed - n) / Math.max(ofAll, 1e-9)));
  return more <= 10_000_000 ? more : undefined;
}

/** The standard error that the lower half of a 95 % interval implies: it carries the clustering by duplicate group. */
function standardError({ value, low, high }: Estimate): number {
  return Math.max(value - low, (high - low) / 2) / normalQuantile(0.975);
}
