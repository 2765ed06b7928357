import { splitTrainValidation } from "../../domain/split/folds.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { DatasetItem, DatasetVersion, TestTruth } from "../../schemas/dataset.ts";
import type { Split } from "../../schemas/state.ts";
import type { ImageFit, Known } from "./consensus.ts";
import { digestOf } from "./documents.ts";

/**
 * Labelled images of the pool, gold among them: what experts agreed on, else the consensus of what people said, also where it is
 * still unsure: its soft label says so, and a training set without the hard images would be a biased one. An image that only a
 * model named is left out: nobody's answers could teach anything there but the model itself.
 */
function labelled(agreement: Campaign, split: Split, known: Known, { images }: ImageFit): Omit<DatasetItem, "split">[] {
  return images.flatMap(({ image, posterior, likelihood, answers, cannotTell }) => {
    const truth = known.experts.get(image)?.truth;
    if (truth === undefined && answers <= cannotTell) return [];
    const label = truth ?? agreement.classes[posterior.indexOf(Math.max(...posterior))];
    // Experts' word is certain; else what people said of it, without any model's prior.
    const soft = truth === undefined ? likelihood : agreement.classes.map((name) => (name === truth ? 1 : 0));
    return label === undefined ? [] : [{ sha256: image, group: split.groups[image] ?? image, label, soft }];
  });
}

/** The frozen version: follows from photos, answers and seed alone; no time and no order of arrival is in it. */
export function datasetVersionOf(
  campaign: string,
  agreement: Campaign,
  inputs: {
    split: Split;
    known: Known;
    fitted: ImageFit;
    shards: readonly string[];
    truth: TestTruth;
  },
): DatasetVersion {
  const { split, known, fitted, shards, truth } = inputs;
  const images = labelled(agreement, split, known, fitted);
  const sides = splitTrainValidation({ images, share: agreement.training.validationShare, seed: agreement.seed });
  const validation = new Set(sides.validation);
  const items = images
    .map((image): DatasetItem => ({ ...image, split: validation.has(image.sha256) ? "validation" : "train" }))
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  const present = new Set(items.map(({ label }) => label));
  const content: Omit<DatasetVersion, "version"> = {
    campaign,
    classes: agreement.classes,
    guidelineVersion: agreement.guideline.version,
    items,
    testSha256: digestOf(truth),
    counts: {
      train: sides.train.length,
      validation: sides.validation.length,
      test: truth.items.length,
      withheld: split.withheld.length,
    },
    emptyClasses: agreement.classes.filter((name) => !present.has(name)),
    shards: [...shards].sort(),
  };
  return { version: digestOf(content), ...content };
}
