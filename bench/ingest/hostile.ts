// Shows every file of a hostile folder to admission's own pool and counts what went wrong; then mutations of them.
// npm run hostile -- FOLDER [--mutations N] [--seed N] [--strict N] [--no-made] [--json]
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sniff } from "../../lambdas/imaging/header.ts";
import { type Cost, imagingPool } from "../../lambdas/imaging/pool.ts";
import { MADE } from "./made-hostile.ts";
import { mutated } from "./mutations.ts";
import { strictParity } from "./strict-parity.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    mutations: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    strict: { type: "string", default: "1000" },
    "no-made": { type: "boolean", default: false },
  },
});
const folder = positionals[0];
if (folder === undefined) {
  console.error("say which folder: npm run hostile -- FOLDER (it holds manifest.csv and files/)");
  process.exit(2);
}

/** Lines about single files; the counts hold the rest. */
const MOST_TOLD = 30;
let told = 0;

interface Score {
  files: number;
  admitted: number;
  crashes: number;
  overOneSecond: number;
  over300Mb: number;
  wrong: number;
  slowestMs: number;
  peakMb: number;
}

/** Looks at all files, at most `ahead` in hand, and adds up. `expected` undefined: either verdict is right. */
async function judge(
  files: Iterable<{ name: string; expected?: string; bytes: Buffer }>,
  ahead: number,
): Promise<Score> {
  const score: Score = {
    files: 0,
    admitted: 0,
    crashes: 0,
    overOneSecond: 0,
    over300Mb: 0,
    wrong: 0,
    slowestMs: 0,
    peakMb: 0,
  };
  const onCost = ({ name, cpuMilliseconds, peakBytes, ended }: Cost) => {
    const tooSlow = ended === "took too long" || (cpuMilliseconds ?? 0) > 1000;
    const tooLarge = ended === "held too much" || (peakBytes ?? 0) > 300 * 1024 * 1024;
    score.crashes += ended === "died" ? 1 : 0;
    score.overOneSecond += tooSlow ? 1 : 0;
    score.over300Mb += tooLarge ? 1 : 0;
    score.slowestMs = Math.max(score.slowestMs, Math.round(cpuMilliseconds ?? 0));
    score.peakMb = Math.max(score.peakMb, Math.round((peakBytes ?? 0) / 1024 / 1024));
    if (ended === undefined && !tooSlow && !tooLarge) return;
    told += 1;
    if (told <= MOST_TOLD)
      console.error(
        `${name}: ${ended ?? `${Math.round(cpuMilliseconds ?? 0)} ms, ${Math.round((peakBytes ?? 0) / 1048576)} MB`}`,
      );
  };
  // The watch is set wider than the limits that are judged here, so that it is the limits that hold.
  const pool = imagingPool({ secondsPerFile: 3, bytesPerProcess: 700 * 1024 * 1024, onCost });
  const running = new Set<Promise<void>>();
  for (const { name, expected, bytes } of files) {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const task: Promise<void> = pool
      .inspect({ name, sha256, bytes })
      .then(({ verdict, findings }) => {
        score.files += 1;
        score.admitted += verdict === "admitted" ? 1 : 0;
        const wanted = { quarantine: "quarantined", "admit-or-flag": "admitted" }[expected ?? ""];
        if (wanted === undefined || wanted === verdict) return;
        score.wrong += 1;
        console.error(`${name}: ${verdict}, expected ${expected}: ${findings.map((f) => f.message).join("; ")}`);
      })
      .finally(() => running.delete(task));
    running.add(task);
    if (running.size >= ahead) await Promise.race(running);
  }
  await Promise.all(running);
  pool.close();
  return score;
}

const lines = readFileSync(join(folder, "manifest.csv"), "utf8").trim().split(/\r?\n/);
const columns = (lines[0] as string).split(",");
const rows = lines.slice(1).map((line) => {
  const cells = line.split(",");
  return { name: cells[columns.indexOf("file")] as string, expected: cells[columns.indexOf("expected")] as string };
});
const listed = rows.map((row) => ({ ...row, bytes: readFileSync(join(folder, "files", row.name)) }));
const score = await judge(listed, 1);

const made: { name: string; expected: string; bytes: Buffer }[] = [];
if (!values["no-made"]) for (const file of MADE) made.push({ ...file, bytes: await file.make() });
const madeScore = await judge(made, 1);

const corpus = listed.filter(({ bytes }) => bytes.length > 0 && bytes.length < 60_000).map(({ bytes }) => bytes);
function* mutations() {
  for (let n = 0; n < Number(values.mutations); n += 1)
    yield { name: `mutation ${n}`, bytes: mutated(corpus, Number(values.seed), n) };
}
const fuzzed = await judge(mutations(), 16);

// What `djpeg -strict` refuses must not be admitted: our mutations of the folder's JPEGs, which decode more often than
// the mixed ones above, and the folder's own.
const jpegs = listed.filter(({ bytes }) => sniff(bytes) === "jpeg" && bytes.length < 300_000).map(({ bytes }) => bytes);
const parity = await strictParity([
  ...jpegs,
  ...Array.from({ length: Number(values.strict) }, (_, n) => mutated(jpegs, Number(values.seed) + 1, n)),
]);

const { files, crashes, overOneSecond, over300Mb, wrong } = score;
const result = {
  files,
  crashes,
  overOneSecond,
  over300Mb,
  wrong,
  slowestMs: score.slowestMs,
  peakMb: score.peakMb,
  made: madeScore,
  fuzzed,
  djpegStrict: parity,
};
console.log(values.json ? JSON.stringify(result) : result);
const failures = [score, madeScore, fuzzed].reduce(
  (sum, s) => sum + s.crashes + s.overOneSecond + s.over300Mb + s.wrong,
  0,
);
process.exitCode = failures + (parity.missed ?? 0) === 0 ? 0 : 1;
