import { WASM } from "./hamming-kernel.ts";

/** 64-bit hashes as two unsigned halves each; the position is the hash's id. */
export interface Hashes {
  high: Uint32Array;
  low: Uint32Array;
}

/** Packs 16-digit hex hashes. Throws RangeError on other texts. */
export function packHashes(texts: readonly string[]): Hashes {
  const high = new Uint32Array(texts.length);
  const low = new Uint32Array(texts.length);
  texts.forEach((text, i) => {
    if (!/^[0-9a-f]{16}$/.test(text)) throw new RangeError(`"${text}" is not a 64-bit hash of 16 hex digits`);
    high[i] = Number.parseInt(text.slice(0, 8), 16);
    low[i] = Number.parseInt(text.slice(8), 16);
  });
  return { high, low };
}

/** Number of set bits of a 32-bit value. */
export function popcount(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

const TABLES = 4;
const BUCKETS = 1 << 16;
const ONE_BIT = Array.from({ length: 16 }, (_, i) => 1 << i);
const TWO_BITS = ONE_BIT.flatMap((a, i) => ONE_BIT.slice(i + 1).map((b) => a | b));
/** Masks with 0, then 1, then 2 set bits of 16. */
const MASKS = Uint32Array.from([0, ...ONE_BIT, ...TWO_BITS]);
export const LARGEST_RADIUS = 11;

/** The function of assembly/hamming.ts; addresses are bytes in `memory`. */
interface HammingKernel {
  memory: WebAssembly.Memory;
  near(
    hashes: number,
    ids: number,
    starts: number,
    masks: number,
    n: number,
    high: number,
    low: number,
    radius: number,
    found: number,
  ): number;
}

let program: WebAssembly.Module | undefined;

/**
 * Exact search for all hashes within a Hamming radius of 0-11 (multi-index hashing, Norouzi, Punjani & Fleet 2012):
 * of four 16-bit parts at least one differs in at most radius / 4 bits, the later ones even in one less, so only
 * those buckets are looked at. Memory: 52 bytes per hash and 1 MB, for each table holds the hashes in its own order: a
 * bucket is read in one go. Close to linear in the size of the buckets, so give each distinct hash once.
 */
export class MultiIndex {
  readonly #kernel: HammingKernel;
  readonly #n: number;
  /** Where per table the hashes in the order of its part, their ids, and the buckets' starts lie; then room for what is found. */
  readonly #at: { hashes: number; ids: number; starts: number; masks: number; found: number };

  constructor(hashes: Hashes) {
    program ??= new WebAssembly.Module(Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0)));
    this.#kernel = new WebAssembly.Instance(program).exports as unknown as HammingKernel;
    const n = hashes.high.length;
    this.#n = n;
    const ids = 8 * TABLES * n;
    const starts = ids + 4 * TABLES * n;
    const masks = starts + 4 * TABLES * (BUCKETS + 1);
    const found = masks + 4 * MASKS.length;
    this.#at = { hashes: 0, ids, starts, masks, found };
    const { memory } = this.#kernel;
    const missing = found + 4 * n - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    new Uint32Array(memory.buffer, masks, MASKS.length).set(MASKS);
    for (let table = 0; table < TABLES; table += 1) this.#fill(hashes, table);
  }

  /** Memory that the index holds. */
  get bytes(): number {
    return this.#kernel.memory.buffer.byteLength;
  }

  /** Counting sort by a table's part. */
  #fill({ high, low }: Hashes, table: number): void {
    const n = this.#n;
    const { buffer } = this.#kernel.memory;
    const starts = new Uint32Array(buffer, this.#at.starts + 4 * table * (BUCKETS + 1), BUCKETS + 1);
    const halves = new Uint32Array(buffer, 8 * table * n, 2 * n);
    const ids = new Uint32Array(buffer, this.#at.ids + 4 * table * n, n);
    for (let i = 0; i < n; i += 1) {
      const bucket = part(high[i] as number, low[i] as number, table) + 1;
      starts[bucket] = (starts[bucket] as number) + 1;
    }
    for (let b = 1; b <= BUCKETS; b += 1) starts[b] = (starts[b] as number) + (starts[b - 1] as number);
    const next = starts.slice(0, BUCKETS);
    for (let i = 0; i < n; i += 1) {
      const bucket = part(high[i] as number, low[i] as number, table);
      const at = next[bucket] as number;
      // WebAssembly's memory is little-endian everywhere.
      halves[2 * at] = low[i] as number;
      halves[2 * at + 1] = high[i] as number;
      ids[at] = i;
      next[bucket] = at + 1;
    }
  }

  /** Ids of all hashes within the radius, each once, in no order. Throws RangeError for a radius outside 0-11. */
  near(high: number, low: number, radius: number): number[] {
    if (!Number.isInteger(radius) || radius < 0 || radius > LARGEST_RADIUS) {
      throw new RangeError(`radius ${radius}: allowed are 0 to ${LARGEST_RADIUS}`);
    }
    const { hashes, ids, starts, masks, found } = this.#at;
    const count = this.#kernel.near(hashes, ids, starts, masks, this.#n, high, low, radius, found);
    return [...new Uint32Array(this.#kernel.memory.buffer, found, count)];
  }
}

function part(high: number, low: number, table: number): number {
  const half = table < 2 ? high : low;
  return table % 2 === 0 ? half >>> 16 : half & 0xffff;
}
