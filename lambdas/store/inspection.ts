import { type SamplingPlan, samplingPlan } from "../../domain/acceptance/z14.ts";
import { shuffled } from "../../domain/split/rank.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Lot, LotItem, LotPlan } from "../../schemas/lot.ts";

/** The plan a delivered lot is inspected by, and its sample. */
export interface Inspection {
  plan: SamplingPlan;
  sample: LotItem[];
}

/**
 * The sample of a lot's round: items in an order drawn from their images, the seed and the round. Lots that share images
 * so share sampled ones, and experts see each image once; what anybody answered has no say in it. A rework is sampled anew.
 */
export function inspectionOf(lot: Lot, lotPlan: LotPlan, agreement: Pick<Campaign, "seed">): Inspection {
  const { level, aql } = lotPlan.inspection;
  const plan = samplingPlan(lotPlan.items.length, level, aql, lotPlan.severity);
  const order = shuffled(lotPlan.items, agreement.seed, `inspection-${lot.round}`, ({ image }) => image);
  return { plan, sample: order.slice(0, plan.n) };
}

export const inspectionBatch = (lot: Lot) => `lot-${lot.lot}-${lot.round}`;
