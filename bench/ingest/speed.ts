// CPU per image of the whole check set beside its peers, on the same files in one run.
// npm run bench:ingest -- FOLDER [--files N] [--large N] [--no-peers] [--json]
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { shuffled } from "../../domain/split/rank.ts";
import { giveBack } from "../../lambdas/imaging/codec.ts";
import { encodeThumbnail, examine, type InspectionJob, inspect } from "../../lambdas/imaging/inspect.ts";
import { type Cost, imagingPool } from "../../lambdas/imaging/pool.ts";
import { installPeers, libjpegMs, peerMs } from "./peers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    files: { type: "string", default: "300" },
    large: { type: "string", default: "12" },
    "no-peers": { type: "boolean", default: false },
  },
});
const folder = positionals[0];
if (folder === undefined) {
  console.error("say which folder of JPEGs: npm run bench:ingest -- FOLDER");
  process.exit(2);
}

const scratch = fileURLToPath(new URL("../../build/bench-ingest", import.meta.url));
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.jpe?g$/i.test(name)).sort();
const sample = (count: number, purpose: string) =>
  shuffled(names, 1, purpose, (n) => n)
    .slice(0, count)
    .map((n) => join(folder, n));

/** Copies of photos at a long side of `side`, enlarged where they are smaller. */
async function resized(count: number, side: number, quality: number): Promise<string[]> {
  const paths: string[] = [];
  for (const path of sample(count, `size ${side}`)) {
    const to = join(scratch, `${side}-${paths.length}.jpg`);
    const image = sharp(readFileSync(path)).resize(side, side, { fit: "inside", kernel: "lanczos3" });
    writeFileSync(to, await image.jpeg({ quality, mozjpeg: false }).toBuffer());
    paths.push(to);
  }
  return paths;
}

function jobOf(path: string): InspectionJob {
  const bytes = readFileSync(path);
  return { name: path, sha256: createHash("sha256").update(bytes).digest("hex"), bytes };
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * CPU milliseconds per job in the best of `rounds` (other programs on the machine only add), after a warm-up; the read from
 * disk counts, as it does for the peers.
 */
async function timed(
  paths: readonly string[],
  rounds: number,
  work: (job: InspectionJob) => Promise<unknown>,
): Promise<number> {
  const jobs = paths.map((path) => ({ path, sha256: jobOf(path).sha256 }));
  for (const { path, sha256 } of jobs.slice(0, 30)) await work({ name: path, sha256, bytes: readFileSync(path) });
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r += 1) {
    const start = cpu();
    for (const { path, sha256 } of jobs) await work({ name: path, sha256, bytes: readFileSync(path) });
    best = Math.min(best, cpu() - start);
  }
  return best / paths.length;
}

async function throughput(paths: readonly string[], rounds: number) {
  let peakBytes = 0;
  const onCost = (cost: Cost) => {
    peakBytes = Math.max(peakBytes, cost.peakBytes ?? 0);
  };
  const pool = imagingPool({ onCost });
  const jobs = paths.map(jobOf);
  await Promise.all(jobs.slice(0, 8).map((job) => pool.inspect(job)));
  const start = performance.now();
  for (let r = 0; r < rounds; r += 1) await Promise.all(jobs.map((job) => pool.inspect(job)));
  const seconds = (performance.now() - start) / 1000;
  pool.close();
  return {
    peakMb: Math.round(peakBytes / 1024 / 1024),
    imagesPerSecond: Math.round((paths.length * rounds) / seconds),
  };
}

async function measure(label: string, paths: readonly string[], rounds: number) {
  const list = join(scratch, `${label}.txt`);
  writeFileSync(list, `${paths.join("\n")}\n`);
  const limit = libjpegMs(paths, rounds);
  const oursMs = await timed(paths, rounds, async (job) => {
    const { thumbnail, web } = await examine(job);
    encodeThumbnail(thumbnail);
    giveBack(web);
  });
  const admissionMs = await timed(paths, rounds, inspect);
  const tuned = values["no-peers"] ? undefined : peerMs("tuned", list);
  const cleanvision = values["no-peers"] ? undefined : peerMs("cleanvision", list);
  const two = (value: number | undefined) => (value === undefined ? undefined : Math.round(value * 100) / 100);
  return {
    files: paths.length,
    oursMs: two(oursMs),
    /** The same with the web variant and the jobs' copy encoded too: what admission really spends. */
    admissionMs: two(admissionMs),
    libjpegMs: two(limit),
    pythonMs: two(tuned),
    cleanvisionMs: two(cleanvision),
    ...(await throughput(paths, rounds)),
  };
}

if (!values["no-peers"]) installPeers();
const small = await measure("small", await resized(Number(values.files), 512, 85), 5);
const large = await measure("large", await resized(Number(values.large), 4000, 88), 2);
const result = { small, large };
console.log(values.json ? JSON.stringify(result) : result);
