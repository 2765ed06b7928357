import { BadInputError } from "../lambdas/stage.ts";
import { folderFiles } from "../local/folder-files.ts";
import { existingFolder } from "../local/intake.ts";
import { forecast } from "../local/rehearsal/forecast.ts";
import { type Options, wholeNumber } from "./arguments.ts";
import { readCampaignFile } from "./campaign-file.ts";
import type { ProgressBar } from "./progress.ts";

/**
 * `simulate <campaign.yaml> [--images N] [--seeds N]`: price, calendar days, label quality and the test set's size with
 * intervals, by rehearsing the campaign's labelling with simulated vendors, before anybody is hired or paid.
 */
export async function simulate(path: string, options: Options, bar: ProgressBar): Promise<unknown> {
  const { agreement, images } = await readCampaignFile(path);
  const count =
    options.images === undefined && images !== undefined
      ? await filesIn(images)
      : wholeNumber("images", options.images, 20, 0);
  if (count < 20)
    throw new BadInputError(
      `a rehearsal needs at least 20 images, not ${count}; say how many with --images N, or add "images: <folder>" to ${path}`,
    );
  const seeds = wholeNumber("seeds", options.seeds, 2, 3);
  return forecast(agreement, {
    images: count,
    seeds,
    onRehearsal: (done, total) => bar.update({ step: "rehearsing", done, total }),
  });
}

async function filesIn(folder: string): Promise<number> {
  let count = 0;
  for await (const _file of folderFiles(await existingFolder(folder))) count += 1;
  return count;
}
