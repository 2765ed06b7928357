import { type AnswerColumns, CANNOT_TELL } from "../../domain/consensus/answers.ts";
import { confusionIntervals } from "../../domain/consensus/confusion-intervals.ts";
import { type ConsensusFit, fitConsensus } from "../../domain/consensus/fit.ts";
import { type Interval, wilson } from "../../domain/intervals.ts";
import { type Calibration, calibrate, logPrior } from "../../domain/model-prior/calibration.ts";
import { zeroShotPrior } from "../../domain/model-prior/zero-shot.ts";
import type { Answer } from "../../schemas/answer.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Consensus, ImageConsensus } from "../../schemas/consensus.ts";
import type { Split } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { acceptedAnswers, byImage } from "./answers.ts";
import { type ExpertFinding, expertFindings } from "./expert-findings.ts";
import type { PriorProbabilities } from "./model-prior.ts";

/** What is known of a campaign's images: people's accepted answers, what blind experts said, and what models sold. */
export interface Known {
  /** Of people. */
  answers: Map<string, Answer[]>;
  /** Of vendors that are models: a prior on what people say, never an answer beside theirs. */
  models: Map<string, Answer[]>;
  experts: Map<string, ExpertFinding>;
}

export async function knownLabels(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  agreement: Campaign,
): Promise<Known> {
  const { people, models } = await acceptedAnswers(ports, campaign, agreement);
  return {
    answers: byImage(people),
    models: byImage(models),
    experts: await expertFindings(ports, campaign, agreement),
  };
}

export type FittedImage = Omit<ImageConsensus, "settled">;

/** Consensus over everything outside the test set; image i has row i of the fit's tables. */
export interface ImageFit {
  images: FittedImage[];
  /** From people alone: no model's word is in its confusions and likelihoods. */
  fit: ConsensusFit;
  /** Class index that two blind experts agreed on, per image; -1 where they did not. */
  truths: Int32Array;
  workers: { vendor: string; annotator: string }[];
  /** Exponent of each answer's likelihood: see `temperOf`. */
  temper: number;
  /** How far the model's probabilities are believed, by gold and human answers; undefined where no model has spoken. */
  calibration?: Calibration;
  /** What the model alone makes of pool images that no annotator has answered: its class, and the chance that it errs. */
  modelWords: Map<string, { label: string; predictedError: number }>;
  /** Mean expected error of the images that are not known from experts. */
  predictedError: number;
}

/** Exponent of each answer's likelihood while a campaign has not measured its own: answers to one image share its difficulty. */
const TEMPER = 0.6;
/** Answered gold images from which a campaign's own exponent counts, and how far it may go: real answers are never independent. */
const GOLD_FOR_TEMPER = 40;
const MOST_TEMPER = 0.8;

/**
 * The consensus of pool and gold images from all accepted answers, with a model's word on the pool where there is one.
 * Whatever two blind experts agreed on is certain. Test images take no part, and gold never sees the model. Depends on what
 * was said, never on when.
 */
export function fitImages(
  agreement: Campaign,
  split: Pick<Split, "pool" | "gold">,
  known: Known,
  prior?: PriorProbabilities,
): ImageFit {
  const { classes } = agreement;
  const images = [...split.pool, ...split.gold].sort();
  const { fit, truths, workers, temper } = fitAnswers(classes, images, known);
  const told = images.map((image) => known.answers.get(image) ?? []);
  const answers = Int32Array.from(told, (given) => given.length);
  const likelihood = fit.likelihood;
  const gold = new Set(split.gold);
  const spokenOf = withZeroShot(prior, zeroShotOf(classes, images, known, gold, truths, fit.posterior, answers));
  const weighed =
    spokenOf === undefined
      ? undefined
      : weighPrior(spokenOf, images, { classes: classes.length, likelihood, answers, truths, temper });
  const modelWords: ImageFit["modelWords"] = new Map();
  let error = 0;
  let unknown = 0;
  const result = images.map((image, task): FittedImage => {
    const given = told[task] ?? [];
    const isKnown = (truths[task] as number) >= 0;
    const isSilent = weighed === undefined || gold.has(image) || Number.isNaN(weighed.logPrior[task * classes.length]);
    const spoken = isSilent ? undefined : withPrior(likelihood, weighed.logPrior, task, classes.length);
    if (!isSilent && given.length === 0) {
      const alone = Array.from(weighed.logPrior.subarray(task * classes.length, (task + 1) * classes.length), Math.exp);
      const label = classes[alone.indexOf(largest(alone))] as string;
      modelWords.set(image, { label, predictedError: 1 - largest(alone) });
    }
    const posterior = spoken === undefined || isKnown ? rowOf(fit.posterior, task, classes.length) : spoken;
    if (!isKnown) {
      error += 1 - largest(posterior);
      unknown += 1;
    }
    return {
      image,
      posterior,
      likelihood: rowOf(likelihood, task, classes.length),
      answers: given.length,
      cannotTell: given.filter(({ value }) => value.task !== "class").length,
    };
  });
  return {
    images: result,
    fit,
    truths,
    workers,
    temper,
    ...(weighed === undefined ? {} : { calibration: weighed.calibration }),
    modelWords,
    predictedError: unknown === 0 ? 0 : error / unknown,
  };
}

