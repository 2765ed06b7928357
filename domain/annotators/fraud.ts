import { binomialPmf, hypergeometricCdf } from "../probability.ts";

/** One answer as the signals see it. `truth` is known on gold and adjudicated samples only, else null. */
export interface ObservedAnswer {
  annotator: string;
  vendor: string;
  image: string;
  /** Class, or null for "cannot tell". */
  said: string | null;
  truth: string | null;
  gold: boolean;
  seconds: number;
}

export interface FraudSignal {
  kind: "copied" | "too-fast" | "one-class" | "gold-recognised";
  /** One annotator, or the two who err alike. */
  annotators: string[];
  /** Chance of as much under honest work, before the correction for looking at many (absent for speed). */
  chance?: number;
  /** What was seen, in numbers. */
  evidence: Record<string, number>;
}

/** Fewer answers than this say nothing of an annotator. */
const LEAST_ANSWERS = 20;
/** A signal's chance under honest work, divided by the number of annotators or pairs looked at. */
const ALPHA = 0.001;
/** Median seconds below this share of the median annotator's are too fast. */
const FAST = 0.25;

/**
 * Signals that a person should look at; none of them proves anything, and none refuses pay.
 *
 * - copied: two annotators give the same wrong answer to more images than chance explains, given how often both are wrong
 * - too-fast: median seconds below a quarter of the median annotator's
 * - one-class: one class far more often than among all other annotators' answers
 * - gold-recognised: right on gold far more often than on adjudicated images that are not gold
 */
