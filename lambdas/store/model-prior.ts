import { z } from "zod";
import { learningPoints } from "../../domain/model-prior/learning-points.ts";
import { outOfFold } from "../../domain/model-prior/out-of-fold.ts";
import type { CurvePoint } from "../../domain/planner/learning-curve.ts";
import { Probability, Sha256 } from "../../schemas/names.ts";
import type { Split } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import type { ImageFit } from "./consensus.ts";
import { readDocument, writeDocument } from "./documents.ts";
import { readEmbeddings } from "./embeddings.ts";
import { objectKeys } from "./keys.ts";

/** What a model made of the labels bought before a wave says of each image outside the test set; written once per wave. */
const ModelPrior = z.strictObject({
  campaign: z.string(),
  cycle: z.int().min(1),
  wave: z.int().min(0),
  backbone: z.string(),
  classes: z.array(z.string()),
  /** Images that taught, the ridge strength that held-out labels chose, and their mean cross-entropy in nats. */
  labelled: z.int(),
  strength: z.number(),
  logLoss: z.number(),
  /** Accuracy of heads that learned from a part of the labels: says whether more of them would help. */
  curve: z.array(z.strictObject({ labelled: z.int(), accuracy: Probability, heldOut: z.int() })),
  images: z.array(z.strictObject({ image: Sha256, probabilities: z.array(Probability) })),
});
type ModelPrior = z.infer<typeof ModelPrior>;

/** Out-of-fold class probabilities by image, not yet scaled. */
export type PriorProbabilities = ReadonlyMap<string, readonly number[]>;

export interface Prior {
  probabilities: PriorProbabilities;
  curve: readonly CurvePoint[];
}

/** Digits that are kept: the document stays small and is the same on every machine. */
const DIGITS = 1e6;

/**
 * Fits and writes the prior of a wave, unless it stands there: features of the embedding job, labels that people were paid
 * for (never a model's word), each image judged by heads that saw nothing of its duplicate group. The test set takes no
 * part. Nothing is written where there are no embeddings or too few labels.
 */
export async function makePrior(
  ports: Pick<Ports, "objects">,
  about: { campaign: string; cycle: number; wave: number; embeddingsKey: string; seed: number },
  split: Pick<Split, "groups" | "classes">,
  { images, truths }: Pick<ImageFit, "images" | "truths">,
): Promise<void> {
  const { campaign, cycle, wave, embeddingsKey, seed } = about;
  const key = objectKeys.modelPrior(campaign, cycle, wave);
  if ((await ports.objects.head(key)) !== undefined) return;
  if ((await ports.objects.head(embeddingsKey)) === undefined) return;
  const classes = split.classes.length;
  const certain = (truth: number) => Array.from({ length: classes }, (_, k) => (k === truth ? 1 : 0));
  const labelOf = ({ answers, cannotTell, likelihood }: ImageFit["images"][number], truth: number) =>
    truth >= 0 ? certain(truth) : answers > cannotTell ? likelihood : undefined;
  const soft = images.map((image, i) => labelOf(image, truths[i] ?? -1));
  if (soft.every((label) => label === undefined)) return;
  const { ids, dim, vectors, backbone } = await readEmbeddings(ports.objects, embeddingsKey);
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const known = images.flatMap(({ image }, i) => {
    const row = rowOf.get(image);
    return row === undefined ? [] : [{ sha256: image, group: split.groups[image] ?? image, soft: soft[i], row }];
  });
  const values = new Float32Array(known.length * dim);
  known.forEach(({ row }, i) => {
    values.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  const rows = { values, width: dim };
  const found = outOfFold(known, rows, classes, seed);
  if (found === undefined) return;
  const { probabilities, labelled, strength, logLoss } = found;
  const document: ModelPrior = {
    campaign,
    cycle,
    wave,
    backbone,
    classes: split.classes,
    labelled,
    strength,
    logLoss: Math.round(logLoss * DIGITS) / DIGITS,
    curve: learningPoints(known, rows, classes, { seed, strength }).map((point) => ({
      ...point,
      accuracy: Math.round(point.accuracy * DIGITS) / DIGITS,
    })),
    images: known.map(({ sha256 }, i) => ({
      image: sha256,
      probabilities: Array.from(
        probabilities.subarray(i * classes, (i + 1) * classes),
        (p) => Math.round(p * DIGITS) / DIGITS,
      ),
    })),
  };
  await writeDocument(ports.objects, key, document);
}

/** The prior of the latest wave up to `wave` that has one; undefined where none has, or the classes have changed since. */
export async function latestPrior(
  ports: Pick<Ports, "objects">,
  { campaign, cycle, wave }: { campaign: string; cycle: number; wave: number },
  classes: readonly string[],
): Promise<Prior | undefined> {
  for (let at = wave; at >= 0; at -= 1) {
    const key = objectKeys.modelPrior(campaign, cycle, at);
    if ((await ports.objects.head(key)) === undefined) continue;
    const prior = await readDocument(ports.objects, key, ModelPrior);
    if (prior.classes.join("\n") !== classes.join("\n")) return undefined;
    const probabilities = new Map(prior.images.map((one) => [one.image, one.probabilities]));
    return { probabilities, curve: prior.curve };
  }
  return undefined;
}
