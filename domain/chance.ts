/**
 * Seeded chance: the only chance that domain/ knows. The same seed gives the same numbers on every machine.
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, warmed up by 12 rounds.
 */
export interface Chance {
  /** In [0, 1), a multiple of 2^-32. */
  uniform(): number;
  /** An integer in [0, n), each equally likely. Throws RangeError unless n is an integer in 1..2^32. */
  below(n: number): number;
  /** A new array in random order (Fisher-Yates); the input stays as it is. */
  shuffle<T>(items: readonly T[]): T[];
  /** k different positions' items in random order; all of them where k >= items.length. */
  sample<T>(items: readonly T[], k: number): T[];
  /** Standard normal (Box-Muller, one of the pair). */
  normal(): number;
  /** Gamma(shape, 1) for shape > 0 (Marsaglia and Tsang 2000). */
  gamma(shape: number): number;
  /** Beta(a, b) for a, b > 0. */
  beta(a: number, b: number): number;
  /** An index drawn in proportion to weights >= 0. Throws RangeError where they sum to 0. */
  weighted(weights: ArrayLike<number>): number;
}

/** FNV-1a over the text's UTF-16 code units with a murmur3 finish: 32 bits, unsigned. Not for secrets. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    h = Math.imul(h ^ (unit & 0xff), 0x01000193);
    h = Math.imul(h ^ (unit >>> 8), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A generator for a seed. Derive independent ones by naming them: `chance(`${seed}/lots/${wave}`)`. */
export function chance(seed: string | number): Chance {
  const text = String(seed);
  let a = hash32(`a:${text}`) | 0;
  let b = hash32(`b:${text}`) | 0;
  let c = hash32(`c:${text}`) | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();

  const uniform = () => next() / 4294967296;
  const below = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 4294967296)
      throw new RangeError(`below(${n}): expected an integer from 1 to 2^32`);
    // Values from the last, incomplete run of n are drawn again, so that none is favoured.
    const limit = 4294967296 - (4294967296 % n);
    let value = next();
    while (value >= limit) value = next();
    return value % n;
  };
  const sample = <T>(items: readonly T[], k: number): T[] => {
    const out = items.slice();
    const count = Math.max(0, Math.min(k, out.length));
    for (let i = 0; i < count; i++) {
      const j = i + below(out.length - i);
      const kept = out[i] as T;
      out[i] = out[j] as T;
      out[j] = kept;
    }
    out.length = count;
    return out;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const gamma = (shape: number): number => {
    if (!(shape > 0)) throw new RangeError(`gamma(${shape}): expected a shape above 0`);
    if (shape < 1) return gamma(shape + 1) * (1 - uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    const scale = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const v = (1 + scale * x) ** 3;
      if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  };
  return {
    uniform,
    below,
    sample,
    shuffle: (items) => sample(items, items.length),
    normal,
    gamma,
    beta(alpha, beta) {
      const x = gamma(alpha);
      return x / (x + gamma(beta));
    },
    weighted(weights) {
      let total = 0;
      for (let i = 0; i < weights.length; i++) total += weights[i] as number;
      if (!(total > 0))
        throw new RangeError(`weighted(): the ${weights.length} weights sum to ${total}; expected more than 0`);
      let left = uniform() * total;
      let last = 0;
      for (let i = 0; i < weights.length; i++) {
        const weight = weights[i] as number;
        if (weight <= 0) continue;
        last = i;
        left -= weight;
        if (left < 0) return i;
      }
      return last;
    },
  };
}
