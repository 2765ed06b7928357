import { type LevelChoice, type LotToInspect, levelByValue, MOST_GOLD } from "../../domain/acceptance/level.ts";
import { limitingQualityPlan } from "../../domain/acceptance/limiting-quality.ts";
import { stratifiedSample } from "../../domain/acceptance/strata.ts";
import { type SamplingPlan, samplingPlan } from "../../domain/acceptance/z14.ts";
import { shuffled } from "../../domain/split/rank.ts";
import type { AnswerValue } from "../../schemas/answer.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Lot, LotItem, LotPlan } from "../../schemas/lot.ts";

/** The plan a delivered lot is inspected by, and its sample. */
export interface Inspection {
  plan: SamplingPlan;
  /** Errors with an AQL of their own: judged by the sample's first `plan.n` items. */
  critical?: { plan: SamplingPlan; pairs: NonNullable<LotPlan["inspection"]["critical"]>["pairs"] };
  sample: (LotItem & { weight: number })[];
}

/** Risks of a limiting quality plan, and the items inspected at most for the producer's sake. */
const ISOLATED = { consumerRisk: 0.1, producerRisk: 0.1, most: 80 } as const;

/**
 * The sample of a lot's round: items in an order drawn from their images, the seed and the round. Lots that share images
 * so share sampled ones, and experts see each image once. With `answers` the sample is of what was answered, and no class
 * that somebody said is left out of it. A rework is sampled anew.
 */
export function inspectionOf(
  lot: Pick<Lot, "wave" | "round">,
  lotPlan: LotPlan,
  agreement: Pick<Campaign, "seed">,
  answers?: ReadonlyMap<string, AnswerValue>,
): Inspection {
  const { level, aql, critical, limitingQuality } = lotPlan.inspection;
  const items = lotPlan.items.filter(({ item }) => answers === undefined || answers.has(item));
  if (items.length === 0) return { plan: samplingPlan(1, level, aql, lotPlan.severity), sample: [] };
  const plan =
    limitingQuality !== undefined && lotPlan.isolated === true
      ? limitingQualityPlan(items.length, { limitingQuality, aql, ...ISOLATED })
      : samplingPlan(items.length, level, aql, lotPlan.severity);
  const order = goldFirst(
    lot,
    shuffled(items, agreement.seed, `inspection-${lot.round}`, ({ image }) => image),
    plan.n,
  );
  const said = ({ item }: LotItem) => {
    const value = answers?.get(item);
    return value === undefined ? "" : value.task === "class" ? `class ${value.label}` : value.task;
  };
  const main = stratifiedSample(order, said, plan.n).map(({ item, weight }) => ({ ...item, weight }));
  if (critical === undefined) return { plan, sample: main };
  const own = samplingPlan(items.length, level, critical.aql, lotPlan.severity);
  const drawn = new Set(main.map(({ item }) => item));
  const more = order.filter(({ item }) => !drawn.has(item)).slice(0, Math.max(0, own.n - main.length));
  return {
    plan,
    critical: { plan: own, pairs: critical.pairs },
    sample: [...main, ...more.map((item) => ({ ...item, weight: 1 }))],
  };
}

/** Experts for an image of which something is expected: one, and a second about so often. */
export const EXPERTS_TO_CONFIRM = 1.5;

/** The level of a lot as its value chooses it, and what inspecting it costs, about; where the agreement names one, that one. */
export function levelOf(
  { inspection, expertPricePerAnswer }: Pick<Campaign, "inspection" | "expertPricePerAnswer">,
  lot: LotToInspect,
): LevelChoice {
  const { level, aql, critical, limitingQuality } = inspection;
  return levelByValue(lot, {
    aql,
    expertsPerItem: EXPERTS_TO_CONFIRM,
    expertPrice: expertPricePerAnswer,
    promisesMore: critical !== undefined || limitingQuality !== undefined,
    ...(level === undefined ? {} : { agreed: level }),
  });
}

/** Why the value chose that level, in words. */
export function wordsForLevel({ level, plan, cost, value, isLeast }: LevelChoice): string {
  const share = value > 0 ? `${Math.round((100 * cost) / value)} %` : "more than all";
  return isLeast
    ? `no level costs at most a quarter of the lot's ${value.toFixed(2)}: ${level}, the least, takes ${plan.n} photos, about ${share}`
    : `the most careful level that costs at most a quarter of the lot's ${value.toFixed(2)}: about ${share}`;
}

/** How a full lot of people's answers will be inspected: `gold` of its images are gold. Prices are the vendors' mean. */
export function fullLot(
  agreement: Pick<Campaign, "inspection" | "expertPricePerAnswer" | "labelling" | "vendors">,
  gold = 0,
): LevelChoice {
  const prices = agreement.vendors.flatMap(({ kind, pricePerAnswer }) => (kind === "people" ? [pricePerAnswer] : []));
  const pricePerAnswer = prices.reduce((sum, price) => sum + price, 0) / Math.max(1, prices.length);
  return levelOf(agreement, { items: agreement.labelling.lotSize, gold, pricePerAnswer });
}

/** What inspecting a full lot costs for each of its answers, about, in the agreement's currency. */
export function inspectionPerAnswer(
  agreement: Pick<Campaign, "inspection" | "expertPricePerAnswer" | "labelling" | "vendors">,
): number {
  return fullLot(agreement).cost / agreement.labelling.lotSize;
}

/** The sample that a planned lot's first round will have, as far as that depends on no answer. */
export function inspectionSample(plan: LotPlan, agreement: Pick<Campaign, "seed">): LotItem[] {
  return inspectionOf({ wave: plan.wave, round: 1 }, plan, agreement).sample;
}

/**
 * Gold stands first, up to three quarters of the sample: drawn at random before anybody saw it, it is a random part of a
 * first wave's lot like any other, and its experts are asked and paid already. In later waves it would be easier than what
 * was bought for being unsure, and the order stays as it is.
 */
function goldFirst(lot: Pick<Lot, "wave">, order: readonly LotItem[], n: number): LotItem[] {
  if (lot.wave > 0) return [...order];
  const gold = order.filter(({ purpose }) => purpose === "gold").slice(0, Math.floor(MOST_GOLD * n));
  const first = new Set(gold.map(({ item }) => item));
  return [...gold, ...order.filter(({ item }) => !first.has(item))];
}

export const inspectionBatch = (lot: Lot) => `lot-${lot.lot}-${lot.round}`;
