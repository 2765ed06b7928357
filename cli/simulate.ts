import { BadInputError } from "../lambdas/stage.ts";
import { folderFiles } from "../local/folder-files.ts";
import { existingFolder } from "../local/intake.ts";
import { type Forecast, forecast } from "../local/rehearsal/forecast.ts";
import type { Campaign } from "../schemas/campaign.ts";
import { type Options, wholeNumber } from "./arguments.ts";
import { readCampaignFile } from "./campaign-file.ts";
import type { ProgressBar } from "./progress.ts";

/**
 * `simulate <campaign.yaml> [--images N] [--seeds N]`: price, calendar days, label quality and the test set's size with
 * intervals, by rehearsing the campaign's labelling with simulated vendors, before anybody is hired or paid.
 */
export async function simulate(path: string, options: Options, bar: ProgressBar): Promise<unknown> {
  const { agreement, images: count } = await imagesOf(path, options);
  const seeds = wholeNumber("seeds", options.seeds, 2, 3);
  return forecast(agreement, {
    images: count,
    seeds,
    onRehearsal: (done, total) => bar.update({ step: "rehearsing", done, total }),
  });
}

/** The agreement, and how many images it will be about: as said, else as many files as its folder holds. */
async function imagesOf(path: string, options: Options): Promise<{ agreement: Campaign; images: number }> {
  const { agreement, images } = await readCampaignFile(path);
  const count =
    options.images === undefined && images !== undefined
      ? await filesIn(images)
      : wholeNumber("images", options.images, 20, 0);
  if (count < 20)
    throw new BadInputError(
      `a rehearsal needs at least 20 images, not ${count}; say how many with --images N, or add "images: <folder>" to ${path}`,
    );
  return { agreement, images: count };
}

/** Images of each of a preview's rehearsals, and how many: a few seconds each. Smaller ones buy more for each image. */
const PREVIEWED = 600;
const PREVIEWS = 4;

/** What `preview` says before a campaign begins. Amounts in the agreement's currency; intervals are of 95 %. */
interface Preview {
  images: number;
  currency: string;
  price: Forecast["cost"];
  budget: { cap: number; fits: boolean; says: string };
  calendarDays: Forecast["days"];
  labelAccuracy: Forecast["labelAccuracy"];
  answersPerImage: Forecast["answersPerImage"];
  /** Accuracy that was assumed of a model made of the labels as they are bought. */
  assumedModel: Forecast["assumedModel"] | null;
  /** The sealed test as drawn, what it can tell, and the images that the wanted margin would need. */
  testSet: Forecast["test"] & { margin: number };
  fixed: Forecast["fixed"];
  /** How many images become gold and how a full first lot is inspected, with what either costs and why. */
  gold: Forecast["gold"];
  inspection: Forecast["inspection"];
}

/** A cap that no campaign reaches: what would be needed is told from rehearsals under it. In the agreement's currency. */
const NO_CAP = 1e9;

/**
 * `preview <campaign.yaml> [--images N]`: price, calendar days, expected label quality, and whether the test set can tell
 * the wanted margin, from four short rehearsals. Where they do not stay within the budget, the same are rehearsed again
 * without a cap: price, days and quality are then of the whole campaign, and `budget` says what becomes of it at its cap.
 */
export async function preview(path: string, options: Options, bar: ProgressBar): Promise<Preview> {
  const { agreement, images } = await imagesOf(path, options);
  const { budget, currency, gates } = agreement;
  const under = (cap: number, step: string) =>
    forecast(
      { ...agreement, budget: cap },
      {
        images,
        seeds: PREVIEWS,
        rehearsed: PREVIEWED,
        onRehearsal: (done, total) => bar.update({ step, done, total }),
      },
    );
  const capped = await under(budget, "rehearsing");
  const fits = capped.cost.value <= budget && !capped.overBudget;
  const found = fits ? capped : await under(NO_CAP, "rehearsing without a cap");
  return {
    images,
    currency,
    price: found.cost,
    budget: {
      cap: budget,
      fits,
      says: fits
        ? `about ${found.cost.value.toFixed(0)} of ${budget} ${currency}`
        : `about ${Math.ceil(found.cost.value)} ${currency} would be needed, and nothing is bought beyond ${budget}: ${atTheCap(capped)}; raise the budget, ask for fewer answers, or bring fewer images`,
    },
    calendarDays: found.days,
    labelAccuracy: found.labelAccuracy,
    answersPerImage: found.answersPerImage,
    assumedModel: found.assumedModel ?? null,
    testSet: { ...found.test, margin: gates.margin },
    fixed: found.fixed,
    gold: found.gold,
    inspection: found.inspection,
  };
}

/** What a campaign comes to that ends at its cap. */
function atTheCap({ answersPerImage, labelAccuracy }: Forecast): string {
  if (answersPerImage.value === 0) return "it does not pay for the first lots, and not one answer would be bought";
  return `it would end there with ${answersPerImage.value.toFixed(2)} answers an image and ${(100 * labelAccuracy.value).toFixed(0)} % of the labels right`;
}

async function filesIn(folder: string): Promise<number> {
  let count = 0;
  for await (const _file of folderFiles(await existingFolder(folder))) count += 1;
  return count;
}
