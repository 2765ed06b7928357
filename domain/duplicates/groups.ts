import { type Hashes, MultiIndex, packHashes, popcount } from "./multi-index.ts";
import { UnionFind } from "./union-find.ts";

export interface HashedImage {
  sha256: string;
  /** 64-bit hashes as 16 hex digits. */
  pHash: string;
  dHash: string;
  /** Nearly nothing to see: such images share hashes by accident, so hashes alone group none of them. */
  flat: boolean;
}

export interface PairPolicy {
  /** Most bits in which two perceptual hashes may differ, 0-11. */
  pHashRadius: number;
  /** Most bits in which the difference hashes of the same pair may differ. */
  dHashRadius: number;
  /** Perceptual hashes this far apart (0-11) are a pair, too, where the difference hashes agree in all but so many bits. */
  far: { pHashRadius: number; dHashRadius: number };
  /** A hash with more images within `pHashRadius` than this is skewed: nothing is grouped through it. */
  mostNear: number;
}

/**
 * On half of 4,400 real photos and planted copies `far` raised 2 % crops from .960 to .992 and 4 % crops from .46 to .55
 * with no pair of different photos more; on the other half from .956 to .984 and from .43 to .54.
 */
export const PAIR_POLICY: PairPolicy = {
  pHashRadius: 8,
  dHashRadius: 12,
  far: { pHashRadius: 10, dHashRadius: 8 },
  mostNear: 100,
};

export interface Pairs {
  /** Positions (a < b) of images that look like the same picture, each pair once, sorted. */
  pairs: [number, number][];
  /** Positions of images whose hash is shared by too many: not looked at, to be told. */
  skewed: number[];
}

/**
 * Proposes pairs of near-duplicates by both hashes. Images with equal perceptual hashes are compared within their
 * class, others through the index over distinct hashes. Does not depend on the order of the images, but for positions.
 */
export function proposePairs(images: readonly HashedImage[], policy: PairPolicy = PAIR_POLICY): Pairs {
  const classes = new Map<string, number[]>();
  images.forEach((image, i) => {
    if (image.flat) return;
    const members = classes.get(image.pHash);
    if (members === undefined) classes.set(image.pHash, [i]);
    else members.push(i);
  });
  const distinct = [...classes.keys()];
  const p = packHashes(distinct);
  const d = packHashes(images.map((i) => i.dHash));
  const index = new MultiIndex(p);
  const reach = Math.max(policy.pHashRadius, policy.far.pHashRadius);
  const near = distinct.map((_, c) => index.near(p.high[c] as number, p.low[c] as number, reach));
  const members = distinct.map((hash) => classes.get(hash) as number[]);
  const isNear = (a: number, b: number) => bitsBetween(p, a, b) <= policy.pHashRadius;
  const crowd = near.map((list, c) =>
    list.reduce((sum, other) => sum + (isNear(c, other) ? (members[other] as number[]).length : 0), 0),
  );
  const isSkewed = (c: number) => (crowd[c] as number) > policy.mostNear;
  const pairs: [number, number][] = [];
  near.forEach((list, c) => {
    if (isSkewed(c)) return;
    for (const other of list) {
      if (other < c || isSkewed(other)) continue;
      const most = isNear(c, other) ? policy.dHashRadius : policy.far.dHashRadius;
      for (const a of members[c] as number[]) {
        for (const b of members[other] as number[]) {
          if ((other === c && b <= a) || bitsBetween(d, a, b) > most) continue;
          pairs.push(a < b ? [a, b] : [b, a]);
        }
      }
    }
  });
  pairs.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
  const skewed = members.flatMap((list, c) => (isSkewed(c) ? list : [])).sort((a, b) => a - b);
  return { pairs, skewed };
}

function bitsBetween({ high, low }: Hashes, a: number, b: number): number {
  const [highs, lows] = [(high[a] as number) ^ (high[b] as number), (low[a] as number) ^ (low[b] as number)];
  return popcount(highs) + popcount(lows);
}

/** Group of each image: the smallest sha256 among all that pairs connect it with; its own where nothing does. */
export function groupsOf(sha256s: readonly string[], pairs: readonly (readonly [number, number])[]): string[] {
  const sets = new UnionFind(sha256s.length);
  for (const [a, b] of pairs) sets.union(a, b);
  const smallest = new Map<number, string>();
  sha256s.forEach((sha, i) => {
    const set = sets.name(i);
    const known = smallest.get(set);
    if (known === undefined || sha < known) smallest.set(set, sha);
  });
  return sha256s.map((_, i) => smallest.get(sets.name(i)) as string);
}
