import { MOST_GOLD } from "../../domain/acceptance/level.ts";
import { ratesFor } from "../../domain/annotators/gold-test.ts";
import { type GoldSize, goldSize } from "../../domain/planner/gold-size.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { levelOf } from "./inspection.ts";
import { peopleOf } from "./purchases.ts";
import { TEST_ANSWERS } from "./test-truth.ts";

type Terms = Pick<
  Campaign,
  "labelling" | "training" | "inspection" | "vendors" | "expertPricePerAnswer" | "budget" | "currency"
>;

/** How many of the newcomers become gold, and why; in the agreement's currency. */
export interface GoldDecision extends Omit<GoldSize, "reason"> {
  reason: GoldSize["reason"] | "agreed";
  /** The share of the newcomers that is drawn: the agreement's own where it names one. */
  share: number;
  because: string;
}

/**
 * Sizes the gold of a draw to the money at stake, or takes the agreement's share. `newcomers`: images that the draw places;
 * `earlier`: gold that earlier draws placed.
 */
export function goldDecision(agreement: Terms, newcomers: number, earlier = 0): GoldDecision {
  const { labelling, training, budget } = agreement;
  const people = peopleOf(agreement);
  const test = Math.round(training.testShare * newcomers);
  const pool = newcomers - test;
  const labels = pool * Math.max(1, labelling.minAnswers) * labelling.startShare;
  const answers = Math.round(labels) + TEST_ANSWERS * test;
  const mean = sum(people.map(({ pricePerAnswer }) => pricePerAnswer)) / Math.max(1, people.length);
  const models = sum(agreement.vendors.filter(({ kind }) => kind === "model").map((one) => one.pricePerAnswer));
  const lots = Math.max(people.length, Math.ceil(answers / labelling.lotSize));
  const items = Math.max(1, Math.round(answers / lots));
  const { plan } = levelOf(agreement, { items, gold: items, pricePerAnswer: mean });
  const size = goldSize({
    images: newcomers,
    answers,
    answersCost: Math.min(budget, answers * mean + pool * models),
    prices: agreement.vendors.map(({ pricePerAnswer }) => pricePerAnswer),
    people: people.length,
    expertPrice: agreement.expertPricePerAnswer,
    test: { ...ratesFor(agreement.inspection.aql / 100), alpha: 0.05, beta: 0.05 },
    earlier,
    goldPerSample: Math.floor(MOST_GOLD * plan.n),
    lots,
  });
  const { goldShare } = labelling;
  if (goldShare === undefined) {
    const share = newcomers === 0 ? 0 : size.images / newcomers;
    return { ...size, share, because: wordsFor(size, agreement, people.length) };
  }
  const images = newcomers < 20 || goldShare === 0 ? 0 : Math.max(1, Math.floor(goldShare * newcomers + 1e-9));
  const because = `the agreement names a share of ${percent(goldShare)} of the images`;
  return { ...size, images, cost: images * size.pricePerImage, reason: "agreed", share: goldShare, because };
}

function wordsFor(size: GoldSize, { currency }: Terms, vendors: number): string {
  const { reason, testNeeds, mostCost, pricePerImage } = size;
  const money = (amount: number) => `${amount.toFixed(2)} ${currency}`;
  const each = `each costs ${money(pricePerImage)}: two experts and an answer of every vendor`;
  switch (reason) {
    case "none":
      return "fewer than 20 images: no gold";
    case "sequential-test":
      return `the sequential test needs about ${testNeeds} gold answers of a vendor to tell good work from bad; ${each}`;
    case "share-of-tasks":
      return `a fiftieth of the first round's tasks is gold; ${each}`;
    case "inspected-anyway":
      return `so many take the place of inspected photos in ${vendors} vendors' lots, which experts would see anyway; ${each}`;
    case "money":
      return `a quarter of what the first round of answers costs (${money(mostCost)}) pays for no more; the sequential test would like ${testNeeds} answers of a vendor; ${each}`;
    case "images":
      return `no more than a twentieth of the images is gold; ${each}`;
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
