import { type CutLot, cutLots, type ItemToLabel } from "../../domain/planner/lots.ts";
import { rank, shuffled } from "../../domain/split/rank.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { LotPlan } from "../../schemas/lot.ts";
import { digestOf } from "./documents.ts";
import { EXPERTS_TO_CONFIRM, fullLot, inspectionSample, levelOf } from "./inspection.ts";
import type { SuspectLabel } from "./label-suspects.ts";
import type { Labels } from "./labels.ts";
import { peopleOf } from "./purchases.ts";
import { TEST_ANSWERS } from "./test-truth.ts";

/** Share of a later wave's items that is gold, so that every lot carries some. */
const GOLD_IN_WAVE = 0.03;
/** Asked for more where the test set can't grow: a tenth of the pool, the least certain. */
const MORE_SHARE = 0.1;

/** Share of the images whose first answer comes with a second one, for no reason but chance: what vendors are compared by. */
const OVERLAP = 0.05;

/**
 * What the wave should get: each image with its purpose and the number of fresh answers. `start`: the only pool images that
 * get any, where the first wave takes but a part. `suspects` go blind to a vendor that has not labelled them; where its
 * answer differs, the image becomes unsure and is worth a third one.
 */
export function itemsToLabel(
  labels: Labels,
  wave: number,
  asked: boolean,
  start?: ReadonlySet<string>,
  suspects: readonly SuspectLabel[] = [],
): ItemToLabel[] {
  const { agreement, split, known, fitted, purchases, pending } = labels;
  const doubt = new Map(fitted.images.map(({ image, posterior }) => [image, 1 - Math.max(...posterior)]));
  const item = (image: string, purpose: ItemToLabel["purpose"], copies: number): ItemToLabel => ({
    image,
    purpose,
    copies,
    uncertainty: doubt.get(image) ?? 0,
    excludedVendors: [],
  });
  const items: ItemToLabel[] = [];
  const wanted = asked
    ? leastCertain(labels, doubt)
    : new Map(purchases.images.map((image, i) => [image, purchases.plan.buy[i] ?? 0]));
  for (const [image, copies] of wanted) {
    if (start !== undefined && !start.has(image)) continue;
    // Where no answer of people is asked for every image, they wait for what the models say.
    if (waitsForModels(labels, wave) && !known.models.has(image)) continue;
    const isLone = copies === 1 && !known.answers.has(image) && !pending.has(image);
    if (isLone && rank(agreement.seed, "overlap", image) < OVERLAP) items.push(item(image, "overlap", 2));
    else if (copies > 0) items.push(item(image, "label", copies));
  }
  const there = new Set(items.map(({ image }) => image));
  for (const { image, excludedVendors } of suspects) {
    if (there.has(image)) continue;
    there.add(image);
    items.push({ ...item(image, "label", 1), excludedVendors });
  }
  for (const image of split.test) {
    const missing = TEST_ANSWERS - (known.answers.get(image)?.length ?? 0) - (pending.get(image) ?? 0);
    // Experts have decided it already: more answers would change nothing.
    if (missing > 0 && known.experts.get(image)?.truth === undefined) items.push(item(image, "test", missing));
  }
  if (items.length === 0) return [];
  return [...items, ...goldOf(labels, wave, items.length).map(({ image, copies }) => item(image, "gold", copies))];
}

/** Fresh gold goes to every vendor; known gold comes again, a random few per wave. */
function goldOf(
  { agreement, split, known }: Labels,
  wave: number,
  others: number,
): { image: string; copies: number }[] {
  const fresh = split.gold.filter((image) => !known.answers.has(image) && known.experts.get(image)?.complete !== true);
  const truths = split.gold.filter((image) => known.experts.get(image)?.truth !== undefined);
  const again = shuffled(truths, agreement.seed, `gold-${wave}`, (image) => image).slice(
    0,
    Math.ceil(GOLD_IN_WAVE * others),
  );
  return [
    ...fresh.map((image) => ({ image, copies: peopleOf(agreement).length })),
    ...again.map((image) => ({ image, copies: 1 })),
  ];
}

