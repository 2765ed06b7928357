/**
 * Replays real answers (CIFAR-10H): what the planner buys for which accuracy, beside a majority of k answers for each image.
 * `npm run bench:redundancy -- <folder with images.csv> [--draws 20] [--half judge|tune] [--plot FILE.svg] [--json]`
 *
 * Parameters were fixed on the tuning half; the other half judges. The policy sees an answer only when it buys it. Gold (20
 * images of 2,500) is charged: three answers for each, and the answer by which skill is measured. The classifier behind the
 * prior had clean labels: this is a replay, not a campaign.
 */
import { writeFileSync } from "node:fs";
import { chance } from "../../domain/chance.ts";
import { benchArguments, print, rounded } from "./command.ts";
import { curveSvg } from "./curve-svg.ts";
import { type Policy, type RecordedImage, readHalves, replay, summary } from "./replay.ts";

/** For all policies. Gold: as many checked answers as a campaign waits for before skill counts as measured. */
const FIXED = { gold: 20, goldAnswers: 1, maxAnswers: 12, maxWaves: 12 };
const WITH_MODEL = { ...FIXED, model: true, temper: 0.7 };
/** Fixed on the tuning half; the budgets are those of the targets. */
const POLICIES: Record<string, Policy> = {
  model: { ...WITH_MODEL, minAnswers: 0, lossInAnswers: 800, residualError: 0.017, budget: 0.9 },
  atLeastOne: { ...WITH_MODEL, minAnswers: 1, lossInAnswers: 600, residualError: 0.0075, budget: 1.5 },
  noModel: { ...FIXED, model: false, minAnswers: 1, lossInAnswers: 333, temper: 0.6, residualError: 0.0075 },
};
/** What an error is worth, in answers, along the plotted curves. */
const WORTHS = [60, 120, 250, 500, 1000, 2000];

const { folder, json, options } = benchArguments(
  "npm run bench:redundancy -- <folder with images.csv> [--draws N] [--half judge|tune] [--plot FILE.svg] [--json]",
  ["draws", "half", "plot"],
);
const halves = readHalves(folder);
const half = options.half ?? "judge";
const images = half === "tune" ? halves.tune : halves.judge;
const draws = Number(options.draws ?? 20);
const begun = performance.now();
const KS = [1, 3, 5, 7, 9, 15, 47];

const majority = Object.fromEntries(KS.map((k) => [k, rounded(majorityOf(images, k, draws))]));
const results = Object.entries(POLICIES).map(([name, policy]) => [name, played(name, policy, draws)] as const);
if (options.plot !== undefined) plot(options.plot);
print({ images: images.length, half, majority, ...Object.fromEntries(results) }, json);

function played(name: string, policy: Policy, times: number) {
  const runs = Array.from({ length: times }, (_, draw) => {
    process.stderr.write(
      `\r${name}: draw ${draw + 1} of ${times}, ${Math.round((performance.now() - begun) / 1000)} s `,
    );
    return replay(images, 1, asker(images, draw), policy, `redundancy/${draw}`);
  });
  process.stderr.write("\n");
  return summary(runs);
}

/** Each policy at several prices of an error, beside the majority of k answers. */
function plot(file: string): void {
  const colours: Record<string, string> = { model: "#0b7285", atLeastOne: "#5f3dc4", noModel: "#d9480f" };
  const names: Record<string, string> = {
    model: "model, people if needed",
    atLeastOne: "model, at least one",
    noModel: "no model",
  };
  // Along a curve the price of an error decides what is spent, not a budget.
  const curves = Object.entries(POLICIES).map(([name, { budget: _, ...policy }]) => ({
    name: names[name] ?? name,
    colour: colours[name] ?? "#000000",
    points: WORTHS.map((lossInAnswers) => {
      const found = played(
        `${name}, an error worth ${lossInAnswers}`,
        { ...policy, lossInAnswers },
        Math.min(4, draws),
      );
      return { labels: found.labelsPerImage, accuracy: found.accuracy, low: found.low, high: found.high };
    }),
  }));
  const points = KS.map((k) => ({ labels: k, accuracy: majority[k] as number }));
  const title = `Right labels for answers bought: CIFAR-10H replayed, ${half === "judge" ? "judging" : "tuning"} half`;
  const note = "answers bought per image, gold included (logarithmic); bars: 95 % over images";
  const svg = curveSvg(title, note, [...curves, { name: "majority of k", colour: "#868e96", points }]);
  writeFileSync(file, svg);
}

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
