/**
 * A reproducible random number in [0, 1) for a text under a seed: sorting by it shuffles, and neither the order nor
 * the number of other texts changes it. 53 bits; two 32-bit lanes mixed by MurmurHash3's constants and finalizer
 * (Appleby, public domain). Not for secrets.
 */
export function rank(seed: number, purpose: string, text: string): number {
  const key = `${seed}\u0000${purpose}\u0000${text}`;
  let a = 0x9747b28c;
  let b = 0x3c6ef372;
  for (let i = 0; i < key.length; i += 1) {
    const code = key.charCodeAt(i);
    a = rotate(a ^ Math.imul(rotate(Math.imul(code, 0xcc9e2d51), 15), 0x1b873593), 13);
    a = (Math.imul(a, 5) + 0xe6546b64) | 0;
    b = rotate(b ^ Math.imul(rotate(Math.imul(code + a, 0x1b873593), 17), 0xcc9e2d51), 11);
    b = (Math.imul(b, 5) + 0x561ccd1b) | 0;
  }
  const high = finalized(a ^ finalized(b ^ key.length));
  const low = finalized(b ^ high);
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 0x20000000000000;
}

/** Sorted by rank, ties by the text itself. */
export function shuffled<T>(items: readonly T[], seed: number, purpose: string, textOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, text: textOf(item), at: rank(seed, purpose, textOf(item)) }))
    .sort((x, y) => x.at - y.at || (x.text < y.text ? -1 : x.text > y.text ? 1 : 0))
    .map(({ item }) => item);
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function finalized(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
