import { MOST_GOLD } from "../../domain/acceptance/level.ts";
import { chance } from "../../domain/chance.ts";
import { wilson } from "../../domain/intervals.ts";
import { goldDecision } from "../../lambdas/store/gold-draw.ts";
import { fullLot, levelOf, wordsForLevel } from "../../lambdas/store/inspection.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { hiredFor } from "../people/hired.ts";
import type { Tempo } from "../people/people.ts";
import { type Pool, says } from "../people/pool.ts";
import { assumedAccuracy, madeFeatures } from "./made-features.ts";
import { type Rehearsal, rehearse } from "./rehearse.ts";
import { pictures } from "./scenery.ts";

/** A mean over rehearsals, and where one campaign will lie: 95 % prediction interval (Student's t). */
export interface Spread {
  value: number;
  low: number;
  high: number;
}

/** What a campaign will probably cost, take and be worth: before money is spent. */
export interface Forecast {
  images: number;
  /** Images of each rehearsal; costs are scaled up from them, days are not. */
  rehearsed: number;
  seeds: number;
  currency: string;
  cost: Spread;
  answersPerImage: Spread;
  /** Share of right labels in the training data. */
  labelAccuracy: Spread;
  days: Spread;
  overBudget: boolean;
  /** Accuracy that the rehearsals assumed of a model made of the labels bought: it saves answers. undefined: no model took part. */
  assumedModel?: { low: number; high: number };
  /** Images of the sealed test, and the half width of the 95 % interval that they give a model which is right 90 % of the time. */
  test: { images: number; halfWidth: number; imagesForMargin: number };
  /** The same pool with k answers for every image and a majority vote; experts, gold and test set cost the same. */
  fixed: { answers: number; labelAccuracy: number; cost: number }[];
  /** Images whose truth two experts give in hiding, what they cost, and why there are so many. */
  gold: { images: number; cost: number; because: string };
  /** How a full first lot is inspected: what its answers cost, what its experts do, and what still passes one time in ten. */
  inspection: {
    level: string;
    sample: number;
    acceptanceNumber: number;
    lotCost: number;
    cost: number;
    passesOneInTen: number;
    because: string;
  };
}

const MOST_REHEARSED = 1000;
const KS = [1, 3, 5, 7, 9];
/** Student's t at .975 for 1 to 9 degrees of freedom. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Rehearses with 2 to 10 seeds. Throws RangeError for other numbers of seeds or fewer than 20 images. */
export async function forecast(
  agreement: Campaign,
  options: {
    images: number;
    seeds?: number;
    /** Images of each rehearsal at most; 1000 where left out. */
    rehearsed?: number;
    pool?: (seed: number) => Pool;
    tempo?: (vendor: string) => Tempo;
    onRehearsal?: (done: number, of: number) => void;
  },
): Promise<Forecast> {
  const seeds = options.seeds ?? 3;
  if (!Number.isInteger(seeds) || seeds < 2 || seeds > 10)
    throw new RangeError(`${seeds} seeds: expected a whole number from 2 to 10`);
  if (!Number.isInteger(options.images) || options.images < 20)
    throw new RangeError(`${options.images} images: expected a whole number from 20`);
  const rehearsed = Math.min(options.images, options.rehearsed ?? MOST_REHEARSED);
  const scale = options.images / rehearsed;
  const poolOf = options.pool ?? ((seed: number) => hiredFor(agreement, seed));
  const gold = goldDecision(agreement, options.images);
  // The rehearsed part gets the same part of the budget, and of the images as gold.
  const part: Campaign = {
    ...agreement,
    budget: Math.floor((agreement.budget / scale) * 1e6) / 1e6,
    labelling: { ...agreement.labelling, goldShare: gold.share },
  };
  const labels = (1 - agreement.training.testShare) * options.images;
  const learns = rehearsed >= IMAGES_PER_CLASS * agreement.classes.length;
  const plays: Rehearsal[] = [];
  const assumed: number[] = [];
  for (let i = 0; i < seeds; i += 1) {
    const seed = agreement.seed * 1000 + i;
    const shown = pictures(rehearsed, agreement.classes, seed * rehearsed);
    const accuracy = assumedAccuracy(labels, agreement.classes.length, seed);
    if (learns) assumed.push(accuracy);
    const embeddings = learns ? await madeFeatures(shown, agreement.classes, accuracy, seed) : undefined;
    plays.push(
      await rehearse(part, {
        images: { pictures: shown, ...(embeddings === undefined ? {} : { embeddings }) },
        seed,
        pool: poolOf(seed),
        ...(options.tempo === undefined ? {} : { tempo: options.tempo }),
      }),
    );
    options.onRehearsal?.(i + 1, seeds);
  }
  const costs = plays.map((play) => costAtSize(agreement, play, scale));
  const testImages = Math.round(agreement.training.testShare * options.images);
  return {
    images: options.images,
    rehearsed,
    seeds,
    currency: agreement.currency,
    cost: spread(costs.map(({ answers, experts }) => answers + experts)),
    answersPerImage: spread(plays.map(({ answersPerImage }) => answersPerImage)),
    labelAccuracy: spread(
      plays.map(({ accuracy }) => accuracy),
      0,
      1,
    ),
    days: spread(plays.map(({ days }) => days)),
    overBudget: plays.some(({ overBudget }) => overBudget),
    ...(learns ? { assumedModel: { low: Math.min(...assumed), high: Math.max(...assumed) } } : {}),
    test: { images: testImages, halfWidth: halfWidth(testImages), imagesForMargin: imagesFor(agreement.gates.margin) },
    gold: { images: gold.images, cost: exact(gold.cost), because: gold.because },
    inspection: inspectionOfFullLot(agreement, gold.images),
    fixed: KS.map((answers) =>
      fixedArm(agreement, plays, costs, poolOf, { answers, rehearsed, scale, goldShare: gold.share }),
    ),
  };
}

