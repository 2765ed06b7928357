import { chance } from "../chance.ts";

/** What a model said of one image, without a truth: of the sealed test when it was evaluated, or of a real request. */
export interface Said {
  label: string;
  /** It was not sure enough to answer. */
  abstained: boolean;
  /** Cosine distance to its nearest training images; null where the model carries none. */
  noveltyDistance: number | null;
}

export interface DriftTest {
  name: "class-mix" | "abstentions" | "novelty";
  /** Shares that are compared; for the class mix 0 and the total variation distance. */
  reference: number;
  recent: number;
  /** Of the permutation test. */
  pValue: number;
  drifted: boolean;
  reason: string;
}

export interface Drift {
  outcome: "too-few" | "steady" | "drifting";
  reference: number;
  recent: number;
  tests: DriftTest[];
}

/** Fewer than so many on either side tell nothing. */
const FEWEST = 50;
/** Of either side at most so many are compared, drawn by the seed. */
const MOST = 2000;
/** Over the three tests of one look. */
const ALPHA = 0.01;
const PERMUTATIONS = 999;
/** A real difference that nobody needs to act on: total variation of the class mix; shares of abstentions and of far images. */
const MARGINS = { "class-mix": 0.1, abstentions: 0.05, novelty: 0.05 } as const;
/** An image is far when it lies beyond this quantile of the reference's own distances. */
const FAR = 0.95;

/**
 * Compares what a model says of real requests with what it said of the sealed test. A test speaks up when the difference
 * is larger than its margin and would come by chance in fewer than ALPHA / 3 of all ways to deal the same images to the
 * two sides (a permutation test, seeded; Phipson and Smyth 2010 for the +1). Drift of inputs is no proof of wrong answers:
 * it asks for labels.
 */
export function compareWithReference(reference: readonly Said[], recent: readonly Said[], seed: string): Drift {
  const sides = { reference: reference.length, recent: recent.length };
  if (reference.length < FEWEST || recent.length < FEWEST) return { outcome: "too-few", ...sides, tests: [] };
  const a = chance(`${seed}/reference`).sample(reference, MOST);
  const b = chance(`${seed}/recent`).sample(recent, MOST);
  const tests = [classMix(a, b, seed), shares("abstentions", a, b, ({ abstained }) => abstained, seed)];
  const distances = a.flatMap((one) => one.noveltyDistance ?? []).sort((x, y) => x - y);
  if (distances.length >= FEWEST) {
    const edge = distances[Math.min(distances.length - 1, Math.floor(FAR * distances.length))] as number;
    const placed = (side: readonly Said[]) => side.filter((one) => one.noveltyDistance !== null);
    const far = ({ noveltyDistance }: Said) => (noveltyDistance ?? 0) > edge;
    if (placed(b).length >= FEWEST) tests.push(shares("novelty", placed(a), placed(b), far, seed));
  }
  return { outcome: tests.some(({ drifted }) => drifted) ? "drifting" : "steady", ...sides, tests };
}

function classMix(a: readonly Said[], b: readonly Said[], seed: string): DriftTest {
  const labels = [...new Set([...a, ...b].map(({ label }) => label))].sort();
  const code = (side: readonly Said[]) => side.map(({ label }) => labels.indexOf(label));
  const distance = (one: readonly number[], other: readonly number[]) => {
    const mix = new Float64Array(labels.length);
    for (const label of one) mix[label] = (mix[label] as number) + 1 / one.length;
    for (const label of other) mix[label] = (mix[label] as number) - 1 / other.length;
    return mix.reduce((sum, difference) => sum + Math.abs(difference), 0) / 2;
  };
  const [value, pValue] = permuted(code(a), code(b), distance, `${seed}/class-mix`);
  return judged(
    "class-mix",
    0,
    value,
    value,
    pValue,
    `${percent(value)} of the requests would have to be of another class`,
  );
}

/** A share that has risen; one that has fallen needs nobody. */
function shares(
  name: "abstentions" | "novelty",
  a: readonly Said[],
  b: readonly Said[],
  is: (said: Said) => boolean,
  seed: string,
): DriftTest {
  const code = (side: readonly Said[]) => side.map((said) => (is(said) ? 1 : 0));
  const mean = (side: readonly number[]) => side.reduce((sum, x) => sum + x, 0) / side.length;
  const rise = (one: readonly number[], other: readonly number[]) => mean(other) - mean(one);
  const [value, pValue] = permuted<0 | 1>(code(a), code(b), rise, `${seed}/${name}`);
  const [before, now] = [mean(code(a)), mean(code(b))];
  const what = name === "novelty" ? "lie far from all training images" : "get no sure answer";
  return judged(
    name,
    before,
    now,
    value,
    pValue,
    `${percent(now)} of the requests ${what}, ${percent(before)} of the sealed test`,
  );
}

function judged(
  name: DriftTest["name"],
  reference: number,
  recent: number,
  difference: number,
  pValue: number,
  reason: string,
): DriftTest {
  const drifted = difference > MARGINS[name] && pValue < ALPHA / 3;
  return { name, reference, recent, pValue, drifted, reason };
}

/** The statistic, and the share of random deals in which it is at least as large. */
function permuted<T extends number>(
  a: readonly T[],
  b: readonly T[],
  statistic: (a: readonly T[], b: readonly T[]) => number,
  seed: string,
): [value: number, pValue: number] {
  const value = statistic(a, b);
  const pool = [...a, ...b];
  const random = chance(seed);
  let atLeast = 0;
  for (let deal = 0; deal < PERMUTATIONS; deal += 1) {
    const dealt = random.shuffle(pool);
    // Rounding must not make an equal deal a smaller one.
    if (statistic(dealt.slice(0, a.length), dealt.slice(a.length)) >= value - 1e-12) atLeast += 1;
  }
  return [value, (1 + atLeast) / (1 + PERMUTATIONS)];
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
