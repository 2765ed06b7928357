import { type Interval, wilson } from "../intervals.ts";

/** One answer to a gold image: the class said (null: "cannot tell") and the class that two experts gave. */
export interface GoldAnswer {
  annotator: string;
  said: string | null;
  truth: string;
}

export interface GoldScore {
  annotator: string;
  n: number;
  right: number;
  /** right / n with Wilson's 95 % interval; [0, 1] where n = 0. */
  accuracy: Interval;
}

/**
 * Right answers on gold per annotator, in order of name. "Cannot tell" on gold counts as not right: experts could tell.
 * The only measure, beside the random overlap, that scorecards and pauses may stand on: what the planner buys is no
 * random sample.
 */
export function goldScores(answers: Iterable<GoldAnswer>): GoldScore[] {
  const tallies = new Map<string, { n: number; right: number }>();
  for (const { annotator, said, truth } of answers) {
    const tally = tallies.get(annotator) ?? { n: 0, right: 0 };
    tally.n++;
    if (said === truth) tally.right++;
    tallies.set(annotator, tally);
  }
  return [...tallies.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([annotator, { n, right }]) => ({ annotator, n, right, accuracy: wilson(right, n) }));
}