/** Items of a model's lot: nobody's sitting, so as large as lots are, for inspecting a small one costs as much. */
const MODEL_LOT = 500;

/** The vendors that sell a model's answers and that nobody barred. */
const modelsOf = ({ agreement, barred }: Pick<Labels, "agreement" | "barred">) =>
  agreement.vendors.filter(({ id, kind }) => kind === "model" && !barred.has(id));

const waitsForModels = (labels: Labels, wave: number) =>
  wave === 0 && labels.agreement.labelling.minAnswers === 0 && modelsOf(labels).length > 0;

/**
 * What the first wave asks of models: each once for every pool image that it has not answered, and for gold, by which it is
 * judged. A second answer of the same model would tell nothing. The test set's truth comes from people alone.
 */
function itemsForModels(labels: Labels, wave: number): ItemToLabel[] {
  const { split, known } = labels;
  const models = modelsOf(labels);
  if (wave > 0 || models.length === 0) return [];
  const of = (image: string, purpose: ItemToLabel["purpose"]): ItemToLabel[] => {
    const excludedVendors = (known.models.get(image) ?? []).map(({ vendor }) => vendor);
    const copies = models.filter(({ id }) => !excludedVendors.includes(id)).length;
    return copies === 0 ? [] : [{ image, purpose, copies, uncertainty: 0, excludedVendors }];
  };
  const items = split.pool
    .filter((image) => known.experts.get(image)?.truth === undefined)
    .flatMap((image) => of(image, "label"));
  return items.length === 0 ? [] : [...items, ...split.gold.flatMap((image) => of(image, "gold"))];
}

function leastCertain(
  { agreement, split, known, purchases }: Labels,
  doubt: ReadonlyMap<string, number>,
): Map<string, number> {
  const answersOf = (image: string) => known.answers.get(image)?.length ?? 0;
  const open = purchases.images.filter((image) => answersOf(image) < agreement.labelling.maxAnswers);
  const ordered = open.sort((a, b) => (doubt.get(b) ?? 0) - (doubt.get(a) ?? 0) || (a < b ? -1 : 1));
  return new Map(ordered.slice(0, Math.ceil(MORE_SHARE * split.pool.length)).map((image) => [image, 1]));
}

/** Cuts the wave's items into lots: plans with deterministic names and opaque items. */
export function lotPlansOf(
  about: { campaign: string; cycle: number; wave: number },
  labels: Labels,
  items: readonly ItemToLabel[],
): LotPlan[] {
  const { agreement, known, absent, barred, inspections } = labels;
  const { labelling, seed } = agreement;
  const hired = peopleOf(agreement).filter(({ id }) => !barred.has(id));
  const present = hired.filter(({ id }) => !absent.has(id));
  // Rather a vendor that failed before than nobody; but whom a person barred gets nothing.
  const vendors = present.length > 0 ? present : hired;
  const labelVendors: Record<string, string[]> = {};
  for (const [image, answers] of known.answers) labelVendors[image] = [...new Set(answers.map(({ vendor }) => vendor))];
  // In the first wave every vendor gets its gold and its part; later a lot should be worth at least its own inspection.
  const leastLot = about.wave > 0 ? Math.min(labelling.lotSize, leastWorthwhile(agreement)) : 0;
  const cut = (wanted: readonly ItemToLabel[], from: Campaign["vendors"], lotSize: number) =>
    cutLots({
      leastLot,
      items: wanted,
      vendors: from.map(({ id, pricePerAnswer, capacityPerWave }) => ({
        id,
        pricePerAnswer,
        capacity: capacityPerWave,
      })),
      lotSize,
      seed: `${seed}/${about.cycle}/${about.wave}`,
      labelVendors,
    }).lots;
  const lots = [
    ...cut(items, vendors, labelling.lotSize),
    ...cut(itemsForModels(labels, about.wave), modelsOf(labels), MODEL_LOT),
  ];
  const isolated = about.wave > 0 && isChosen(labels, items);
  return lots.map((cut, index) =>
    lotPlanOf(
      about,
      agreement,
      cut,
      inspections.get(cut.vendor)?.severity ?? "normal",
      `${about.cycle}-${about.wave}-${String(index + 1).padStart(3, "0")}`,
      isolated,
    ),
  );
}

