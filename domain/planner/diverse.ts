import { chance } from "../chance.ts";

/** Images are compared within blocks of this many, so that the time stays proportional to their number. */
const BLOCK = 4000;

/**
 * A part of the images that differ from each other as much as their features allow: greedy k-center (Gonzalez 1985), from a
 * random first one always the image farthest from all chosen so far; large sets in random blocks, the same share of each.
 * `vectors` holds images x dim, row-major; all rows of length 1, or any rows that may be compared by distance.
 * Returns ascending indices, `wanted` of them or all there are. Within twice the least possible radius of each block.
 * O(wanted x block x dim). Equal distances: the first in the block's random order.
 */
export function diverseImages(vectors: Float32Array, dim: number, wanted: number, seed: string | number): Int32Array {
  const count = dim === 0 ? 0 : vectors.length / dim;
  if (!Number.isInteger(count)) throw new RangeError(`${vectors.length} numbers are no rows of ${dim}`);
  if (wanted >= count) return Int32Array.from({ length: count }, (_, i) => i);
  const order = chance(`${seed}/diverse`).shuffle(Array.from({ length: count }, (_, i) => i));
  const blocks = Math.ceil(count / BLOCK);
  const chosen: number[] = [];
  for (let b = 0; b < blocks; b++) {
    const block = order.slice(Math.floor((b * count) / blocks), Math.floor(((b + 1) * count) / blocks));
    const share = Math.floor(((b + 1) * wanted) / blocks) - Math.floor((b * wanted) / blocks);
    chosen.push(...farthestFirst(vectors, dim, block, share));
  }
  return Int32Array.from(chosen).sort();
}

function farthestFirst(vectors: Float32Array, dim: number, block: readonly number[], wanted: number): number[] {
  const distance = new Float64Array(block.length).fill(Number.POSITIVE_INFINITY);
  const chosen: number[] = [];
  let at = 0;
  while (chosen.length < wanted) {
    const center = block[at]! * dim;
    chosen.push(block[at]!);
    let next = 0;
    for (let i = 0; i < block.length; i++) {
      const from = block[i]! * dim;
      let square = 0;
      for (let j = 0; j < dim; j++) square += (vectors[from + j]! - vectors[center + j]!) ** 2;
      if (square < distance[i]!) distance[i] = square;
      if (distance[i]! > distance[next]!) next = i;
    }
    // Chosen ones are never farthest again, however many look alike.
    distance[at] = -1;
    if (distance[next]! < 0) next = distance.findIndex((d) => d >= 0);
    at = next;
  }
  return chosen;
}
