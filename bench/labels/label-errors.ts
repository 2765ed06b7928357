/**
 * How well suspected labels are found after training: photos get one human-like answer each, probes are cross-validated on
 * those labels as a training job does, and the product's ranking looks for the wrong ones.
 * `npm run bench:label-errors -- <folder of class folders> --weights <folder> [--backbone NAME] [--seeds 5] [--first-seed 0] [--json]`
 *
 * The answers err as people did on five animal classes of CIFAR-10H (bird, cat, deer, dog, horse; 255,000 answers): the
 * table below is P(said | truth) among those five. Which class plays which part is drawn per seed. Errors do not follow the
 * photo's own difficulty, since nobody labelled these photos twice: easier than real noise, and said so where quoted.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chance } from "../../domain/chance.ts";
import { rankSuspects, type Suspect } from "../../domain/label-errors/suspects.ts";
import { benchArguments, print, rounded } from "./command.ts";
import { embeddedPhotos, labelPython, readEmbedded } from "./embedded-photos.ts";

/** Rows truth, columns said, from CIFAR-10H (Peterson and others 2019). */
const PEOPLE = [
  [0.9662, 0.011, 0.0105, 0.0085, 0.0038],
  [0.0146, 0.9325, 0.006, 0.0445, 0.0025],
  [0.0124, 0.0095, 0.9182, 0.0193, 0.0406],
  [0.0058, 0.0368, 0.0042, 0.9493, 0.0039],
  [0.0025, 0.001, 0.0077, 0.0083, 0.9804],
];

const usage =
  "npm run bench:label-errors -- <folder of class folders> --weights <folder> [--backbone NAME] [--seeds N] [--first-seed N] [--json]";
const { folder, json, options } = benchArguments(usage, ["weights", "backbone", "seeds", "first-seed", "embeddings"]);
const photos =
  options.embeddings === undefined
    ? embeddedPhotos(folder, options.weights, options.backbone)
    : readEmbedded(options.embeddings);
const { folder: out, sha256s, truth, classes } = photos;
/** The half that judges: photos whose sha256 ends with an odd digit. */
const judges = sha256s.map((sha256) => Number.parseInt(sha256.at(-1) as string, 16) % 2 === 1);
const seeds = Number(options.seeds ?? 5);
const runs = Array.from({ length: seeds }, (_, i) => run(i + Number(options["first-seed"] ?? 0)));
const mean = (pick: (result: ReturnType<typeof run>) => number) =>
  rounded(runs.reduce((sum, result) => sum + pick(result), 0) / seeds);
print(
  {
    images: truth.length,
    judgedOn: judges.filter(Boolean).length,
    wrongLabels: mean(({ wrongShare }) => wrongShare),
    auroc: mean(({ auroc }) => auroc),
    recallWorst10: mean(({ recallWorst10 }) => recallWorst10),
    // The draw of the noise moves it: about 110 wrong labels lie in the half.
    recallBySeed: runs.map(({ recallWorst10 }) => rounded(recallWorst10)),
    confident: { precision: mean(({ precision }) => precision), recall: mean(({ recall }) => recall) },
    seeds,
  },
  json,
);

function run(seed: number) {
  const random = chance(`label errors/${seed}`);
  const part = random.shuffle(Array.from({ length: classes }, (_, k) => k % PEOPLE.length));
  const labels = truth.map((t) => {
    // Columns follow the truth's part; a class beyond the five takes the part of one of them, errors going to its neighbours.
    const said = random.weighted(PEOPLE[part[t]!]!);
    if (said === part[t]) return t;
    const candidates = Array.from(part.keys()).filter((k) => part[k] === said && k !== t);
    return candidates.length === 0 ? t : candidates[random.below(candidates.length)]!;
  });
  writeFileSync(join(out, "labels.i32"), new Uint8Array(labels.buffer));
  labelPython({ step: "probe", out, labels: join(out, "labels.i32"), classes, seed });
  const bytes = readFileSync(join(out, "probabilities.f64"));
  const probabilities = new Float64Array(new Uint8Array(bytes).buffer);
  // Everything here was chosen on the other half of the photos, by other draws of noise.
  const suspects = rankSuspects({ classes, labels, probabilities }).filter(({ index }) => judges[index]);
  const isWrong = ({ index, label }: Suspect) => truth[index] !== label;
  const wrong = suspects.filter(isWrong).length;
  const worst = suspects.slice(0, Math.round(suspects.length / 10));
  const confident = suspects.filter((suspect) => suspect.confident);
  const hits = confident.filter(isWrong).length;
  return {
    wrongShare: wrong / suspects.length,
    auroc: areaUnderRoc(suspects.map(isWrong)),
    recallWorst10: worst.filter(isWrong).length / wrong,
    precision: confident.length === 0 ? 0 : hits / confident.length,
    recall: hits / wrong,
  };
}

/** Chance that a wrong label stands before a right one, from flags in order of suspicion. */
function areaUnderRoc(wrongInOrder: readonly boolean[]): number {
  let wrongBefore = 0;
  let pairs = 0;
  for (const wrong of wrongInOrder) {
    if (wrong) wrongBefore++;
    else pairs += wrongBefore;
  }
  return pairs / (wrongBefore * (wrongInOrder.length - wrongBefore));
}
