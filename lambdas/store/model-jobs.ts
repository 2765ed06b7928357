import { independentImages, leastImagesToProve } from "../../domain/gates/provable.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { DatasetVersion } from "../../schemas/dataset.ts";
import type { JobOrder, OptimisationOrder, ProcessingOrder } from "../../schemas/state.ts";
import { digestOf } from "./documents.ts";
import { folderOf, objectKeys } from "./keys.ts";

/** What the three jobs after a freeze work with. */
export interface Frozen {
  campaign: string;
  agreement: Campaign;
  dataset: DatasetVersion;
  datasetKey: string;
  truthKey: string;
  /** Folder of attributes.json and labels.json. */
  attributes: string;
  embeddingsKey: string;
  backbone: string;
  recipe: string;
  /** Prefix of the backbone's pretrained weights, and whether there are any others to learn from. */
  weights: string | undefined;
  otherWeights: boolean;
  championKey: string | undefined;
}

/** The jobs that make a model, find a smaller one, and prove it: each is named by the digest of all that it works with. */
export function modelJobs(frozen: Frozen): {
  training: JobOrder;
  optimisation: OptimisationOrder;
  evaluation: ProcessingOrder;
} {
  const { campaign, agreement, backbone, recipe } = frozen;
  const shards = { name: "shards", prefix: `${objectKeys.shards(campaign)}/` };
  const dataset = { name: "dataset", prefix: folderOf(frozen.datasetKey) };
  const channels = [
    dataset,
    { name: "embeddings", prefix: folderOf(frozen.embeddingsKey) },
    shards,
    ...(frozen.weights === undefined ? [] : [{ name: "pretrained", prefix: frozen.weights }]),
  ];
  const minutes = recipe === "auto" ? { minutes: agreement.training.minutes } : {};
  const order = digestOf({ channels, backbone, recipe, seed: agreement.seed, ...minutes });
  const outputPrefix = objectKeys.models(campaign);
  const training = {
    jobName: `${campaign}-train-${order.slice(0, 16)}`,
    outputPrefix,
    channels,
    backbone,
    recipe,
    ...minutes,
  };

  const { wanted, wished, reason } = variantsWanted(agreement, frozen.dataset);
  const inputs = [
    dataset,
    shards,
    ...(wished && frozen.otherWeights ? [{ name: "pretrained", prefix: objectKeys.weights("") }] : []),
  ];
  const wishes = optimiseArguments(agreement, wished);
  const optimisation = digestOf({ order, inputs, arguments: wishes });

  const judged = [
    { name: "truth", prefix: folderOf(frozen.truthKey) },
    shards,
    { name: "attributes", prefix: frozen.attributes },
    ...(frozen.championKey === undefined ? [] : [{ name: "champion", prefix: frozen.championKey }]),
  ];
  const corrupted = String(agreement.training.corruptedImages);
  const look = ["evaluate", "--corruptions", corrupted, ...(wanted ? [] : ["--not-optimised", reason])];
  const made = wanted ? optimisation : order;
  const evaluation = `${campaign}-eval-${digestOf({ order: made, inputs: judged, arguments: look }).slice(0, 16)}`;
  return {
    training,
    optimisation: wanted
      ? {
          wanted,
          reason,
          jobName: `${campaign}-opt-${optimisation.slice(0, 16)}`,
          outputPrefix,
          inputs,
          arguments: wishes,
        }
      : { wanted, reason },
    evaluation: {
      jobName: evaluation,
      outputPrefix: objectKeys.evaluation(campaign, evaluation),
      inputs: judged,
      arguments: look,
    },
  };
}

/** Whether variants compete: where the owner wished for something, or where a flawless one could be proven as good. */
function variantsWanted(
  { quality, training, gates }: Campaign,
  { items }: DatasetVersion,
): { wanted: boolean; wished: boolean; reason: string } {
  const wished = quality.latencyMs !== undefined || quality.modelMegabytes !== undefined;
  if (training.optimise === "off")
    return { wanted: false, wished, reason: "the agreement says so (training.optimise: off)" };
  const there = Math.floor(
    independentImages(items.filter(({ split }) => split === "validation").map(({ group }) => group)),
  );
  const least = leastImagesToProve(gates.margin);
  const points = (100 * gates.margin).toFixed(1);
  if (wished) return { wanted: true, wished, reason: "the agreement wishes for a latency or a size" };
  return there >= least
    ? { wanted: true, wished, reason: `${there} independent validation images can prove a loss below ${points} points` }
    : {
        wanted: false,
        wished,
        reason: `${there} independent validation images can't prove a loss below ${points} points; ${least} are needed, or a wish (quality.latencyMs, quality.modelMegabytes)`,
      };
}

/** The job has two hours, in which all that was made is compared as well. */
const LONGEST_MINUTES = 90;

/** Pruned copies and students take minutes to make: they compete where somebody wished for something. */
function optimiseArguments({ quality, training, gates }: Campaign, wished: boolean): string[] {
  const given = {
    margin: gates.margin,
    "accuracy-floor": quality.modelAccuracy,
    "latency-ms": quality.latencyMs,
    megabytes: quality.modelMegabytes,
    minutes: Math.min(training.minutes, LONGEST_MINUTES),
    epochs: wished ? 1 : 0,
  };
  const said = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
  return ["optimise", ...said];
}
