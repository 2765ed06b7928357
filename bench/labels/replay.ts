import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chance } from "../../domain/chance.ts";
import { type ConsensusFit, fitConsensus } from "../../domain/consensus/fit.ts";
import { AT_ITS_WORD, type Calibration, calibrate, logPrior } from "../../domain/model-prior/calibration.ts";
import { type PurchasePlan, planPurchases } from "../../domain/planner/plan.ts";

const CLASSES = 10;

/** An image of CIFAR-10H: its truth, how many people said each class, a classifier's cross-validated probabilities. */
export interface RecordedImage {
  truth: number;
  counts: number[];
  probabilities: number[];
}

/** `images.csv` (image,truth,n0..n9,p0..p9) split at random: parameters are fixed on one half and judged on the other. */
export function readHalves(folder: string): { tune: RecordedImage[]; judge: RecordedImage[] } {
  const [header, ...lines] = readFileSync(join(folder, "images.csv"), "utf8").trim().split(/\r?\n/);
  if (!header?.startsWith("image,truth,n0"))
    throw new Error(`${folder}/images.csv begins with "${header}"; expected "image,truth,n0,..."`);
  const images = lines.map((line): RecordedImage => {
    const values = line.split(",").map(Number);
    return { truth: values[1]!, counts: values.slice(2, 12), probabilities: values.slice(12, 22) };
  });
  const order = chance("halves").shuffle(images);
  const half = Math.floor(order.length / 2);
  return { tune: order.slice(0, half), judge: order.slice(half) };
}

/** Who answers next: the only way that a policy learns anything. undefined: nobody is left to ask. */
export type Ask = (image: number) => { worker: number; label: number } | undefined;

export interface Policy {
  /** Whether the classifier's probabilities are the prior, calibrated in each wave by gold and human answers as in a campaign. */
  model: boolean;
  minAnswers: number;
  maxAnswers: number;
  /** What an error costs, in answers. */
  lossInAnswers: number;
  temper: number;
  /** Share of answered images whose label stays wrong however many agree: measured on the tuning half. */
  residualError: number;
  /** Gold images; each is charged three answers beside what annotators say of it. */
  gold: number;
  /** Answers bought for each gold image, to measure skill by. */
  goldAnswers: number;
  maxWaves: number;
  /** Answers per image that may be spent in all, gold included. Left out: no limit. */
  budget?: number;
}

export interface ReplayResult {
  labelsPerImage: number;
  /** 1 right, 0 wrong, NaN for gold, per image. */
  right: Float64Array;
  /** Predicted probability of being wrong, NaN for gold. */
  predicted: Float64Array;
  answers: Int32Array;
  waves: number;
  /** How far the classifier was believed in the end. */
  calibration: Calibration;
}

/** Runs the production planner and consensus, wave by wave, on answers that it must ask for. */
export function replay(
  images: readonly RecordedImage[],
  workers: number,
  ask: Ask,
  policy: Policy,
  seed: string,
): ReplayResult {
  const count = images.length;
  const goldImages = new Set(chance(`${seed}/gold`).sample(Array.from(images.keys()), policy.gold));
  const gold = Int32Array.from(images, ({ truth }, i) => (goldImages.has(i) ? truth : -1));
  const probabilities = Float64Array.from(images.flatMap((image) => image.probabilities));
  const said = { task: [] as number[], worker: [] as number[], label: [] as number[] };
  const answers = new Int32Array(count);
  const buy = (image: number, copies: number) => {
    for (let copy = 0; copy < copies; copy++) {
      const answer = ask(image);
      if (answer === undefined) return;
      said.task.push(image);
      said.worker.push(answer.worker);
      said.label.push(answer.label);
      answers[image] = answers[image]! + 1;
    }
  };
  for (let i = 0; i < count; i++) buy(i, goldImages.has(i) ? policy.goldAnswers : policy.minAnswers);

  let calibration = AT_ITS_WORD;
  for (let wave = 1; ; wave++) {
    const fitAt = () =>
      consensusOf(said, {
        count,
        workers,
        gold,
        temper: policy.temper,
        prior: policy.model ? logPrior(probabilities, CLASSES, calibration) : undefined,
      });
    let result = fitAt();
    if (policy.model) {
      const { likelihood } = result;
      calibration = calibrate({ classes: CLASSES, probabilities, likelihood, answers, gold, temper: policy.temper });
      result = fitAt();
    }
    const plan = planPurchases({
      classes: CLASSES,
      images: { posterior: result.posterior, answers, cannotTell: new Int32Array(count) },
      minAnswers: 0,
      maxAnswers: policy.maxAnswers,
      skill: pooledSkill(result, said, workers),
      temper: policy.temper,
      residualError: policy.residualError,
      pricePerAnswer: 1,
      lossPerError: policy.lossInAnswers,
      expertPrice: 1e9,
      targetAccuracy: 1,
      budgetLeft: Math.max(0, (policy.budget ?? 1e6) * count - said.task.length - 3 * policy.gold),
      goldAnchored: true,
      wavesLeft: Math.max(1, policy.maxWaves - wave),
    });
    if (plan.buy.every((copies) => copies === 0) || wave >= policy.maxWaves)
      return {
        ...score(images, goldImages, result, answers, policy),
        labelsPerImage: (said.task.length + 3 * policy.gold) / count,
        waves: wave,
        calibration,
      };
    buyPlanned(plan, goldImages, buy);
  }
}

