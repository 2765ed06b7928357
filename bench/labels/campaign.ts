/**
 * A whole simulated campaign against buying the same number of answers for every photo: what each costs in all, and what
 * the model that it trains is right about on the sealed test.
 * `npm run bench:campaign -- <folder of class folders> --weights <folder> [--seeds 3] [--first-seed 1] [--json]`
 *
 * Both arms are the product's own stages and workflow files, portal and people: gold, test set, inspection and experts by
 * the same rules and at the same prices (.03 an answer, .30 an expert's). The fixed arms buy k answers for every photo in
 * one wave, have no model and no expert queue, and use the same consensus, which flatters them against a plain majority.
 * The people are simulated: 87 % right, and 15 % of the photos mislead them all, half by what a probe on true labels doubts;
 * about 82 % of answers are right. Ours is bought by an owner who says what a point of accuracy is worth, chosen on seeds 100-102;
 * `--ours '{}'` plays the product's defaults, which promise 98.5 % right labels whatever they do to the model.
 * `--photos` plays with a random part of them, drawn per seed. `--keep` goes on with the arms that an interrupted run of the same program had finished;
 * `--plot` draws the bills.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chance } from "../../domain/chance.ts";
import { wilson } from "../../domain/intervals.ts";
import { type Bill, billSvg } from "./bill-svg.ts";
import type { ArmRequest, ArmResult } from "./campaign-arm.ts";
import { benchArguments, print, rounded } from "./command.ts";
import { embeddedPhotos } from "./embedded-photos.ts";
import { doubtsOf, hardPhotos } from "./hard-photos.ts";
import { EXPERT_PRICE, PRICE } from "./prices.ts";

const KS = [1, 2, 3, 5];
/** Points of accuracy within which an arm counts as no worse. */
const MARGIN = 0.01;
/** Processes at a time. */
const AT_ONCE = 2;
/**
 * Of an owner to whom the model is worth 15 USD a point, instead of labels worth something in themselves: answers first for
 * four fifths of the photos, as different as they are; more where the learning curve says that they pay. Chosen on other seeds.
 */
const OURS: ArmRequest["agreement"] = {
  labelling: { minAnswers: 0, startShare: 0.8 },
  quality: { valuePerPoint: 15 },
};
/** Terms of both arms: the product's defaults. */
const BOTH: ArmRequest["agreement"] = {};

