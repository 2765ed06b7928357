import { cheapestAsGood, type FixedRedundancy, fixedRedundancy } from "../../domain/planner/fixed-redundancy.ts";
import type { Ports } from "../ports.ts";
import { readCycle } from "./campaigns.ts";
import { labelsSoFar } from "./labels.ts";
import { totals } from "./ledger.ts";
import { skillOf } from "./purchases.ts";

/** What a cycle's labels cost beside what the same number of answers for every image would have cost. */
export interface CostReport {
  currency: string;
  ours: {
    answersPerImage: number;
    /** 1 - the predicted error of images that experts did not decide. */
    predictedAccuracy: number;
    answersMicros: number;
    spentMicros: number;
  };
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
  const { refs } = await readCycle(ports, campaign, cycle);
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
  const { spentMicros } = await totals(ports, campaign);
  const bought = split.pool.flatMap((image) => known.answers.get(image) ?? []);
  const priceOf = new Map(agreement.vendors.map(({ id, pricePerAnswer }) => [id, Math.round(pricePerAnswer * 1e6)]));
  const answersMicros = bought.reduce((sum, { vendor }) => sum + (priceOf.get(vendor) ?? 0), 0);
  const perAnswer = bought.length === 0 ? 0 : answersMicros / bought.length;
  const fixed = fixedRedundancy(skill, shares, KS, agreement.seed).map((one) => ({
    ...one,
    costMicros: Math.round(spentMicros - answersMicros + one.answers * split.pool.length * perAnswer),
  }));
  const predictedAccuracy = 1 - purchases.plan.predictedError;
  const best = cheapestAsGood(fixed, predictedAccuracy, MARGIN);
  const cost = fixed.find(({ answers }) => answers === best?.answers)?.costMicros;
  return {
    currency: agreement.currency,
    ours: {
      answersPerImage: split.pool.length === 0 ? 0 : bought.length / split.pool.length,
      predictedAccuracy,
      answersMicros,
      spentMicros,
    },
    fixed,
    cheapest: best === undefined || cost === undefined ? null : { answers: best.answers, costMicros: cost },
    ratio: cost === undefined || cost === 0 ? null : spentMicros / cost,
  };
}
