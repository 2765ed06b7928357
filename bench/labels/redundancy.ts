/**
 * Replays real answers (CIFAR-10H): what the planner buys for which accuracy, beside a majority of k answers for each image.
 * `npm run bench:redundancy -- <folder with images.csv> [--draws 20] [--half judge|tune] [--json]`
 *
 * Parameters were fixed on the tuning half; the other half judges. The policy sees an answer only when it buys it. Gold (40
 * images of 2,500) is charged: three answers for each, and the answer by which skill is measured. The classifier behind the
 * prior had clean labels: this is a replay, not a campaign.
 */
import { chance } from "../../domain/chance.ts";
import { benchArguments, print, rounded } from "./command.ts";
import { type Policy, type RecordedImage, readHalves, replay, summary } from "./replay.ts";

const GOLD = { gold: 40, goldAnswers: 1 };
/** Fixed on the tuning half. */
const POLICIES: Record<string, Policy> = {
  model: {
    ...GOLD,
    model: true,
    minAnswers: 0,
    maxAnswers: 12,
    lossInAnswers: 333,
    temper: 0.6,
    residualError: 0.012,
    maxWaves: 12,
  },
  atLeastOne: {
    ...GOLD,
    model: true,
    minAnswers: 1,
    maxAnswers: 12,
    lossInAnswers: 333,
    temper: 0.6,
    residualError: 0.0065,
    maxWaves: 12,
  },
  noModel: {
    ...GOLD,
    model: false,
    minAnswers: 1,
    maxAnswers: 12,
    lossInAnswers: 333,
    temper: 0.6,
    residualError: 0.0055,
    maxWaves: 12,
  },
};

const { folder, json, options } = benchArguments(
  "npm run bench:redundancy -- <folder with images.csv> [--draws N] [--half judge|tune] [--json]",
  ["draws", "half"],
);
const halves = readHalves(folder);
const images = options.half === "tune" ? halves.tune : halves.judge;
const draws = Number(options.draws ?? 20);

const majority = Object.fromEntries([1, 3, 5, 7, 9, 15, 47].map((k) => [k, rounded(majorityOf(images, k, draws))]));
const results = Object.entries(POLICIES).map(([name, policy]) => {
  const runs = Array.from({ length: draws }, (_, draw) =>
    replay(images, 1, asker(images, draw), policy, `redundancy/${draw}`),
  );
  return [name, summary(runs)] as const;
});
print({ images: images.length, half: options.half ?? "judge", majority, ...Object.fromEntries(results) }, json);

/** Each image's recorded answers in a random order, handed out one by one. */
function asker(of: readonly RecordedImage[], draw: number) {
  const random = chance(`answers/${draw}`);
  const waiting = of.map(({ counts }) =>
    random.shuffle(counts.flatMap((count, label) => new Array<number>(count).fill(label))),
  );
  return (image: number) => {
    const label = waiting[image]!.pop();
    return label === undefined ? undefined : { worker: 0, label };
  };
}

/** Accuracy of the plurality of k random answers per image; ties at random. */
function majorityOf(of: readonly RecordedImage[], k: number, repeats: number): number {
  let right = 0;
  for (let draw = 0; draw < repeats; draw++) {
    const ask = asker(of, draw);
    const random = chance(`ties/${draw}`);
    of.forEach(({ truth }, image) => {
      const votes = new Int32Array(10);
      for (let i = 0; i < k; i++) {
        const answer = ask(image);
        if (answer !== undefined) votes[answer.label] = votes[answer.label]! + 1;
      }
      const most = Math.max(...votes);
      const tied = Array.from(votes.keys()).filter((label) => votes[label] === most);
      if (tied[random.below(tied.length)] === truth) right++;
    });
  }
  return right / (of.length * repeats);
}
