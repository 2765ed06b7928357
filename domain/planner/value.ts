/** Classes that are told apart when the next answers are imagined; the rest of the posterior is taken as lost. */
const CANDIDATES = 4;

/** P(said | truth) of a fresh answer, classes x classes, rows sum to 1 (or less, where "cannot tell" is left out). */
export type Skill = Float64Array;

/**
 * An answer's skill as it counts when answers to one image err together: each row to the power `temper`, normalised.
 * temper 1 changes nothing.
 */
export function temperedSkill(skill: Skill, classes: number, temper: number): Skill {
  const out = new Float64Array(classes * classes);
  for (let truth = 0; truth < classes; truth++) {
    let sum = 0;
    for (let said = 0; said < classes; said++) {
      const share = Math.max(skill[truth * classes + said]!, 1e-9) ** temper;
      out[truth * classes + said] = share;
      sum += share;
    }
    for (let said = 0; said < classes; said++) out[truth * classes + said] = out[truth * classes + said]! / sum;
  }
  return out;
}

/**
 * Expected probability of being right after m more answers, minus that of stopping now: for m = 0..most (index m).
 *
 * Looks all m steps ahead, over every multiset of answers: one step is not enough, for a second answer of equal skill
 * can never flip a vote, and its value alone is exactly 0. Exact for up to four classes; with more, the four likeliest
 * are told apart, answers that name none of them are one outcome, and their own probability is never won (a lower bound).
 * Cost: about most^4 x 5 multiplications. Example: two classes at .5 / .5 and answers right 80 % of the time give 0, .3, .3, .396.
 */
export function expectedGains(posterior: ArrayLike<number>, skill: Skill, classes: number, most: number): Float64Array {
  const kept = likeliest(posterior, classes);
  const candidates = kept.length;
  const outcomes = candidates + 1;
  const chance = new Float64Array(outcomes * candidates);
  for (let k = 0; k < candidates; k++) {
    let named = 0;
    for (let s = 0; s < candidates; s++) {
      const p = skill[kept[k]! * classes + kept[s]!]!;
      chance[s * candidates + k] = p;
      named += p;
    }
    chance[candidates * candidates + k] = Math.max(0, 1 - named);
  }
  const gains = new Float64Array(most + 1);
  const now = posterior[kept[0]!]!;
  const weights = new Float64Array((outcomes + 1) * candidates);
  for (let k = 0; k < candidates; k++) weights[k] = posterior[kept[k]!]!;

  // Walks the multisets: `depth` outcomes are dealt with, `left` answers remain; weights[depth] holds posterior x likelihood.
  const walk = (depth: number, left: number, coefficient: number): number => {
    const from = depth * candidates;
    if (left === 0 || depth === outcomes - 1) {
      let best = 0;
      for (let k = 0; k < candidates; k++) {
        const w = left === 0 ? weights[from + k]! : weights[from + k]! * chance[depth * candidates + k]! ** left;
        if (w > best) best = w;
      }
      return coefficient * best;
    }
    let sum = 0;
    let ways = coefficient;
    for (let k = 0; k < candidates; k++) weights[from + candidates + k] = weights[from + k]!;
    for (let count = 0; count <= left; count++) {
      if (count > 0) {
        ways = (ways * (left - count + 1)) / count;
        for (let k = 0; k < candidates; k++) {
          weights[from + candidates + k] = weights[from + candidates + k]! * chance[depth * candidates + k]!;
        }
      }
      sum += walk(depth + 1, left - count, ways);
    }
    return sum;
  };
  for (let m = 1; m <= most; m++) gains[m] = Math.max(0, walk(0, m, 1) - now);
  return gains;
}

/** Indices of the likeliest classes, best first; the lower index first among equals. */
function likeliest(posterior: ArrayLike<number>, classes: number): number[] {
  const kept: number[] = [];
  for (let k = 0; k < classes; k++) {
    let at = kept.length;
    while (at > 0 && posterior[kept[at - 1]!]! < posterior[k]!) at--;
    if (at < CANDIDATES) {
      kept.splice(at, 0, k);
      if (kept.length > CANDIDATES) kept.pop();
    }
  }
  return kept;
}
