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
const MASKS_WITHIN = [1, 17, 137] as const;
export const LARGEST_RADIUS = 11;

/**
 * Exact search for all hashes within a Hamming radius of 0-11 (multi-index hashing, Norouzi, Punjani & Fleet 2012):
 * of four 16-bit parts at least one differs in at most radius / 4 bits, the later ones even in one less, so only
 * those buckets are looked at. Memory: 48 bytes per hash and 1 MB, for each table holds the hashes in its own order: a
 * bucket is read in one go. Close to linear in the size of the buckets, so give each distinct hash once.
 */
export class MultiIndex {
  /** Per table the hashes in the order of its part, and their ids. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #ids: Uint32Array;
  readonly #starts: Uint32Array;

  constructor(hashes: Hashes) {
    const n = hashes.high.length;
    this.#high = new Uint32Array(TABLES * n);
    this.#low = new Uint32Array(TABLES * n);
    this.#ids = new Uint32Array(TABLES * n);
    this.#starts = new Uint32Array(TABLES * (BUCKETS + 1));
    for (let table = 0; table < TABLES; table += 1) this.#fill(hashes, table, n);
  }

  /** Counting sort by a table's part. */
  #fill({ high, low }: Hashes, table: number, n: number): void {
    const starts = this.#starts.subarray(table * (BUCKETS + 1), (table + 1) * (BUCKETS + 1));
    for (let i = 0; i < n; i += 1) {
      const bucket = part(high[i] as number, low[i] as number, table) + 1;
      starts[bucket] = (starts[bucket] as number) + 1;
    }
    for (let b = 1; b <= BUCKETS; b += 1) starts[b] = (starts[b] as number) + (starts[b - 1] as number);
    const next = starts.slice(0, BUCKETS);
    for (let i = 0; i < n; i += 1) {
      const bucket = part(high[i] as number, low[i] as number, table);
      const at = next[bucket] as number;
      this.#high[table * n + at] = high[i] as number;
      this.#low[table * n + at] = low[i] as number;
      this.#ids[table * n + at] = i;
      next[bucket] = at + 1;
    }
  }

  /** Ids of all hashes within the radius, each once, in no order. Throws RangeError for a radius outside 0-11. */
  near(high: number, low: number, radius: number): number[] {
    if (!Number.isInteger(radius) || radius < 0 || radius > LARGEST_RADIUS) {
      throw new RangeError(`radius ${radius}: allowed are 0 to ${LARGEST_RADIUS}`);
    }
    const highs = this.#high;
    const lows = this.#low;
    const n = highs.length / TABLES;
    const found: number[] = [];
    for (let table = 0; table < TABLES; table += 1) {
      const within = partRadius(radius, table);
      if (within < 0) break;
      const wanted = part(high, low, table);
      const base = table * (BUCKETS + 1);
      for (let m = 0; m < (MASKS_WITHIN[within] as number); m += 1) {
        const bucket = base + (wanted ^ (MASKS[m] as number));
        const end = table * n + (this.#starts[bucket + 1] as number);
        for (let at = table * n + (this.#starts[bucket] as number); at < end; at += 1) {
          const highBits = (highs[at] as number) ^ high;
          const lowBits = (lows[at] as number) ^ low;
          if (popcount(highBits) + popcount(lowBits) > radius) continue;
          if (!foundBefore(highBits, lowBits, table, radius)) found.push(this.#ids[at] as number);
        }
      }
    }
    return found;
  }
}

/** Bits in which a table's part may differ: with radius = 4 a + b, a in the first b + 1 tables, a - 1 in the others. */
function partRadius(radius: number, table: number): number {
  return Math.floor(radius / TABLES) - (table <= radius % TABLES ? 0 : 1);
}

function part(high: number, low: number, table: number): number {
  const half = table < 2 ? high : low;
  return table % 2 === 0 ? half >>> 16 : half & 0xffff;
}

function foundBefore(highBits: number, lowBits: number, table: number, radius: number): boolean {
  for (let earlier = 0; earlier < table; earlier += 1) {
    if (popcount(part(highBits, lowBits, earlier)) <= partRadius(radius, earlier)) return true;
  }
  return false;
}
