// Near-duplicate search: speed and memory of the index against brute force, and what it finds among planted copies.
// npm run bench:duplicates -- [FOLDER] [--n N] [--queries N] [--planted N] [--json]
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { PAIR_POLICY, proposePairs } from "../../domain/duplicates/groups.ts";
import { type Hashes, MultiIndex, packHashes, popcount } from "../../domain/duplicates/multi-index.ts";
import { rank, shuffled } from "../../domain/split/rank.ts";
import { examine } from "../../lambdas/imaging/inspect.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    n: { type: "string", default: "1000000" },
    queries: { type: "string", default: "2000" },
    planted: { type: "string", default: "150" },
  },
});
const n = Number(values.n);
const RADIUS = PAIR_POLICY.pHashRadius;

/** Random hashes; every tenth one is a copy of an earlier one with up to ten bits changed. */
function hashesOf(count: number): Hashes {
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  let state = 88172645;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let i = 0; i < count; i += 1) {
    const copies = i > 10 && i % 10 === 0;
    const from = next() % Math.max(1, i);
    high[i] = copies ? (high[from] as number) : next();
    low[i] = copies ? (low[from] as number) : next();
    for (let flips = copies ? next() % 11 : 0; flips > 0; flips -= 1) {
      const bit = next() & 63;
      if (bit < 32) high[i] = (high[i] as number) ^ (1 << bit);
      else low[i] = (low[i] as number) ^ (1 << (bit - 32));
    }
  }
  return { high, low };
}

function bruteForce({ high, low }: Hashes, q: number, radius: number): number {
  const queryHigh = high[q] as number;
  const queryLow = low[q] as number;
  let found = 0;
  for (let i = 0; i < high.length; i += 1) {
    if (popcount((high[i] as number) ^ queryHigh) + popcount((low[i] as number) ^ queryLow) <= radius) found += 1;
  }
  return found;
}

/** CPU microseconds per query, index memory, and the share of brute force's finds on `checked` queries. */
function indexSpeed(hashes: Hashes, queries: number, checked: number) {
  const count = hashes.high.length;
  const before = process.memoryUsage().arrayBuffers;
  const started = process.cpuUsage();
  const index = new MultiIndex(hashes);
  const buildMs = process.cpuUsage(started).user / 1000;
  // The hashes themselves belong to the index: 8 bytes each.
  const indexMb = (process.memoryUsage().arrayBuffers - before + count * 8) / 1024 / 1024;
  const asked = Array.from({ length: queries }, (_, i) => Math.floor(rank(1, "query", `${i}`) * count));
  const ask = (q: number) => index.near(hashes.high[q] as number, hashes.low[q] as number, RADIUS).length;
  for (const q of asked.slice(0, 200)) ask(q);
  const start = process.cpuUsage();
  for (const q of asked) ask(q);
  const queryUs = process.cpuUsage(start).user / queries;
  let expected = 0;
  let found = 0;
  for (const q of asked.slice(0, checked)) {
    expected += bruteForce(hashes, q, RADIUS);
    found += ask(q);
  }
  const two = (value: number) => Math.round(value * 100) / 100;
  return {
    n: count,
    radius: RADIUS,
    queryUs: two(queryUs),
    buildMs: Math.round(buildMs),
    indexMb: two(indexMb),
    recall: found / expected,
  };
}

const KINDS: Readonly<Record<string, (bytes: Buffer, width: number, height: number) => Promise<Buffer>>> = {
  crop: (bytes, width, height) =>
    sharp(bytes)
      .extract({
        left: Math.round(width * 0.02),
        top: Math.round(height * 0.02),
        width: Math.round(width * 0.96),
        height: Math.round(height * 0.96),
      })
      .jpeg({ quality: 90 })
      .toBuffer(),
  reencode: (bytes) => sharp(bytes).jpeg({ quality: 50 }).toBuffer(),
  resize: (bytes, width) =>
    sharp(bytes)
      .resize(Math.round(width * 0.6))
      .jpeg({ quality: 85 })
      .toBuffer(),
  brightness: (bytes) => sharp(bytes).linear(1.15, 8).jpeg({ quality: 85 }).toBuffer(),
};

async function hashed(name: string, bytes: Buffer) {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { facts, findings } = await examine({ name, sha256, bytes });
  const flat = findings.some((f) => f.code === "low-information");
  return { image: { sha256: name, pHash: facts.pHash, dHash: facts.dHash, flat }, facts };
}

/** Copies of photos planted among all of the folder's: how many are paired with their original, and with what else. */
async function planted(folder: string, count: number) {
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.jpe?g$/i.test(name)).sort();
  const originals = await Promise.all(
    names.map(async (name) => (await hashed(name, readFileSync(join(folder, name)))).image),
  );
  const before = new Set(proposePairs(originals).pairs.map((p) => p.join()));
  const chosen = shuffled(names, 1, "planted", (name) => name).slice(0, count);
  const kinds: Record<string, { recall: number; precision: number }> = {};
  for (const [kind, change] of Object.entries(KINDS)) {
    const copies = [];
    for (const name of chosen) {
      const bytes = readFileSync(join(folder, name));
      const { facts } = await hashed(name, bytes);
      copies.push((await hashed(`${kind} of ${name}`, await change(bytes, facts.width, facts.height))).image);
    }
    const all = [...originals, ...copies];
    const pairs = proposePairs(all).pairs.filter((p) => !before.has(p.join()));
    const right = pairs.filter(([a, b]) => all[b]?.sha256 === `${kind} of ${all[a]?.sha256}`).length;
    kinds[kind] = { recall: right / count, precision: pairs.length === 0 ? 1 : right / pairs.length };
  }
  // Real hashes are skewed: the same index over the folder's own.
  const real = indexSpeed(
    packHashes(originals.map((o) => o.pHash)),
    Math.min(2000, names.length),
    Math.min(500, names.length),
  );
  return { files: names.length, pairsAmongOriginals: before.size, kinds, real };
}

const random = indexSpeed(hashesOf(n), Number(values.queries), 60);
const folder = positionals[0];
const result = { ...random, ...(folder === undefined ? { kinds: {} } : await planted(folder, Number(values.planted))) };
console.log(values.json ? JSON.stringify(result) : result);