function spread(values: readonly number[], least = 0, most = Number.POSITIVE_INFINITY): Spread {
  const n = values.length;
  const value = values.reduce((sum, v) => sum + v, 0) / n;
  const variance = values.reduce((sum, v) => sum + (v - value) ** 2, 0) / (n - 1);
  const half = (T[n - 2] as number) * Math.sqrt(variance * (1 + 1 / n));
  return { value, low: Math.max(least, value - half), high: Math.min(most, value + half) };
}

/** With fewer rehearsed images per class no model can learn anything in a rehearsal, and none takes part. */
const IMAGES_PER_CLASS = 8;

/**
 * A rehearsal's money at the campaign's own size. Everything grows with the images but the inspected samples: they grow with
 * the number of lots, which are larger in the whole campaign, and by a standard's steps with the lots' sizes.
 */
function costAtSize(agreement: Campaign, play: Rehearsal, scale: number): { answers: number; experts: number } {
  const { labelling, vendors, expertPricePerAnswer } = agreement;
  /** Items of a lot's sample that are not gold, whose experts are paid already. */
  const fresh = (vendor: string, wave: number, items: number, gold: number) => {
    const pricePerAnswer = vendors.find(({ id }) => id === vendor)?.pricePerAnswer ?? 0;
    const known = wave > 0 ? 0 : gold;
    const { plan } = levelOf(agreement, { items: Math.max(1, Math.round(items)), gold: known, pricePerAnswer });
    return Math.min(plan.n, items) - Math.min(Math.floor(MOST_GOLD * plan.n), known);
  };
  let [rehearsed, whole] = [0, 0];
  for (const lots of Map.groupBy(play.lots, ({ wave, vendor }) => `${wave} ${vendor}`).values()) {
    const [items, gold] = [sum(lots.map((lot) => lot.items)) * scale, sum(lots.map((lot) => lot.gold)) * scale];
    const [vendor, wave] = [lots[0]?.vendor ?? "", lots[0]?.wave ?? 0];
    const count = Math.max(1, Math.ceil(items / labelling.lotSize));
    for (const lot of lots) rehearsed += fresh(vendor, wave, lot.items, lot.gold);
    whole += count * fresh(vendor, wave, items / count, gold / count);
  }
  const { inspection: sampled, ...others } = play.expertAnswers;
  const inspected = sampled * (rehearsed > 0 ? whole / rehearsed : scale);
  const experts = expertPricePerAnswer * (inspected + scale * sum(Object.values(others)));
  return { answers: scale * (play.cost - play.costOf.experts), experts };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** A full lot of the first wave with its part of the gold. */
function inspectionOfFullLot(agreement: Campaign, gold: number): Forecast["inspection"] {
  const choice = fullLot(agreement, gold);
  const { level, plan, value, cost, passesOneInTen } = choice;
  const because = agreement.inspection.level === undefined ? wordsForLevel(choice) : "the agreement names the level";
  const sample = { sample: plan.n, acceptanceNumber: plan.ac };
  return { level, ...sample, lotCost: exact(value), cost: exact(cost), passesOneInTen, because };
}

/** To a millionth, as the ledger counts. */
const exact = (amount: number) => Math.round(amount * 1e6) / 1e6;

function halfWidth(n: number): number {
  const { low, high } = wilson(Math.round(0.9 * n), n);
  return (high - low) / 2;
}

/** Test images at which the interval of a model that is right 90 % of the time is at most +- margin. */
function imagesFor(margin: number): number {
  let n = 10;
  while (halfWidth(n) > margin) n = Math.ceil(n * 1.05);
  return n;
}

/** k answers for each image by people of the pool drawn at random, the commonest one taken, ties at random. */
function fixedArm(
  agreement: Campaign,
  plays: readonly Rehearsal[],
  costs: readonly { answers: number; experts: number }[],
  poolOf: (seed: number) => Pool,
  { answers, rehearsed, scale, goldShare }: { answers: number; rehearsed: number; scale: number; goldShare: number },
): Forecast["fixed"][number] {
  const { classes, vendors } = agreement;
  let right = 0;
  let cost = 0;
  plays.forEach(({ answersPerImage }, i) => {
    const seed = agreement.seed * 1000 + i;
    const hired = vendors.filter(({ kind }) => kind === "people");
    const people = hired.flatMap(({ id }) => poolOf(seed).annotators(id));
    for (const { sha256: image, label } of pictures(rehearsed, classes, seed * rehearsed)) {
      const draw = chance(`${seed}/fixed/${image}`);
      const counts = new Map<string, number>();
      for (const person of draw.sample(people, answers)) {
        const said = says(person, { seed, image, label, revision: 1, classes });
        if (said.task === "class") counts.set(said.label, (counts.get(said.label) ?? 0) + 1);
      }
      const top = Math.max(...counts.values());
      const tied = [...counts].filter(([, count]) => count === top).map(([name]) => name);
      if (tied[draw.below(tied.length)] === label) right += 1;
    }
    const price = sum(hired.map(({ pricePerAnswer }) => pricePerAnswer)) / hired.length;
    const pool = scale * rehearsed * (1 - agreement.training.testShare - goldShare);
    const ours = costs[i] ?? { answers: 0, experts: 0 };
    cost += ours.experts + Math.max(0, ours.answers - answersPerImage * pool * price) + answers * pool * price;
  });
  return { answers, labelAccuracy: right / (rehearsed * plays.length), cost: cost / plays.length };
}