function buyPlanned(plan: PurchasePlan, gold: ReadonlySet<number>, buy: (image: number, copies: number) => void) {
  plan.buy.forEach((copies, image) => {
    if (!gold.has(image)) buy(image, copies);
  });
}

interface Said {
  task: number[];
  worker: number[];
  label: number[];
}

function consensusOf(
  said: Said,
  about: { count: number; workers: number; gold: Int32Array; temper: number; prior: Float64Array | undefined },
): ConsensusFit {
  return fitConsensus({
    classes: CLASSES,
    tasks: about.count,
    workers: about.workers,
    task: Int32Array.from(said.task),
    worker: Int32Array.from(said.worker),
    label: Int32Array.from(said.label),
    gold: about.gold,
    temper: about.temper,
    method: "dawid-skene",
    ...(about.prior === undefined ? {} : { prior: about.prior }),
  });
}

/** The confusion expected of a fresh answer: everybody's, weighed by how much they answer. */
function pooledSkill({ confusion }: ConsensusFit, said: Said, workers: number): Float64Array {
  const weight = new Float64Array(workers);
  for (const worker of said.worker) weight[worker] = weight[worker]! + 1;
  const skill = new Float64Array(CLASSES * CLASSES);
  for (let truth = 0; truth < CLASSES; truth++) {
    let sum = 0;
    for (let w = 0; w < workers; w++) {
      for (let label = 0; label < CLASSES; label++) {
        const share = weight[w]! * confusion[(w * CLASSES + truth) * (CLASSES + 1) + label]!;
        skill[truth * CLASSES + label] = skill[truth * CLASSES + label]! + share;
        sum += share;
      }
    }
    for (let label = 0; label < CLASSES; label++)
      skill[truth * CLASSES + label] = skill[truth * CLASSES + label]! / sum;
  }
  return skill;
}

function score(
  images: readonly RecordedImage[],
  gold: ReadonlySet<number>,
  { posterior }: ConsensusFit,
  answers: Int32Array,
  policy: Policy,
): Pick<ReplayResult, "right" | "predicted" | "answers"> {
  const right = new Float64Array(images.length).fill(Number.NaN);
  const predicted = new Float64Array(images.length).fill(Number.NaN);
  images.forEach(({ truth }, i) => {
    if (gold.has(i)) return;
    const row = posterior.subarray(i * CLASSES, (i + 1) * CLASSES);
    const best = Math.max(...row);
    right[i] = row.indexOf(best) === truth ? 1 : 0;
    predicted[i] = 1 - best * (answers[i]! > 0 ? 1 - policy.residualError : 1);
  });
  return { right, predicted, answers };
}

/** Means over draws, with a 95 % bootstrap interval over images, and observed over predicted errors: all, and model-only. */
export function summary(draws: readonly ReplayResult[]) {
  const images = draws[0]!.right.length;
  const perImage = Array.from({ length: images }, (_, i) => {
    const seen = draws.map(({ right }) => right[i]!).filter((value) => !Number.isNaN(value));
    return seen.length === 0 ? undefined : seen.reduce((a, b) => a + b, 0) / seen.length;
  }).filter((value) => value !== undefined);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const random = chance("bootstrap");
  const resampled = Array.from({ length: 1000 }, () => {
    let sum = 0;
    for (let i = 0; i < perImage.length; i++) sum += perImage[random.below(perImage.length)]!;
    return sum / perImage.length;
  }).sort((a, b) => a - b);
  const ratio = (only: (answers: number) => boolean) => {
    let observed = 0;
    let predicted = 0;
    for (const draw of draws) {
      draw.right.forEach((right, i) => {
        if (Number.isNaN(right) || !only(draw.answers[i]!)) return;
        observed += 1 - right;
        predicted += draw.predicted[i]!;
      });
    }
    return predicted === 0 ? null : Math.round((100 * observed) / predicted) / 100;
  };
  const digits = (value: number) => Math.round(value * 1e4) / 1e4;
  return {
    labelsPerImage: digits(mean(draws.map(({ labelsPerImage }) => labelsPerImage))),
    accuracy: digits(mean(perImage)),
    low: digits(resampled[25]!),
    high: digits(resampled[974]!),
    observedOverPredicted: ratio(() => true),
    modelOnly: ratio((answers) => answers === 0),
    waves: digits(mean(draws.map(({ waves }) => waves))),
    draws: draws.length,
  };
}