const { folder, json, options } = benchArguments(
  "npm run bench:campaign -- <folder of class folders> --weights <folder> [--seeds N] [--first-seed N] [--photos N] [--ks 1,2,3,5] [--ours JSON] [--both JSON] [--keep FOLDER] [--plot FILE.svg] [--json]",
  ["weights", "seeds", "first-seed", "ours", "both", "ks", "keep", "photos", "plot"],
);
const photos = embeddedPhotos(folder, options.weights);
const seeds = Array.from({ length: Number(options.seeds ?? 3) }, (_, i) => i + Number(options["first-seed"] ?? 1));
const ks = options.ks === undefined ? KS : options.ks.split(",").filter(Boolean).map(Number);
const ours = options.ours === undefined ? OURS : (JSON.parse(options.ours) as ArmRequest["agreement"]);
const both = options.both === undefined ? BOTH : (JSON.parse(options.both) as ArmRequest["agreement"]);
const work = mkdtempSync(join(tmpdir(), "countersign-bench-campaign-"));
const begun = Date.now();
try {
  const results = await playAll();
  const own = results.get("ours") as ArmResult[];
  const fixed = ks.map((k) => ({ k, runs: results.get(`fixed-${k}`) as ArmResult[] }));
  const compared = fixed.map(({ k, runs }) => ({ k, runs, ...difference(runs, own) }));
  const asGood = compared.find(({ value }) => value >= -MARGIN);
  const proven = compared.find(({ low }) => low > -MARGIN);
  if (options.plot !== undefined) {
    const shown = [billOf("ours", own), ...fixed.map(({ k, runs }) => billOf(`${k} for each`, runs))];
    const note = `Means of ${seeds.length} simulated campaigns; grey is what every arm pays, by the same rules.`;
    writeFileSync(options.plot, billSvg("Where the money of a campaign goes, USD", note, shown));
  }
  print(
    {
      photos: Number(options.photos ?? photos.sha256s.length),
      seeds: seeds.length,
      ours: figures(own),
      fixed: Object.fromEntries(
        compared.map(({ k, runs, value, low, high }) => [
          k,
          { ...figures(runs), againstOurs: { value: rounded(value), low: rounded(low), high: rounded(high) } },
        ]),
      ),
      cheapestAsGood: against(asGood, own),
      cheapestProvenAsGood: against(proven, own),
      seconds: Math.round((Date.now() - begun) / 1000),
    },
    json,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function playAll(): Promise<Map<string, ArmResult[]>> {
  let doubts: ReturnType<typeof doubtsOf> | undefined;
  const todo = seeds.flatMap((seed) => {
    const pictures = join(work, `pictures-${seed}.json`);
    if (["ours", ...ks.map((k) => `fixed-${k}`)].some((name) => !isKept(name, seed))) {
      doubts ??= doubtsOf(photos);
      const all = hardPhotos(photos, doubts, seed);
      const some =
        options.photos === undefined ? all : chance(`campaign/${seed}/photos`).sample(all, Number(options.photos));
      writeFileSync(pictures, JSON.stringify(some));
    }
    const base = { embeddings: photos.folder, pictures, seed };
    const arm = (name: string, rest: Pick<ArmRequest, "agreement" | "model">) => ({
      name,
      request: { ...base, ...rest },
    });
    return [
      arm("ours", { agreement: merged(both, ours), model: true }),
      ...ks.map((k) => {
        const labelling = { minAnswers: k, maxAnswers: k, maxWaves: 1 };
        const own = { labelling, quality: { labelAccuracy: 0 } };
        return arm(`fixed-${k}`, { agreement: merged(both, own), model: false });
      }),
    ];
  });
  const results = new Map<string, ArmResult[]>();
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let one = todo[next++]; one !== undefined; one = todo[next++]) {
        const result = await armOf(one.name, one.request);
        results.set(
          one.name,
          [...(results.get(one.name) ?? []), result].sort((a, b) => a.seed - b.seed),
        );
        process.stderr.write(
          `seed ${one.request.seed}, ${one.name}: ${result.cost.toFixed(2)} USD, ${result.answersPerImage.toFixed(2)} answers a photo, right on ${(100 * shareRight(result)).toFixed(1)} % of the sealed test; ${Math.round((Date.now() - begun) / 1000)} s\n`,
        );
      }
    }),
  );
  return results;
}

/** The second's terms where the two differ. */
function merged(one: ArmRequest["agreement"], other: ArmRequest["agreement"]): ArmRequest["agreement"] {
  return {
    labelling: { ...one.labelling, ...other.labelling },
    quality: { ...one.quality, ...other.quality },
    inspection: { ...one.inspection, ...other.inspection },
  };
}

/** Where an arm's result is kept, if any is. */
function keptAt(name: string, seed: number): string | undefined {
  return options.keep === undefined ? undefined : join(options.keep, `${seed}-${name}.json`);
}

function isKept(name: string, seed: number): boolean {
  const file = keptAt(name, seed);
  return file !== undefined && existsSync(file);
}

/** Plays an arm, or reads what an interrupted run of the same program kept of it. */
async function armOf(name: string, request: ArmRequest): Promise<ArmResult> {
  const kept = keptAt(name, request.seed);
  if (kept !== undefined && existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8")) as ArmResult;
  const program = fileURLToPath(new URL("campaign-arm.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(request)], {
    maxBuffer: 64 * 2 ** 20,
  });
  if (kept !== undefined) {
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, stdout);
  }
  return JSON.parse(stdout) as ArmResult;
}

function shareRight({ test }: ArmResult): number {
  return test.filter(({ right }) => right).length / test.length;
}