export function fraudSignals(answers: readonly ObservedAnswer[]): FraudSignal[] {
  const byAnnotator = Map.groupBy(answers, ({ annotator }) => annotator);
  const measured = new Map(
    [...byAnnotator].filter(([, own]) => own.length >= LEAST_ANSWERS).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return [...copied(measured), ...tooFast(measured), ...oneClass(measured, answers), ...goldRecognised(measured)];
}

type Answers = ReadonlyMap<string, readonly ObservedAnswer[]>;

function copied(measured: Answers): FraudSignal[] {
  const wrong = new Map<string, Map<string, string>>();
  const saidWrong = new Map<string, number>();
  let all = 0;
  for (const [annotator, own] of measured) {
    const mine = new Map<string, string>();
    for (const { image, said, truth } of own) {
      if (truth === null || said === null || said === truth) continue;
      mine.set(image, said);
      const key = `${truth}\n${said}`;
      saidWrong.set(key, (saidWrong.get(key) ?? 0) + 1);
      all++;
    }
    wrong.set(annotator, mine);
  }
  if (all === 0) return [];
  // Two errors on the same truth agree by chance as often as the pooled errors on it repeat themselves.
  const perTruth = new Map<string, { n: number; squares: number }>();
  for (const [key, count] of saidWrong) {
    const truth = key.slice(0, key.indexOf("\n"));
    const sum = perTruth.get(truth) ?? { n: 0, squares: 0 };
    perTruth.set(truth, { n: sum.n + count, squares: sum.squares + count * count });
  }
  const truthOf = new Map<string, string>();
  for (const own of measured.values())
    for (const { image, truth } of own) if (truth !== null) truthOf.set(image, truth);
  const names = [...measured.keys()];
  const pairs = (names.length * (names.length - 1)) / 2;
  const signals: FraudSignal[] = [];
  names.forEach((a, i) => {
    for (const b of names.slice(i + 1)) {
      let both = 0;
      let same = 0;
      let expected = 0;
      for (const [image, said] of wrong.get(a)!) {
        const other = wrong.get(b)!.get(image);
        if (other === undefined) continue;
        both++;
        if (other === said) same++;
        const { n, squares } = perTruth.get(truthOf.get(image)!)!;
        expected += squares / (n * n);
      }
      const chance = upperTail(same, both, both === 0 ? 0 : Math.min(0.95, expected / both));
      // Both being wrong together is itself telling: count it among the images that both answered with known truth.
      const shared = sharedErrors(measured.get(a)!, measured.get(b)!);
      const together =
        shared.images >= LEAST_ANSWERS ? 1 - hypergeometricCdf(shared.both - 1, shared.a, shared.b, shared.images) : 1;
      const least = Math.min(chance, together);
      if (both >= 5 && same / both > 0.8 && least < ALPHA / pairs) {
        signals.push({
          kind: "copied",
          annotators: [a, b],
          chance: least,
          evidence: { sameWrong: same, bothWrong: both, expectedSame: expected, sharedImages: shared.images },
        });
      }
    }
  });
  return signals;
}

/** Images with known truth that both answered: how many, and on how many a, b and both were wrong. */
function sharedErrors(one: readonly ObservedAnswer[], other: readonly ObservedAnswer[]) {
  const others = new Map(
    other.filter(({ truth }) => truth !== null).map((answer) => [answer.image, answer.said === answer.truth]),
  );
  const counts = { images: 0, a: 0, b: 0, both: 0 };
  for (const { image, said, truth } of one) {
    const right = others.get(image);
    if (truth === null || right === undefined) continue;
    counts.images++;
    if (said !== truth) counts.a++;
    if (!right) counts.b++;
    if (said !== truth && !right) counts.both++;
  }
  return counts;
}

function tooFast(measured: Answers): FraudSignal[] {
  const medians = new Map(
    [...measured].map(([annotator, own]) => [annotator, median(own.map(({ seconds }) => seconds))]),
  );
  if (medians.size < 3) return [];
  const typical = median([...medians.values()]);
  return [...medians]
    .filter(([, seconds]) => seconds < FAST * typical)
    .map(([annotator, seconds]) => ({
      kind: "too-fast",
      annotators: [annotator],
      evidence: { medianSeconds: seconds, typicalSeconds: typical },
    }));
}

function oneClass(measured: Answers, answers: readonly ObservedAnswer[]): FraudSignal[] {
  const signals: FraudSignal[] = [];
  for (const [annotator, own] of measured) {
    const counts = countBy(own);
    const [label, count] = [...counts].reduce((top, next) => (next[1] > top[1] ? next : top));
    const others = answers.filter((answer) => answer.annotator !== annotator);
    const share = others.length === 0 ? 1 : ((countBy(others).get(label) ?? 0) + 1) / (others.length + 2);
    const chance = upperTail(count, own.length, share);
    if (count / own.length > 0.8 && chance < ALPHA / measured.size) {
      signals.push({
        kind: "one-class",
        annotators: [annotator],
        chance,
        evidence: { saidIt: count, answers: own.length, othersShare: share },
      });
    }
  }
  return signals;
}

function goldRecognised(measured: Answers): FraudSignal[] {
  const signals: FraudSignal[] = [];
  for (const [annotator, own] of measured) {
    const known = own.filter(({ truth }) => truth !== null);
    const gold = known.filter((answer) => answer.gold);
    const right = known.filter(({ said, truth }) => said === truth).length;
    const goldRight = gold.filter(({ said, truth }) => said === truth).length;
    if (gold.length < 10 || known.length - gold.length < 10) continue;
    // Fisher's exact test, one-sided: as many right ones among gold by chance.
    const chance = 1 - hypergeometricCdf(goldRight - 1, gold.length, right, known.length);
    if (chance < ALPHA / measured.size) {
      const evidence = {
        goldRight,
        gold: gold.length,
        otherRight: right - goldRight,
        other: known.length - gold.length,
      };
      signals.push({ kind: "gold-recognised", annotators: [annotator], chance, evidence });
    }
  }
  return signals;
}

function countBy(answers: readonly ObservedAnswer[]): Map<string | null, number> {
  const counts = new Map<string | null, number>();
  for (const { said } of answers) counts.set(said, (counts.get(said) ?? 0) + 1);
  return counts;
}

/** P(X >= k) for X ~ Binomial(n, p), summed from k up, so that tiny chances stay exact. */
function upperTail(k: number, n: number, p: number): number {
  let sum = 0;
  for (let i = k; i <= n; i++) sum += binomialPmf(i, n, p);
  return Math.min(1, sum);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
