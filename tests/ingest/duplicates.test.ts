import fc from "fast-check";
import { expect, test } from "vitest";
import { confirmPairs } from "../../domain/duplicates/confirm.ts";
import { groupsOf, type HashedImage, PAIR_POLICY, proposePairs } from "../../domain/duplicates/groups.ts";
import { MultiIndex, packHashes, popcount } from "../../domain/duplicates/multi-index.ts";
import { UnionFind } from "../../domain/duplicates/union-find.ts";

const hash = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((v) => v.toString(16).padStart(16, "0"));
/** Hashes near one another, as real ones are. */
const crowded = fc
  .tuple(hash, fc.array(fc.array(fc.nat(63), { maxLength: 12 }), { minLength: 1, maxLength: 60 }))
  .map(([base, flips]) =>
    flips.map((bits) =>
      bits
        .reduce((v, bit) => v ^ (1n << BigInt(bit)), BigInt(`0x${base}`))
        .toString(16)
        .padStart(16, "0"),
    ),
  );

function distance(a: string, b: string): number {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll("0", "").length;
}

test("popcount counts set bits", () => {
  expect([0, 1, 0xff, 0xffffffff, 0x80000001].map(popcount)).toEqual([0, 1, 8, 32, 2]);
});

test("the index finds exactly what a comparison with every hash finds, each once, at every radius", () => {
  fc.assert(
    fc.property(crowded, hash, fc.integer({ min: 0, max: 11 }), (near, far, radius) => {
      const hashes = [...near, far];
      const packed = packHashes(hashes);
      const index = new MultiIndex(packed);
      hashes.forEach((query, q) => {
        const expected = hashes.flatMap((h, i) => (distance(query, h) <= radius ? [i] : []));
        const found = index.near(packed.high[q] as number, packed.low[q] as number, radius);
        expect(found.sort((a, b) => a - b)).toEqual(expected);
      });
    }),
    { numRuns: 60 },
  );
});

test("a radius outside 0-11 and a text that is no hash are refused", () => {
  const index = new MultiIndex(packHashes([]));
  expect(() => index.near(0, 0, 12)).toThrow("radius 12: allowed are 0 to 11");
  expect(() => packHashes(["xyz"])).toThrow('"xyz" is not a 64-bit hash');
  expect(index.near(0, 0, 8)).toEqual([]);
});

test("sets are named by their smallest member", () => {
  const sets = new UnionFind(6);
  sets.union(5, 3);
  sets.union(3, 4);
  sets.union(0, 1);
  expect([0, 1, 2, 3, 4, 5].map((i) => sets.name(i))).toEqual([0, 0, 2, 3, 3, 3]);
});

function image(sha256: string, pHash: string, dHash = pHash, flat = false): HashedImage {
  return { sha256, pHash, dHash, flat };
}

test("a pair needs both hashes near", () => {
  const images = [
    image("a", "0000000000000000"),
    image("b", "00000000000000ff"), // 8 bits away
    image("c", "00000000000001ff"), // 9 from a, 1 from b
    image("d", "0000000000000000", "ffffffffffffffff"), // another picture by its difference hash
  ];
  expect(proposePairs(images).pairs).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

test("perceptual hashes a little further apart make a pair where the difference hashes nearly agree", () => {
  const tenBitsAway = "00000000000003ff";
  const close = [image("a", "0000000000000000"), image("b", tenBitsAway, "00000000000000ff")];
  const apart = [image("a", "0000000000000000"), image("b", tenBitsAway, "00000000000001ff")];
  expect(proposePairs(close).pairs).toEqual([[0, 1]]);
  expect(proposePairs(apart).pairs).toEqual([]);
});

test("flat images are never grouped by hashes alone", () => {
  const flats = [image("a", "8000000000000000", undefined, true), image("b", "8000000000000000", undefined, true)];
  expect(proposePairs(flats).pairs).toEqual([]);
});

test("a hash that too many images share groups none of them and is told", () => {
  const crowd = Array.from({ length: 6 }, (_, i) => image(`${i}`, "00000000000000ff"));
  const policy = { ...PAIR_POLICY, mostNear: 5 };
  expect(proposePairs(crowd, policy)).toEqual({ pairs: [], skewed: [0, 1, 2, 3, 4, 5] });
  expect(proposePairs(crowd.slice(0, 3), policy).pairs).toHaveLength(3);
});

test("groups are the same whatever the order, and named by their smallest sha256", () => {
  fc.assert(
    fc.property(crowded, fc.infiniteStream(fc.nat()), (hashes, order) => {
      const images = hashes.map((h, i) => image(`s${i}`, h));
      const ranks = new Map(images.map((i) => [i.sha256, order.next().value as number]));
      const shuffled = [...images].sort((a, b) => (ranks.get(a.sha256) as number) - (ranks.get(b.sha256) as number));
      const byName = (list: HashedImage[]) => {
        const names = list.map((i) => i.sha256);
        const groups = groupsOf(names, proposePairs(list).pairs);
        return new Map(names.map((n, i) => [n, groups[i]]));
      };
      expect(byName(shuffled)).toEqual(
        new Map([...byName(images)].sort((a, b) => [...ranks.keys()].indexOf(a[0]) - [...ranks.keys()].indexOf(b[0]))),
      );
      for (const [name, group] of byName(images)) expect((group as string) <= name).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("embeddings that disagree break a pair; a missing row keeps it", () => {
  const embeddings = { ids: ["a", "b", "c"], dim: 2, vectors: Float32Array.from([1, 0, 0.6, 0.8, 1, 0]) };
  const pairs: [number, number][] = [
    [0, 1],
    [0, 2],
    [0, 3],
  ];
  expect(confirmPairs(["a", "b", "c", "d"], pairs, embeddings, 0.9)).toEqual([
    [0, 2],
    [0, 3],
  ]);
  expect(confirmPairs(["a", "b", "c", "d"], pairs, embeddings, 0.59)).toEqual(pairs);
});
