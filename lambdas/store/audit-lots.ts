import { cutLots, type ItemToLabel } from "../../domain/planner/lots.ts";
import { rank, shuffled } from "../../domain/split/rank.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { LotPlan } from "../../schemas/lot.ts";
import type { Standing } from "../../schemas/standing.ts";
import type { Known } from "./consensus.ts";
import { EXPERTS_TO_CONFIRM, inspectionSample } from "./inspection.ts";
import { peopleOf } from "./purchases.ts";
import { TEST_ANSWERS } from "./test-truth.ts";
import { lotPlanOf, TEST_DISAGREES } from "./wave-plan.ts";

/** Share of an audit's items that is known gold, so that its lots can be inspected and its people measured as ever. */
const GOLD = 0.03;

/**
 * Lots in which captured images get their blind answers, gold hidden among them. People alone answer: a model's word is no
 * truth about a model. Each image goes to a vendor once, so with fewer vendors than answers the experts see it instead.
 */
export function auditLots(
  about: { campaign: string; cycle: number; wave: number; day: string },
  agreement: Campaign,
  known: Known,
  standings: readonly Standing[],
  images: readonly string[],
): LotPlan[] {
  const gone = new Set(
    standings.filter((one) => one.annotator === undefined && one.standing !== "active").map((one) => one.vendor),
  );
  const vendors = peopleOf(agreement).filter(({ id }) => !gone.has(id));
  const seed = `${agreement.seed}/audit/${about.day}`;
  const item = (image: string, purpose: ItemToLabel["purpose"], copies: number): ItemToLabel => ({
    image,
    purpose,
    copies,
    uncertainty: 0,
    excludedVendors: [],
  });
  const items = images.flatMap((image) => {
    const missing = TEST_ANSWERS - (known.answers.get(image)?.length ?? 0);
    return missing > 0 && known.experts.get(image)?.truth === undefined ? [item(image, "audit", missing)] : [];
  });
  if (items.length === 0 || vendors.length === 0) return [];
  const truths = [...known.experts.values()].flatMap(({ kind, truth, image }) =>
    kind === "gold" && truth !== undefined ? [image] : [],
  );
  const gold = shuffled(truths, agreement.seed, seed, (image) => image).slice(0, Math.ceil(GOLD * items.length));
  const { lots } = cutLots({
    items: [...items, ...gold.map((image) => item(image, "gold", 1))],
    vendors: vendors.map(({ id, pricePerAnswer, capacityPerWave }) => ({
      id,
      pricePerAnswer,
      capacity: capacityPerWave,
    })),
    lotSize: agreement.labelling.lotSize,
    seed,
    labelVendors: Object.fromEntries([...known.answers].map(([image, told]) => [image, told.map((one) => one.vendor)])),
  });
  const { campaign, cycle, wave } = about;
  // What is sent to a live model is no series of one mix with what was admitted: its lots are isolated.
  return lots.map((cut, index) =>
    lotPlanOf(
      { campaign, cycle, wave },
      agreement,
      cut,
      "normal",
      // Named like any wave's: nobody shall try harder because a model is being judged.
      `${cycle}-${wave}-${String(index + 1).padStart(3, "0")}`,
      true,
    ),
  );
}

/** What an audit costs at most, about, in millionths: its answers, and experts for samples, disputes and thinly answered images. */
export function priceOfAudit(
  agreement: Campaign,
  known: Known,
  plans: readonly LotPlan[],
  images: readonly string[],
): number {
  const answers = plans.reduce((sum, plan) => sum + plan.items.length * plan.pricePerAnswerMicros, 0);
  const copies = new Map<string, number>();
  for (const { items } of plans) for (const { image } of items) copies.set(image, (copies.get(image) ?? 0) + 1);
  const seen = new Set(plans.flatMap((plan) => inspectionSample(plan, agreement).map(({ image }) => image)));
  for (const image of images) {
    const told = (known.answers.get(image)?.length ?? 0) + (copies.get(image) ?? 0);
    if (told < TEST_ANSWERS || rank(agreement.seed, "test-dispute", image) < TEST_DISAGREES) seen.add(image);
  }
  const asked = [...seen].filter((image) => known.experts.get(image)?.complete !== true).length;
  return answers + Math.ceil(EXPERTS_TO_CONFIRM * asked * Math.round(agreement.expertPricePerAnswer * 1e6));
}
