// Near-duplicate search: speed and memory of the index against brute force, and what it finds among planted copies.
// npm run bench:duplicates -- [FOLDER] [--n N] [--queries N] [--photos N] [--planted N] [--weights FOLDER] [--json]
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PAIR_POLICY } from "../../domain/duplicates/groups.ts";
import { type Hashes, MultiIndex, packHashes, popcount } from "../../domain/duplicates/multi-index.ts";
import { rank } from "../../domain/split/rank.ts";
import { installPeers } from "./peers.ts";
import { compared, confirmation, plant } from "./planted.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    n: { type: "string", default: "1000000" },
    queries: { type: "string", default: "2000" },
    planted: { type: "string", default: "150" },
    photos: { type: "string", default: "3000" },
    /** Folder of pretrained weights: embeddings that confirm pairs are judged with them, too. */
    weights: { type: "string" },
    backbones: { type: "string", default: "mobilenetv2_100,vit_tiny_patch16_224" },
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
  const started = process.cpuUsage();
  const index = new MultiIndex(hashes);
  const buildMs = process.cpuUsage(started).user / 1000;
  const indexMb = index.bytes / 1024 / 1024;
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

/** `count` distinct hashes crowded as real ones are: each a photo's own with up to 12 bits changed. */
function crowded(real: Hashes, count: number): Hashes {
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  const seen = new Set<number>();
  for (let i = 0, n = 0; n < count; i += 1) {
    const from = i % real.high.length;
    let h = real.high[from] as number;
    let l = real.low[from] as number;
    const flips = i < real.high.length ? 0 : Math.floor(rank(2, "flips", `${i}`) * 13);
    for (let f = 0; f < flips; f += 1) {
      const bit = Math.floor(rank(2, "bit", `${i} ${f}`) * 64);
      if (bit < 32) h = (h ^ (1 << bit)) >>> 0;
      else l = (l ^ (1 << (bit - 32))) >>> 0;
    }
    // Distinct up to 53 bits, which is as good as distinct.
    const key = (h & 0x1fffff) * 2 ** 32 + l;
    if (seen.has(key)) continue;
    seen.add(key);
    high[n] = h;
    low[n] = l;
    n += 1;
  }
  return { high, low };
}

/** The index on hashes of real photos, and crowded ones of the same number as the random ones. */
function realSpeed(pHashes: string[]) {
  const real = packHashes([...new Set(pHashes)]);
  return {
    real: indexSpeed(real, Math.min(2000, real.high.length), Math.min(500, real.high.length)),
    crowded: indexSpeed(crowded(real, n), Number(values.queries), 60),
  };
}

async function ofFolder(folder: string) {
  installPeers();
  const scratch = fileURLToPath(new URL("../../build/bench-duplicates", import.meta.url));
  const planted = await plant(folder, scratch, Number(values.planted), Number(values.photos));
  const { ours, imagededup, hashes } = await compared(planted, scratch, RADIUS);
  const backbones = values.weights === undefined ? ["descriptor"] : ["descriptor", ...values.backbones.split(",")];
  return {
    photos: planted.originals.length,
    planted: planted.chosen.length,
    kinds: ours,
    imagededup,
    ...realSpeed(hashes),
    confirmation: backbones.map((backbone) => confirmation(planted, scratch, backbone, values.weights ?? "")),
  };
}

const random = indexSpeed(hashesOf(n), Number(values.queries), 60);
const folder = positionals[0];
const result = { ...random, ...(folder === undefined ? { kinds: {} } : await ofFolder(folder)) };
console.log(values.json ? JSON.stringify(result) : result);