/**
 * What vendors that are models make likely of each image they answered, by their confusions on gold; the classes' shares are
 * those of the images that people have answered, even where there are none yet.
 */
function zeroShotOf(
  classes: readonly string[],
  images: readonly string[],
  known: Pick<Known, "models">,
  gold: ReadonlySet<string>,
  truths: Int32Array,
  posterior: Float64Array,
  answers: Int32Array,
): PriorProbabilities {
  if (known.models.size === 0) return new Map();
  const vendors = [...new Set([...known.models.values()].flat().map(({ vendor }) => vendor))].sort();
  const said = vendors.map((vendor) => ({
    said: Int32Array.from(images, (image) => {
      const value = known.models.get(image)?.findLast((answer) => answer.vendor === vendor)?.value;
      return value?.task === "class" ? classes.indexOf(value.label) : -1;
    }),
  }));
  // Queues and audits were chosen for being hard: gold alone says how a model does on any image.
  const truth = truths.map((label, i) => (gold.has(images[i] as string) ? label : -1));
  const shares = new Float64Array(classes.length).fill(1);
  answers.forEach((given, i) => {
    if (given === 0) return;
    for (let k = 0; k < classes.length; k += 1)
      shares[k] = (shares[k] as number) + (posterior[i * classes.length + k] as number);
  });
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const rows = zeroShotPrior(
    said,
    truth,
    shares.map((share) => share / whole),
  );
  const spoken = images.flatMap((image, i): [string, number[]][] => {
    const row = [...rows.subarray(i * classes.length, (i + 1) * classes.length)];
    return Number.isNaN(row[0]) ? [] : [[image, row]];
  });
  return new Map(spoken);
}

/** The word of a model that learned from people's labels and that of bought models, multiplied where both speak. */
function withZeroShot(
  prior: PriorProbabilities | undefined,
  zeroShot: PriorProbabilities,
): PriorProbabilities | undefined {
  if (zeroShot.size === 0) return prior;
  const both = new Map(prior ?? []);
  for (const [image, row] of zeroShot) {
    const learned = both.get(image);
    const product = row.map((p, k) => p * (learned?.[k] ?? 1));
    const sum = product.reduce((total, p) => total + p, 0);
    both.set(image, sum > 0 ? product.map((p) => p / sum) : row);
  }
  return both;
}

/** What people alone say, at the exponent that gold finds best where there is enough of it. */
function fitAnswers(
  classes: readonly string[],
  images: readonly string[],
  known: Known,
): Pick<ImageFit, "fit" | "truths" | "workers" | "temper"> {
  const indexOfClass = new Map(classes.map((name, index) => [name, index]));
  const workerIndex = new Map<string, number>();
  const workers: { vendor: string; annotator: string }[] = [];
  const rows = images.flatMap((image, task) => (known.answers.get(image) ?? []).map((answer) => ({ task, answer })));
  for (const key of [...new Set(rows.map(({ answer }) => `${answer.vendor}/${answer.annotator}`))].sort()) {
    const [vendor = "", annotator = ""] = key.split("/");
    workerIndex.set(key, workers.length);
    workers.push({ vendor, annotator });
  }
  const truths = Int32Array.from(images, (image) => indexOfClass.get(known.experts.get(image)?.truth ?? "") ?? -1);
  const labelOf = ({ value }: Answer) =>
    value.task === "class" ? (indexOfClass.get(value.label) ?? CANNOT_TELL) : CANNOT_TELL;
  const input = {
    classes: classes.length,
    tasks: images.length,
    workers: workers.length,
    task: Int32Array.from(rows, ({ task }) => task),
    worker: Int32Array.from(rows, ({ answer }) => workerIndex.get(`${answer.vendor}/${answer.annotator}`) as number),
    label: Int32Array.from(rows, ({ answer }) => labelOf(answer)),
    gold: truths,
  };
  const first = fitConsensus({ ...input, temper: TEMPER, method: "automatic" });
  const temper = temperOf(first);
  const fit = temper === TEMPER ? first : { ...fitConsensus({ ...input, temper, method: first.method }) };
  return { fit, truths, workers, temper };
}

