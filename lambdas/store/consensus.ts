import { CANNOT_TELL } from "../../domain/consensus/answers.ts";
import { type ConsensusFit, fitConsensus } from "../../domain/consensus/fit.ts";
import { wilson } from "../../domain/intervals.ts";
import type { Answer } from "../../schemas/answer.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Consensus, ImageConsensus } from "../../schemas/consensus.ts";
import type { Split } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { acceptedAnswers, byImage } from "./answers.ts";
import { type ExpertFinding, expertFindings } from "./expert-findings.ts";

/** What is known of a campaign's images from people: accepted answers and what blind experts said. */
export interface Known {
  answers: Map<string, Answer[]>;
  experts: Map<string, ExpertFinding>;
}

export async function knownLabels(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  agreement: Campaign,
): Promise<Known> {
  return {
    answers: byImage(await acceptedAnswers(ports, campaign, agreement)),
    experts: await expertFindings(ports, campaign, agreement),
  };
}

export type FittedImage = Omit<ImageConsensus, "settled">;

/** Consensus over everything outside the test set; image i has row i of the fit's tables. */
export interface ImageFit {
  images: FittedImage[];
  fit: ConsensusFit;
  workers: { vendor: string; annotator: string }[];
  /** Mean expected error of the images that are not known from experts. */
  predictedError: number;
}

/**
 * Exponent of each answer's likelihood: answers to one image share its difficulty, so they tell less than independent ones
 * would. .6 to .8 fitted real answers best; the milder end is taken while nothing was measured for a campaign.
 */
export const TEMPER = 0.8;

/**
 * The consensus of pool and gold images from all accepted answers. Whatever two blind experts agreed on is certain.
 * Test images take no part. Depends on what was said, never on when.
 */
export function fitImages(agreement: Campaign, split: Pick<Split, "pool" | "gold">, known: Known): ImageFit {
  const { classes } = agreement;
  const images = [...split.pool, ...split.gold].sort();
  const indexOfClass = new Map(classes.map((name, index) => [name, index]));
  const workerIndex = new Map<string, number>();
  const workers: { vendor: string; annotator: string }[] = [];
  const rows = images.flatMap((image, task) => (known.answers.get(image) ?? []).map((answer) => ({ task, answer })));
  for (const key of [...new Set(rows.map(({ answer }) => `${answer.vendor}/${answer.annotator}`))].sort()) {
    const [vendor = "", annotator = ""] = key.split("/");
    workerIndex.set(key, workers.length);
    workers.push({ vendor, annotator });
  }
  const truthOf = (image: string) => indexOfClass.get(known.experts.get(image)?.truth ?? "") ?? -1;
  const labelOf = ({ value }: Answer) =>
    value.task === "class" ? (indexOfClass.get(value.label) ?? CANNOT_TELL) : CANNOT_TELL;
  const fit = fitConsensus({
    classes: classes.length,
    tasks: images.length,
    workers: workers.length,
    task: Int32Array.from(rows, ({ task }) => task),
    worker: Int32Array.from(rows, ({ answer }) => workerIndex.get(`${answer.vendor}/${answer.annotator}`) as number),
    label: Int32Array.from(rows, ({ answer }) => labelOf(answer)),
    gold: Int32Array.from(images, truthOf),
    temper: TEMPER,
    method: "automatic",
  });
  let error = 0;
  let unknown = 0;
  const result = images.map((image, task): FittedImage => {
    const given = known.answers.get(image) ?? [];
    const posterior = rowOf(fit.posterior, task, classes.length);
    const isKnown = truthOf(image) >= 0;
    const told = given.filter(({ value }) => value.task === "class").length;
    if (!isKnown) {
      error += 1 - largest(posterior);
      unknown += 1;
    }
    return {
      image,
      posterior,
      likelihood: rowOf(fit.likelihood, task, classes.length),
      answers: given.length,
      cannotTell: given.length - told,
    };
  });
  return { images: result, fit, workers, predictedError: unknown === 0 ? 0 : error / unknown };
}

/** The fit as a document: images, and each annotator's confusion with their record on gold. */
export function consensusDocument(
  about: { campaign: string; cycle: number; wave: number },
  agreement: Campaign,
  split: Pick<Split, "gold">,
  known: Known,
  { images, fit, workers }: ImageFit,
  settled: ReadonlySet<string>,
): Consensus {
  const width = agreement.classes.length + 1;
  const size = agreement.classes.length * width;
  const gold = new Set(split.gold);
  const said = workers.map(() => ({ answers: 0, n: 0, right: 0 }));
  const indexOf = new Map(workers.map(({ vendor, annotator }, index) => [`${vendor}/${annotator}`, index]));
  for (const { image } of images) {
    const truth = gold.has(image) ? known.experts.get(image)?.truth : undefined;
    for (const { vendor, annotator, value } of known.answers.get(image) ?? []) {
      const entry = said[indexOf.get(`${vendor}/${annotator}`) as number];
      if (entry === undefined) continue;
      entry.answers += 1;
      if (truth === undefined) continue;
      entry.n += 1;
      if (value.task === "class" && value.label === truth) entry.right += 1;
    }
  }
  return {
    ...about,
    method: fit.method,
    classes: agreement.classes,
    images: images.map((image) => ({ ...image, settled: settled.has(image.image) })),
    annotators: workers.map(({ vendor, annotator }, index) => {
      const { answers, n, right } = said[index] as { answers: number; n: number; right: number };
      const { low, high } = wilson(right, n);
      const confusion = agreement.classes.map((_, row) =>
        rowOf(fit.confusion.subarray(index * size, (index + 1) * size), row, width),
      );
      return { annotator, vendor, answers, confusion, gold: { n, right, low, high } };
    }),
  };
}

/** Row of a table, rounded so that its JSON is short and the same everywhere. */
function rowOf(table: ArrayLike<number>, row: number, width: number): number[] {
  return Array.from({ length: width }, (_, k) => Math.round((table[row * width + k] as number) * 1e9) / 1e9);
}

function largest(values: ArrayLike<number>): number {
  let top = 0;
  for (let i = 0; i < values.length; i += 1) top = Math.max(top, values[i] as number);
  return top;
}