function figures(runs: readonly ArmResult[]) {
  const mean = (of: (run: ArmResult) => number) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const hits = runs.flatMap(({ test }) => test);
  const { value, low, high } = wilson(hits.filter(({ right }) => right).length, hits.length);
  const usd = (of: (run: ArmResult) => number) => Math.round(100 * mean(of)) / 100;
  return {
    costUsd: usd(({ cost }) => cost),
    accuracy: rounded(value),
    low: rounded(low),
    high: rounded(high),
    calendarDays: Math.round(100 * mean(({ days }) => days)) / 100,
    labelOnlyUsd: usd(({ poolAnswersUsd }) => poolAnswersUsd),
    expertsUsd: usd(({ costOf }) => costOf.experts),
    answersPerPhoto: rounded(mean(({ answersPerImage }) => answersPerImage)),
    labelAccuracy: rounded(mean(({ accuracy }) => accuracy)),
    trainedOn: Math.round(mean(({ trainImages }) => trainImages)),
    testLabelsWrong: rounded(mean(({ testWrong, test }) => testWrong / test.length)),
    waves: rounded(mean(({ waves }) => waves)),
    bill: Object.fromEntries(billOf("", runs).parts.map(({ what, amount }) => [what, amount])),
    expertAnswers: Object.fromEntries(
      Object.keys(runs[0]?.expertAnswers ?? {}).map((kind) => [
        kind,
        Math.round(mean(({ expertAnswers }) => expertAnswers[kind as keyof typeof expertAnswers])),
      ]),
    ),
  };
}

/** Mean bill of an arm's runs, to the cent. */
function billOf(name: string, runs: readonly ArmResult[]): Bill {
  const mean = (of: (run: ArmResult) => number) =>
    Math.round((100 * runs.reduce((sum, run) => sum + of(run), 0)) / runs.length) / 100;
  const gold = ({ lots }: ArmResult) => PRICE * lots.reduce((sum, lot) => sum + lot.gold, 0);
  const experts = (...kinds: (keyof ArmResult["expertAnswers"])[]) =>
    mean(({ expertAnswers }) => EXPERT_PRICE * kinds.reduce((sum, kind) => sum + expertAnswers[kind], 0));
  const right = runs.flatMap(({ test }) => test);
  return {
    name,
    note: `model right on ${((100 * right.filter((one) => one.right).length) / right.length).toFixed(1)} %`,
    parts: [
      { what: "answers for training", amount: mean(({ poolAnswersUsd }) => poolAnswersUsd) },
      { what: "experts' queue and audits", amount: experts("queue", "audit", "production") },
      { what: "test set: answers", amount: mean((run) => run.costOf.answers - run.poolAnswersUsd - gold(run)) },
      { what: "test set: experts", amount: experts("test") },
      { what: "gold: answers", amount: mean(gold) },
      { what: "gold: experts", amount: experts("gold") },
      { what: "inspection: experts", amount: experts("inspection") },
    ],
  };
}

/** Accuracy of `a` minus that of `b` on the same sealed photos, with its 95 % bootstrap interval over photos of all seeds. */
function difference(a: readonly ArmResult[], b: readonly ArmResult[]): { value: number; low: number; high: number } {
  const pairs = a.flatMap(({ test }, i) => {
    const other = new Map(b[i]?.test.map(({ sha256, right }) => [sha256, right]));
    return test.flatMap(({ sha256, right }) => (other.has(sha256) ? [Number(right) - Number(other.get(sha256))] : []));
  });
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const random = chance("campaign/bootstrap");
  const redrawn = Array.from({ length: 2000 }, () =>
    mean(pairs.map(() => pairs[random.below(pairs.length)] as number)),
  ).sort((x, y) => x - y);
  return { value: mean(pairs), low: redrawn[50] as number, high: redrawn[1949] as number };
}

/** Our cost in parts of a fixed arm's: in all, and of the pool's answers alone. null: no fixed arm is as good. */
function against(arm: { k: number; runs: readonly ArmResult[] } | undefined, own: readonly ArmResult[]) {
  if (arm === undefined) return null;
  const sum = (runs: readonly ArmResult[], of: (run: ArmResult) => number) => runs.reduce((s, run) => s + of(run), 0);
  return {
    answers: arm.k,
    ratio: rounded(sum(own, ({ cost }) => cost) / sum(arm.runs, ({ cost }) => cost)),
    labelOnlyRatio: rounded(
      sum(own, ({ poolAnswersUsd }) => poolAnswersUsd) / sum(arm.runs, ({ poolAnswersUsd }) => poolAnswersUsd),
    ),
  };
}