/**
 * The exponent under which the chosen method's held-out gold is likeliest, where that gold speaks clearly against TEMPER.
 * (Of eight samples of 100 gold images of CIFAR-10H, two still choose 1 where .5 and .6 are best; so it ends at MOST_TEMPER.)
 */
function temperOf({ choice }: ConsensusFit): number {
  return choice === undefined || choice.gold < GOLD_FOR_TEMPER ? TEMPER : Math.min(MOST_TEMPER, choice.steadyTemper);
}

/** The model's probabilities as far as gold and human answers believe them; NaN rows where the model is silent. */
function weighPrior(
  prior: PriorProbabilities,
  images: readonly string[],
  told: { classes: number; likelihood: Float64Array; answers: Int32Array; truths: Int32Array; temper: number },
): { logPrior: Float64Array; calibration: Calibration } {
  const { classes, likelihood, answers, truths, temper } = told;
  const heard = Array.from(images.keys()).filter((i) => prior.has(images[i] as string));
  const probabilities = Float64Array.from(heard.flatMap((i) => prior.get(images[i] as string) ?? []));
  const calibration = calibrate({
    classes,
    probabilities,
    likelihood: Float64Array.from(heard.flatMap((i) => [...likelihood.subarray(i * classes, (i + 1) * classes)])),
    answers: Int32Array.from(heard, (i) => answers[i] as number),
    gold: Int32Array.from(heard, (i) => truths[i] as number),
    temper,
  });
  const scaled = logPrior(probabilities, classes, calibration);
  const all = new Float64Array(images.length * classes).fill(Number.NaN);
  heard.forEach((i, at) => {
    all.set(scaled.subarray(at * classes, (at + 1) * classes), i * classes);
  });
  return { logPrior: all, calibration };
}

/** Bayes' rule: the model's prior times what people said, rounded as all rows are. */
function withPrior(likelihood: Float64Array, prior: Float64Array, task: number, classes: number): number[] {
  const row = Array.from(
    { length: classes },
    (_, k) => Math.exp(prior[task * classes + k] as number) * (likelihood[task * classes + k] as number),
  );
  const sum = row.reduce((total, p) => total + p, 0);
  return row.map((p) => Math.round((p / sum) * 1e9) / 1e9);
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
  const { support, recall, pooled } = confusionIntervals(
    answerColumns(agreement.classes, images, known, (key) => indexOf.get(key) as number, workers.length),
    fit,
  );
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
      const own = rowOf(support, index, agreement.classes.length);
      const sure = (recall[index] ?? []).map(shortened);
      return { annotator, vendor, answers, confusion, gold: { n, right, low, high }, support: own, recall: sure };
    }),
    ...(agreement.classes.length > MOST_POOLED ? {} : { pooled: pooled.map((row) => row.map(shortened)) }),
  };
}

function answerColumns(
  classes: readonly string[],
  images: readonly FittedImage[],
  known: Known,
  workerOf: (key: string) => number,
  workers: number,
): AnswerColumns {
  const at = new Map(classes.map((name, index) => [name, index]));
  const rows = images.flatMap(({ image }, task) =>
    (known.answers.get(image) ?? []).map(({ vendor, annotator, value }) => ({
      task,
      worker: workerOf(`${vendor}/${annotator}`),
      label: value.task === "class" ? (at.get(value.label) ?? CANNOT_TELL) : CANNOT_TELL,
    })),
  );
  return {
    classes: classes.length,
    tasks: images.length,
    workers,
    task: Int32Array.from(rows, ({ task }) => task),
    worker: Int32Array.from(rows, ({ worker }) => worker),
    label: Int32Array.from(rows, ({ label }) => label),
  };
}

/** A table of so many classes squared still reads, and keeps the document small. */
const MOST_POOLED = 100;
const short = (value: number) => Math.round(value * 1e6) / 1e6;
const shortened = ({ value, low, high }: Interval): Interval => ({
  value: short(value),
  low: short(low),
  high: short(high),
});

/** Row of a table, rounded so that its JSON is short and the same everywhere. */
function rowOf(table: ArrayLike<number>, row: number, width: number): number[] {
  return Array.from({ length: width }, (_, k) => Math.round((table[row * width + k] as number) * 1e9) / 1e9);
}

function largest(values: ArrayLike<number>): number {
  let top = 0;
  for (let i = 0; i < values.length; i += 1) top = Math.max(top, values[i] as number);
  return top;
}
