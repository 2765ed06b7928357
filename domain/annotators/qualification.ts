import { binomialCdf } from "../probability.ts";

/** A practice set of gold questions that an annotator passes with enough right answers. */
export interface QualificationTest {
  questions: number;
  toPass: number;
}

/** Chance of passing at a true accuracy. Example: 17 of 20 at .95 is .984, at .80 .411. */
export function passProbability({ questions, toPass }: QualificationTest, accuracy: number): number {
  return 1 - binomialCdf(toPass - 1, questions, accuracy);
}

/**
 * The shortest test that passes good annotators and stops poor ones with the given chances.
 * Throws RangeError where 500 questions can't tell them apart.
 */
export function planQualification(
  good: { accuracy: number; passes: number },
  poor: { accuracy: number; passes: number },
): QualificationTest {
  for (let questions = 5; questions <= 500; questions++) {
    for (let toPass = questions; toPass > 0; toPass--) {
      const test = { questions, toPass };
      if (passProbability(test, poor.accuracy) > poor.passes) break;
      if (passProbability(test, good.accuracy) >= good.passes) return test;
    }
  }
  throw new RangeError(
    `accuracies ${good.accuracy} and ${poor.accuracy} are too close: 500 questions can't tell them apart`,
  );
}

/** Judges one attempt. Fewer answers than questions are unanswered ones: not right. */
export function judgeQualification(test: QualificationTest, right: number): "qualified" | "not-qualified" {
  if (!Number.isInteger(right) || right < 0 || right > test.questions)
    throw new RangeError(`${right} right of ${test.questions} questions`);
  return right >= test.toPass ? "qualified" : "not-qualified";
}
