/**
 * The same real answers (CIFAR-10H) given by a noisy pool of 200 workers: 120 as recorded, 50 who also err at random in 8 %
 * of their answers, 20 who mix up each class with a partner of their own in 30 %, 10 who say anything.
 * `npm run bench:vendors -- <folder with images.csv> [--seeds 5] [--half judge|tune] [--json]`
 *
 * Each seed draws another pool and other answers. Whoever answers next is random, never twice the same for an image. Gold (20
 * images of 2,500) is charged: three answers each, and the answers by which skill is measured. Parameters as in redundancy.ts:
 * fixed on the tuning half, judged on the other.
 */
import { type Chance, chance } from "../../domain/chance.ts";
import { benchArguments, print } from "./command.ts";
import { type Ask, type Policy, type RecordedImage, readHalves, replay, summary } from "./replay.ts";

const WORKERS = 200;
const POOL = { gold: 20, goldAnswers: 2, maxAnswers: 12, maxWaves: 12 };
/** Fixed on the tuning half; the budgets are those of the targets. */
const POLICIES: Record<string, Policy> = {
  withModel: {
    ...POOL,
    model: true,
    minAnswers: 0,
    temper: 0.7,
    lossInAnswers: 3000,
    residualError: 0.016,
    budget: 1.25,
  },
  withoutModel: {
    ...POOL,
    model: false,
    minAnswers: 1,
    temper: 0.65,
    lossInAnswers: 600,
    residualError: 0.004,
    budget: 3,
  },
};

const usage = "npm run bench:vendors -- <folder with images.csv> [--seeds N] [--half judge|tune] [--json]";
const { folder, json, options } = benchArguments(usage, ["seeds", "half"]);
const halves = readHalves(folder);
const images = options.half === "tune" ? halves.tune : halves.judge;
const seeds = Number(options.seeds ?? 5);
const asked = { answers: 0, right: 0 };
const results = Object.entries(POLICIES).map(([name, policy]) => {
  const runs = Array.from({ length: seeds }, (_, seed) =>
    replay(images, WORKERS, pool(images, seed), policy, `vendors/${seed}`),
  );
  const { draws, ...found } = summary(runs);
  return [name, { ...found, seeds: draws }] as const;
});
print(
  {
    images: images.length,
    perLabel: Math.round((1e4 * asked.right) / asked.answers) / 1e4,
    ...Object.fromEntries(results),
  },
  json,
);

/** A pool that hands out each image's recorded answers in random order, spoilt as its workers spoil them. */
function pool(of: readonly RecordedImage[], seed: number): Ask {
  const random = chance(`pool/${seed}`);
  const partners = Array.from({ length: WORKERS }, () => derangement(random));
  const waiting = of.map(({ counts }) =>
    random.shuffle(counts.flatMap((count, label) => new Array<number>(count).fill(label))),
  );
  const had = of.map(() => new Set<number>());
  return (image) => {
    const recorded = waiting[image]!.pop();
    if (recorded === undefined) return undefined;
    let worker = random.below(WORKERS);
    while (had[image]!.has(worker)) worker = random.below(WORKERS);
    had[image]!.add(worker);
    const label = spoil(worker, recorded, partners[worker]!, random);
    asked.answers++;
    if (label === of[image]!.truth) asked.right++;
    return { worker, label };
  };
}

function spoil(worker: number, recorded: number, partner: readonly number[], random: Chance): number {
  if (worker < 120) return recorded;
  if (worker < 170) return random.uniform() < 0.08 ? (recorded + 1 + random.below(9)) % 10 : recorded;
  if (worker < 190) return random.uniform() < 0.3 ? partner[recorded]! : recorded;
  return random.below(10);
}

/** A random order of the classes in which none keeps its place. */
function derangement(random: Chance): number[] {
  const order = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const partner = new Array<number>(10);
  order.forEach((label, i) => {
    partner[label] = order[(i + 1) % 10]!;
  });
  return partner;
}
