import { cheapestAsGood, type FixedRedundancy, fixedRedundancy } from "../../domain/planner/fixed-redundancy.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Ports } from "../ports.ts";
import { readCycle } from "./campaigns.ts";
import { goldDecision } from "./gold-draw.ts";
import { fullLot } from "./inspection.ts";
import { objectKeys } from "./keys.ts";
import { labelsSoFar } from "./labels.ts";
import { owedByLot, totals } from "./ledger.ts";
import { skillOf } from "./purchases.ts";
import { readWavePlan } from "./waves.ts";

/** What a cycle's labels cost beside what the same number of answers for every image would have cost. */
export interface CostReport {
  currency: string;
  ours: {
    answersPerImage: number;
    /** 1 - the predicted error of images that experts did not decide. */
    predictedAccuracy: number;
    answersCostMicros: number;
    spentMicros: number;
  };
  budget: {
    budgetMicros: number;
    /** Owed for what was accepted and for experts, and kept back for what open lots may come to. */
    owedMicros: number;
    reservedMicros: number;
    leftMicros: number;
    /** Each wave of the cycle: what was set aside when it was planned, and what its lots' answers came to. */
    waves: { wave: number; plannedMicros: number; answersCostMicros: number }[];
  };
  /** Images whose truth two experts give in hiding: how many, what one costs, and why so many were drawn in this cycle. */
  gold: { images: number; pricePerImageMicros: number; because: string };
  /** How a full lot of a later wave is inspected. */
  inspection: { level: string; sample: number; lotMicros: number; costMicros: number; passesOneInTen: number };
  /** All that was spent, on each accepted answer, each settled image, and each point of accuracy above the commonest class. */
  per: { acceptedAnswerMicros: number | null; labelMicros: number | null; pointMicros: number | null };
  /** Majority of k answers by the same people, as their measured skill says; experts, gold and test set cost the same. */
  fixed: (FixedRedundancy & { costMicros: number })[];
  /** The least k that is as good as ours, to a fifth of a point; null where none of those listed is. */
  cheapest: { answers: number; costMicros: number } | null;
  /** Ours in parts of the cheapest. */
  ratio: number | null;
}

const KS = [1, 2, 3, 4, 5, 7, 9, 11, 15];
const MARGIN = 0.002;

export async function costReport(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
): Promise<CostReport> {
  const { refs, counts } = await readCycle(ports, campaign, cycle);
  const splitKey = refs.split ?? "";
  const labels = await labelsSoFar(ports, { campaign, cycle, splitKey });
  const { agreement, split, known, fitted, purchases } = labels;
  const classes = agreement.classes.length;
  const shares = new Array<number>(classes).fill(1e-9);
  for (const { posterior } of fitted.images)
    posterior.forEach((p, k) => {
      shares[k] = (shares[k] as number) + p;
    });
  const { skill } = skillOf(agreement, known, fitted);
  const { spentMicros, byKind } = await totals(ports, campaign);
  const bought = split.pool.flatMap((image) => known.answers.get(image) ?? []);
  const priceOf = new Map(agreement.vendors.map(({ id, pricePerAnswer }) => [id, Math.round(pricePerAnswer * 1e6)]));
  const priced = (answers: readonly { vendor: string }[]) =>
    answers.reduce((sum, { vendor }) => sum + (priceOf.get(vendor) ?? 0), 0);
  const peopleMicros = priced(bought);
  const perAnswer = bought.length === 0 ? 0 : peopleMicros / bought.length;
  // A fixed redundancy would have bought no model's word.
  const answersCostMicros = peopleMicros + priced(split.pool.flatMap((image) => known.models.get(image) ?? []));
  const fixed = fixedRedundancy(skill, shares, KS, agreement.seed).map((one) => ({
    ...one,
    costMicros: Math.round(spentMicros - answersCostMicros + one.answers * split.pool.length * perAnswer),
  }));
  const predictedAccuracy = 1 - purchases.plan.predictedError;
  const best = cheapestAsGood(fixed, predictedAccuracy, MARGIN);
  const cost = fixed.find(({ answers }) => answers === best?.answers)?.costMicros;
  return {
    currency: agreement.currency,
    ours: {
      answersPerImage: split.pool.length === 0 ? 0 : bought.length / split.pool.length,
      predictedAccuracy,
      answersCostMicros,
      spentMicros,
    },
    budget: {
      budgetMicros: Math.round(agreement.budget * 1e6),
      owedMicros: spentMicros,
      reservedMicros: Math.round(agreement.budget * 1e6) - spentMicros - labels.budgetLeftMicros,
      leftMicros: labels.budgetLeftMicros,
      waves: await wavesOfCycle(ports, campaign, cycle, labels.waves.length),
    },
    ...contractOf(agreement, split.gold.length, counts),
    per: {
      acceptedAnswerMicros: each(spentMicros, byKind["answer-accepted"]?.units ?? 0),
      labelMicros: each(spentMicros, purchases.settled.size),
      pointMicros: each(spentMicros, 100 * (predictedAccuracy - Math.max(...shares) / fitted.images.length)),
    },
    fixed,
    cheapest: best === undefined || cost === undefined ? null : { answers: best.answers, costMicros: cost },
    ratio: cost === undefined || cost === 0 ? null : spentMicros / cost,
  };
}

/** What was drawn as gold and why, and what inspection costs beside the answers it looks at. */
function contractOf(
  agreement: Campaign,
  gold: number,
  { newcomers, gold: drawn }: Record<string, number>,
): Pick<CostReport, "gold" | "inspection"> {
  const micros = (amount: number) => Math.round(amount * 1e6);
  const { level, plan, value, cost, passesOneInTen } = fullLot(agreement);
  const size = goldDecision(agreement, newcomers ?? 0, gold - (drawn ?? gold));
  return {
    gold: {
      images: gold,
      pricePerImageMicros: micros(size.pricePerImage),
      because: newcomers === undefined ? "drawn by an earlier version" : size.because,
    },
    inspection: { level, sample: plan.n, lotMicros: micros(value), costMicros: micros(cost), passesOneInTen },
  };
}

const each = (micros: number, units: number): number | null => (units > 0 ? Math.round(micros / units) : null);

async function wavesOfCycle(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
  count: number,
): Promise<CostReport["budget"]["waves"]> {
  const byLot = await owedByLot(ports, campaign);
  const waves: CostReport["budget"]["waves"] = [];
  for (let wave = 0; wave < count; wave += 1) {
    const { lots, priceMicros } = await readWavePlan(ports, objectKeys.wave(campaign, cycle, wave));
    const answersCostMicros = lots.reduce((sum, lot) => sum + (byLot.get(lot) ?? 0), 0);
    waves.push({ wave, plannedMicros: priceMicros, answersCostMicros });
  }
  return waves;
}
