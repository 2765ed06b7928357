/** A sequential test of an error rate: p0 is what is agreed, p1 what is not bearable. */
export interface SequentialTest {
  p0: number;
  p1: number;
  /** Chance of stopping somebody whose rate is p0. */
  alpha: number;
  /** Chance of passing somebody whose rate is p1. */
  beta: number;
  /** Decides at the latest after so many; left out: three times the mean, about. */
  truncateAt?: number;
}

export type SequentialOutcome = "continue" | "good" | "bad";

/**
 * Wald's sequential probability ratio test on gold: `wrong` of the first `n` answers, looked at after each.
 * Truncated for rates between p0 and p1: then the likelier of the two. Throws RangeError on impossible counts or rates.
 * Example: p0 .05, p1 .20, alpha = beta = .05: three wrong of the first three are bad; 19 right in a row are good.
 */
export function sequentialTest(test: SequentialTest, wrong: number, n: number): SequentialOutcome {
  const { p0, p1, alpha, beta } = test;
  if (!(0 < p0 && p0 < p1 && p1 < 1)) throw new RangeError(`p0 ${p0}, p1 ${p1}: expected 0 < p0 < p1 < 1`);
  if (!(alpha > 0 && beta > 0 && alpha + beta < 1))
    throw new RangeError(`alpha ${alpha}, beta ${beta}: expected risks above 0 with a sum below 1`);
  if (!Number.isInteger(wrong) || !Number.isInteger(n) || wrong < 0 || wrong > n)
    throw new RangeError(`${wrong} wrong of ${n}`);
  const evidence = wrong * Math.log(p1 / p0) + (n - wrong) * Math.log((1 - p1) / (1 - p0));
  if (evidence >= Math.log((1 - beta) / alpha)) return "bad";
  if (evidence <= Math.log(beta / (1 - alpha))) return "good";
  return n >= (test.truncateAt ?? truncation(test)) ? (evidence > 0 ? "bad" : "good") : "continue";
}

/** The first decision along answers in their order (true is wrong), and after how many it fell. */
export function firstDecision(
  test: SequentialTest,
  answers: readonly boolean[],
): { outcome: SequentialOutcome; n: number; wrong: number } {
  let wrong = 0;
  for (let n = 1; n <= answers.length; n++) {
    if (answers[n - 1] === true) wrong++;
    const outcome = sequentialTest(test, wrong, n);
    if (outcome !== "continue") return { outcome, n, wrong };
  }
  return { outcome: "continue", n: answers.length, wrong };
}

/** What the test does at a true error rate, exactly: by walking through the number of wrong answers, answer by answer. */
export function operatingCharacteristic(test: SequentialTest, rate: number): { meanAnswers: number; stopped: number } {
  let open = new Map<number, number>([[0, 1]]);
  let meanAnswers = 0;
  let stopped = 0;
  for (let n = 1; open.size > 0; n++) {
    const next = new Map<number, number>();
    for (const [wrong, share] of open) {
      meanAnswers += share;
      for (const [now, part] of [
        [wrong, share * (1 - rate)],
        [wrong + 1, share * rate],
      ] as const) {
        const outcome = sequentialTest(test, now, n);
        if (outcome === "continue") next.set(now, (next.get(now) ?? 0) + part);
        else if (outcome === "bad") stopped += part;
      }
    }
    open = next;
  }
  return { meanAnswers, stopped };
}

/** Three times Wald's approximate mean at the slower of the two rates: few tests get there. */
function truncation({ p0, p1, alpha, beta }: SequentialTest): number {
  const upper = Math.log((1 - beta) / alpha);
  const lower = Math.log(beta / (1 - alpha));
  const drift = (p: number) => p * Math.log(p1 / p0) + (1 - p) * Math.log((1 - p1) / (1 - p0));
  const atP0 = (alpha * upper + (1 - alpha) * lower) / drift(p0);
  const atP1 = ((1 - beta) * upper + beta * lower) / drift(p1);
  return Math.ceil(3 * Math.max(atP0, atP1));
}
