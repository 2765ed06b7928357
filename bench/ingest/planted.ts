import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { type HashedImage, proposePairs } from "../../domain/duplicates/groups.ts";
import { shuffled } from "../../domain/split/rank.ts";
import { giveBack } from "../../lambdas/imaging/codec.ts";
import { examine } from "../../lambdas/imaging/inspect.ts";
import { runDuplicatePeer } from "./peers.ts";

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

type Rates = Record<string, { recall: number; precision: number }>;

/** Photos of a folder and changed copies of some of them, as files. */
export interface Planted {
  originals: string[];
  /** Positions of the originals that were copied. */
  chosen: number[];
  /** Files by kind, in the order of `chosen`. */
  copies: Record<string, string[]>;
}

/** Writes `count` copies of each kind into `scratch`; at most `most` photos of the folder are looked at. */
export async function plant(folder: string, scratch: string, count: number, most: number): Promise<Planted> {
  rmSync(scratch, { recursive: true, force: true });
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.jpe?g$/i.test(name)).sort();
  const originals = shuffled(names, 1, "planted", (name) => name)
    .slice(0, most)
    .map((name) => join(folder, name));
  const chosen = originals.slice(0, count).map((_, i) => i);
  const copies: Record<string, string[]> = {};
  for (const [kind, change] of Object.entries(KINDS)) {
    mkdirSync(join(scratch, kind), { recursive: true });
    copies[kind] = [];
    for (const i of chosen) {
      const bytes = readFileSync(originals[i] as string);
      const { width = 0, height = 0 } = await sharp(bytes).metadata();
      const file = join(scratch, kind, `${i}.jpg`);
      writeFileSync(file, await change(bytes, width, height));
      copies[kind].push(file);
    }
  }
  return { originals, chosen, copies };
}

async function hashed(file: string): Promise<HashedImage> {
  const bytes = readFileSync(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { facts, findings, web } = await examine({ name: file, sha256, bytes });
  giveBack(web);
  return {
    sha256: file,
    pHash: facts.pHash,
    dHash: facts.dHash,
    flat: findings.some((f) => f.code === "low-information"),
  };
}

/** Of each kind: copies paired with their original, and right pairs among those that the copies brought. */
function rates(planted: Planted, pairsAmong: (files: string[]) => readonly (readonly [number, number])[]): Rates {
  const { originals, chosen, copies } = planted;
  const before = new Set(pairsAmong(originals).map((p) => p.join()));
  const result: Rates = {};
  for (const [kind, files] of Object.entries(copies)) {
    const pairs = pairsAmong([...originals, ...files]).filter((p) => !before.has(p.join()));
    const right = pairs.filter(([a, b]) => b >= originals.length && chosen[b - originals.length] === a).length;
    result[kind] = { recall: right / chosen.length, precision: pairs.length === 0 ? 1 : right / pairs.length };
  }
  return result;
}

/** What the product's hashes find, and what imagededup's PHash finds at the same radius and at its own default of 10. */
export async function compared(planted: Planted, scratch: string, radius: number) {
  const all = [...planted.originals, ...Object.values(planted.copies).flat()];
  const known = new Map<string, HashedImage>();
  for (const file of all) known.set(file, await hashed(file));
  const ours = rates(planted, (files) => proposePairs(files.map((file) => known.get(file) as HashedImage)).pairs);
  const list = join(scratch, "all.txt");
  writeFileSync(list, `${all.join("\n")}\n`);
  const place = new Map(all.map((file, i) => [file, i]));
  const theirs = (threshold: number): { kinds: Rates; msPerImage: number } => {
    const found = runDuplicatePeer("imagededup", list, `${threshold}`) as { ms: number; pairs: [number, number][] };
    const kinds = rates(planted, (files) => {
      const to = new Map(files.map((file, i) => [place.get(file), i]));
      return found.pairs.flatMap(([a, b]) => {
        const [x, y] = [to.get(a), to.get(b)];
        return x === undefined || y === undefined ? [] : [[Math.min(x, y), Math.max(x, y)] as const];
      });
    });
    return { kinds, msPerImage: Math.round(found.ms * 100) / 100 };
  };
  const hashes = planted.originals.map((file) => (known.get(file) as HashedImage).pHash);
  return { ours, imagededup: { [`radius${radius}`]: theirs(radius), radius10: theirs(10) }, hashes };
}

/**
 * Cosines of planted pairs and of pairs that are certainly none (photos of different folders), by a backbone of the
 * product. Even copies tune, odd ones judge: the threshold is the largest hundredth that keeps 99.5 % of the tuning
 * half's planted pairs.
 */
export function confirmation(planted: Planted, scratch: string, backbone: string, weights: string) {
  const { originals, chosen, copies } = planted;
  const files = [...chosen.map((i) => originals[i] as string), ...Object.values(copies).flat()];
  const list = join(scratch, "embedded.txt");
  const out = join(scratch, "embedded.f32");
  writeFileSync(list, `${files.join("\n")}\n`);
  const { dim } = runDuplicatePeer("embed", list, backbone, weights, out) as { dim: number };
  const rows = new Float32Array(new Uint8Array(readFileSync(out)).buffer);
  const cosine = (a: number, b: number) => {
    let sum = 0;
    for (let i = 0; i < dim; i += 1) sum += (rows[a * dim + i] as number) * (rows[b * dim + i] as number);
    return sum;
  };
  const half = (which: 0 | 1) => {
    const mine = chosen.map((_, i) => i).filter((i) => i % 2 === which);
    const same = mine.flatMap((i) => Object.keys(copies).map((_, k) => cosine(i, chosen.length * (k + 1) + i)));
    const different = mine.flatMap((i) =>
      mine.filter((j) => j > i && folderOf(files[i]) !== folderOf(files[j])).map((j) => cosine(i, j)),
    );
    return { same: same.sort((a, b) => a - b), different: different.sort((a, b) => a - b) };
  };
  const [tuning, judging] = [half(0), half(1)];
  const leastCosine = Math.floor((tuning.same[Math.floor(tuning.same.length * 0.005)] as number) * 100) / 100;
  const share = (values: readonly number[], least: number) => values.filter((v) => v >= least).length / values.length;
  const judged = (least: number) => ({
    keptPlanted: share(judging.same, least),
    keptDifferent: share(judging.different, least),
  });
  return {
    backbone,
    pairs: { planted: judging.same.length, different: judging.different.length },
    leastCosine,
    judged: judged(leastCosine),
    judgedAt: Object.fromEntries([0.75, 0.8, 0.85, 0.9, 0.95].map((least) => [least, judged(least)])),
    largestDifferent: judging.different.at(-1),
    smallestPlanted: judging.same[0],
  };
}

function folderOf(file: string | undefined): string {
  return (file ?? "").split("/").slice(0, -1).join("/");
}