/** Answers that cost as much as inspecting a full lot of a later wave. */
function leastWorthwhile(agreement: Campaign): number {
  const { cost, value } = fullLot(agreement);
  return value > 0 ? Math.ceil((cost / value) * agreement.labelling.lotSize) : 0;
}

/** A wave that asks for less than half of the pool asks for what is unsure: its lots belong to no series of one mix. */
function isChosen({ split }: Labels, items: readonly ItemToLabel[]): boolean {
  const asked = items.filter(({ purpose }) => purpose === "label" || purpose === "overlap").length;
  return asked < split.pool.length / 2;
}

/** One lot's plan: opaque items, its vendor's price, and the agreement's terms. */
export function lotPlanOf(
  about: { campaign: string; cycle: number; wave: number },
  agreement: Campaign,
  cut: CutLot,
  severity: LotPlan["severity"],
  lot: string,
  isolated: boolean,
): LotPlan {
  const price = agreement.vendors.find(({ id }) => id === cut.vendor)?.pricePerAnswer ?? 0;
  const { labelling, seed, guideline, inspection } = agreement;
  // Later waves' samples are drawn without regard to gold: it would be easier than what was bought for being unsure.
  const gold = about.wave > 0 ? 0 : cut.items.filter(({ purpose }) => purpose === "gold").length;
  const { level } = levelOf(agreement, { items: cut.items.length, gold, pricePerAnswer: price });
  return {
    ...about,
    lot,
    vendor: cut.vendor,
    pricePerAnswerMicros: Math.round(price * 1e6),
    guidelineVersion: guideline.version,
    classSet: digestOf(agreement.classes),
    items: cut.items.map(({ image, purpose }) => ({
      item: `i${digestOf({ campaign: about.campaign, seed, lot, image }).slice(0, 20)}`,
      image,
      purpose,
    })),
    inspection: { ...inspection, level },
    severity,
    ...(isolated ? { isolated } : {}),
    deadlineSeconds: Math.round(labelling.lotDeadlineHours * 3600),
    reviewSeconds: Math.round(labelling.reviewDeadlineHours * 3600),
  };
}

/** Share of the test images on which three answers differ, as reserved before anything is known. */
export const TEST_DISAGREES = 0.35;

/**
 * What the wave will cost at most, about: its answers, two experts for fresh gold, and one, or a second too, for each
 * inspected or audited image not yet seen by them and for the share of its test images that will be disputed.
 */
export function priceOfWave(
  labels: Labels,
  plans: readonly LotPlan[],
  items: readonly ItemToLabel[],
  audits: readonly string[],
): number {
  const { agreement, known } = labels;
  const answers = plans.reduce((sum, plan) => sum + plan.items.length * plan.pricePerAnswerMicros, 0);
  const isNew = (image: string) => known.experts.get(image)?.complete !== true;
  const gold = new Set(items.filter(({ purpose, image }) => purpose === "gold" && isNew(image)).map((i) => i.image));
  const confirmed = new Set(audits);
  for (const plan of plans) {
    for (const { image } of inspectionSample(plan, agreement)) if (isNew(image)) confirmed.add(image);
  }
  for (const { image, purpose } of items) {
    if (purpose === "test" && isNew(image) && rank(agreement.seed, "test-dispute", image) < TEST_DISAGREES)
      confirmed.add(image);
  }
  for (const image of gold) confirmed.delete(image);
  const experts = 2 * gold.size + EXPERTS_TO_CONFIRM * confirmed.size;
  return answers + Math.ceil(experts * Math.round(agreement.expertPricePerAnswer * 1e6));
}
