import { type GoldTest, goldTestCourse } from "../annotators/gold-test.ts";

/** What a draw's gold is sized by. Prices are in the agreement's currency. */
export interface GoldTerms {
  /** Images outside the sealed test set that this draw places. */
  images: number;
  /** What one round of answers costs: each image that is not gold, and the test set's blind answers. */
  answersCost: number;
  /** Answers of that round. */
  answers: number;
  /** The vendors' prices per answer, people and models: each answers every gold image and is paid for it. */
  prices: readonly number[];
  /** Vendors whose answers are people's. */
  people: number;
  expertPrice: number;
  /** Error rates that the sequential gold test tells apart. */
  test: Pick<GoldTest, "p0" | "p1" | "alpha" | "beta">;
  /** Gold that earlier draws placed; it comes again in later waves and measures as well. */
  earlier: number;
  /** Items of a first lot's inspected sample that gold may stand in for, and about how many such lots of people there will be. */
  goldPerSample: number;
  lots: number;
}

/** Why there are so many: the first that holds, from the least up. */
export type GoldReason = "none" | "sequential-test" | "share-of-tasks" | "inspected-anyway" | "money" | "images";

export interface GoldSize {
  images: number;
  reason: GoldReason;
  /** Gold answers of one vendor at which the sequential test has decided, on average. */
  testNeeds: number;
  /** Gold images that experts would see as inspected items anyway. */
  inspectedAnyway: number;
  /** What two experts and all vendors' answers cost: one gold image, and all. */
  pricePerImage: number;
  cost: number;
  /** Part of the answers' cost that gold may cost beyond what it saves in inspection. */
  mostCost: number;
}

/** Part of what one round of answers costs that gold may cost, beyond gold that takes an inspected item's place. */
export const GOLD_COST_SHARE = 0.25;
/** Least share of a first round's tasks that is gold, so that nobody works long without any. */
const LEAST_TASK_SHARE = 0.02;
/** Most of the images that is ever gold. */
const MOST_SHARE = 0.05;

/**
 * How many images become gold: as many as knowing the vendors' skill needs (the sequential test's mean number of answers for
 * each vendor, at the worse of its two rates, and a fiftieth of all tasks), as many again as the experts would see as
 * inspected items anyway (a gold image stands in every vendor's lots and saves an inspected item in each), but no more than
 * a quarter of a first round's answers pays for unless it is inspected anyway, and never more than a twentieth of the images.
 * At least one where there are 20 images.
 */
export function goldSize(terms: GoldTerms): GoldSize {
  const { images, answersCost, answers, prices, people, expertPrice, earlier, goldPerSample, lots } = terms;
  const pricePerImage = 2 * expertPrice + prices.reduce((sum, price) => sum + price, 0);
  const mostCost = GOLD_COST_SHARE * answersCost;
  const testNeeds = Math.ceil(
    Math.max(...[terms.test.p0, terms.test.p1].map((rate) => goldTestCourse(terms.test, rate).meanAnswers)),
  );
  // A gold image costs two experts; it saves somebody's inspection in the lots of each vendor: with one vendor nothing.
  const inspectedAnyway = people < 2 ? 0 : Math.floor((goldPerSample * lots) / people);
  const forTest = Math.max(0, testNeeds - earlier);
  const forTasks = Math.max(0, Math.ceil((LEAST_TASK_SHARE * answers) / Math.max(1, people)) - earlier);
  const needed = Math.max(forTest, forTasks);
  const affordable = pricePerImage > 0 ? Math.floor(mostCost / pricePerImage + 1e-9) : needed;
  const most = Math.floor(MOST_SHARE * images + 1e-9);
  const wanted = Math.max(inspectedAnyway, Math.min(needed, affordable));
  const count = images < 20 ? 0 : Math.max(1, Math.min(most, wanted));
  const reason: GoldReason =
    count === 0
      ? "none"
      : wanted > most
        ? "images"
        : inspectedAnyway > Math.min(needed, affordable)
          ? "inspected-anyway"
          : affordable < needed
            ? "money"
            : forTest >= forTasks
              ? "sequential-test"
              : "share-of-tasks";
  return {
    images: count,
    reason,
    testNeeds,
    inspectedAnyway,
    pricePerImage,
    cost: count * pricePerImage,
    mostCost,
  };
}
