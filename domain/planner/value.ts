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
 * Cost: C(most + 5, 5) rows of four multiplications. Example: two classes at .5 / .5 and answers right 80 % of the time give 0, .3, .3, .396.
 */
export function expectedGains(posterior: ArrayLike<number>, skill: Skill, classes: number, most: number): Float64Array {
  const kept = likeliest(posterior, classes);
  const candidates = kept.length;
  // P(outcome | truth) of one answer: one of the candidates, or none of them.
  const chance = new Float64Array((candidates + 1) * candidates);
  for (let k = 0; k < candidates; k++) {
    let named = 0;
    for (let s = 0; s < candidates; s++) {
      const p = skill[kept[k]! * classes + kept[s]!]!;
      chance[s * candidates + k] = p;
      named += p;
    }
    chance[candidates * candidates + k] = Math.max(0, 1 - named);
  }
  const { size, parent, last, ways, ends } = multisetsOf(candidates + 1, most);
  const weights = new Float64Array(size * candidates);
  for (let k = 0; k < candidates; k++) weights[k] = posterior[kept[k]!]!;
  const now = weights[0]!;
  const gains = new Float64Array(most + 1);
  let at = 1;
  for (let m = 1; m <= most; m++) {
    let right = 0;
    for (; at < ends[m]!; at++) {
      const before = parent[at]! * candidates;
      const said = last[at]! * candidates;
      let best = 0;
      for (let k = 0; k < candidates; k++) {
        const weight = weights[before + k]! * chance[said + k]!;
        weights[at * candidates + k] = weight;
        if (weight > best) best = weight;
      }
      right += ways[at]! * best;
    }
    gains[m] = Math.max(0, right - now);
  }
  return gains;
}

/** All multisets of up to so many outcomes, the smaller ones first; each is another one and an outcome more. */
interface Multisets {
  size: number;
  parent: Int32Array;
  last: Int32Array;
  /** In how many orders its outcomes can come. */
  ways: Float64Array;
  /** ends[m]: where those of m outcomes end. */
  ends: Int32Array;
}

/** Listed once for each size asked of. */
const listed = new Map<string, Multisets>();

function multisetsOf(outcomes: number, most: number): Multisets {
  const key = `${outcomes}/${most}`;
  const had = listed.get(key);
  if (had !== undefined) return had;
  // Outcomes come in rising order, so that each multiset is met once: `run` is how often the last one was repeated.
  const [parent, last, run, ways, ends] = [[-1], [0], [0], [1], [1]];
  for (let m = 1, from = 0; m <= most; m++) {
    const to = parent.length;
    for (let at = from; at < to; at++) {
      for (let outcome = last[at]!; outcome < outcomes; outcome++) {
        const again = outcome === last[at] ? run[at]! + 1 : 1;
        parent.push(at);
        last.push(outcome);
        run.push(again);
        ways.push((ways[at]! * m) / again);
      }
    }
    from = to;
    ends.push(parent.length);
  }
  const made = {
    size: parent.length,
    parent: Int32Array.from(parent),
    last: Int32Array.from(last),
    ways: Float64Array.from(ways),
    ends: Int32Array.from(ends),
  };
  listed.set(key, made);
  return made;
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
