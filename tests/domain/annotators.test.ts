import { expect, test } from "vitest";
import { type FirstInspection, severityAfter } from "../../domain/acceptance/switching.ts";
import { fraudSignals, type ObservedAnswer } from "../../domain/annotators/fraud.ts";
import { fixedGoldTestSize, goldTest, goldTestCourse } from "../../domain/annotators/gold-test.ts";
import { judgeQualification, passProbability, planQualification } from "../../domain/annotators/qualification.ts";
import { chance } from "../../domain/chance.ts";

const rates = (p0: number, p1: number) => ({ p0, p1, alpha: 0.05, beta: 0.05 });

test.each([
  [0.02, 0.05, 222, 182, 386],
  [0.02, 0.08, 80, 59, 129],
  [0.05, 0.15, 55, 44, 93],
  [0.05, 0.2, 30, 22, 50],
])(
  "the sequential gold test of %f against %f ends after the published mean number of answers, within 5 %%",
  (p0, p1, at0, at1, fixed) => {
    const within = (value: number, published: number) =>
      expect(Math.abs(value - published) / published).toBeLessThanOrEqual(0.05);
    within(goldTestCourse(rates(p0, p1), p0).meanAnswers, at0);
    within(goldTestCourse(rates(p0, p1), p1).meanAnswers, at1);
    within(fixedGoldTestSize(rates(p0, p1)).n, fixed);
  },
);

test("the gold test keeps both of its risks, and ends for rates in between", () => {
  const test = rates(0.05, 0.15);
  expect(goldTestCourse(test, 0.05).pauses).toBeLessThanOrEqual(0.055);
  expect(goldTestCourse(test, 0.15).pauses).toBeGreaterThanOrEqual(0.945);
  const between = goldTestCourse(test, 0.09);
  expect(between.meanAnswers).toBeLessThan(goldTest(test, 0, 0).truncatedAt);
});

test("five wrong of five pauses, sixty right of sixty clears, two wrong of ten goes on", () => {
  const test = rates(0.05, 0.2);
  expect(goldTest(test, 5, 5).outcome).toBe("pause"); // 5 ln 4 = 6.9 > ln 19
  expect(goldTest(test, 0, 60).outcome).toBe("clear"); // 60 ln(.8 / .95) = -10.3 < -ln 19
  expect(goldTest(test, 2, 10).outcome).toBe("continue");
});

test("alpha is divided over the annotators under test", () => {
  const test = rates(0.05, 0.2);
  expect(goldTest({ ...test, annotators: 100 }, 3, 3).outcome).toBe("continue");
  expect(goldTest(test, 3, 3).outcome).toBe("pause");
});

test("rates in the wrong order and impossible counts are refused", () => {
  expect(() => goldTest(rates(0.2, 0.1), 0, 0)).toThrow("p0 0.2, p1 0.1");
  expect(() => goldTest(rates(0.1, 0.2), 3, 2)).toThrow("3 wrong of 2");
});

test.each([
  [17, [0.984, 0.867, 0.411, 0.107]],
  [18, [0.925, 0.677, 0.206, 0.035]],
])("passing %d of 20 at true .95, .90, .80, .70", (toPass, published) => {
  [0.95, 0.9, 0.8, 0.7].forEach((accuracy, i) => {
    expect(passProbability({ questions: 20, toPass }, accuracy)).toBeCloseTo(published[i]!, 3);
  });
});

test("the shortest qualification keeps both promises, and one question fewer would not", () => {
  const good = { accuracy: 0.95, passes: 0.9 };
  const poor = { accuracy: 0.7, passes: 0.1 };
  const test = planQualification(good, poor);
  expect(passProbability(test, 0.95)).toBeGreaterThanOrEqual(0.9);
  expect(passProbability(test, 0.7)).toBeLessThanOrEqual(0.1);
  for (let toPass = 1; toPass < test.questions; toPass++) {
    const shorter = { questions: test.questions - 1, toPass };
    expect(passProbability(shorter, 0.95) >= 0.9 && passProbability(shorter, 0.7) <= 0.1).toBe(false);
  }
  expect(judgeQualification(test, test.toPass)).toBe("qualified");
  expect(judgeQualification(test, test.toPass - 1)).toBe("not-qualified");
  expect(() => judgeQualification(test, test.questions + 1)).toThrow("questions");
});

const lot = (accepted: boolean, more: Partial<FirstInspection> = {}): FirstInspection => ({
  lotSize: 200,
  defects: accepted ? 0 : 9,
  accepted,
  ...more,
});
const severity = (...lots: FirstInspection[]) => severityAfter(lots, "II", 1);
const many = (n: number, accepted: boolean) => Array.from({ length: n }, () => lot(accepted));

test("two rejected among five consecutive lots tighten; with four accepted between them they don't", () => {
  expect(severity(lot(false), lot(true), lot(true), lot(true), lot(false)).severity).toBe("tightened");
  expect(severity(lot(false), ...many(4, true), lot(false)).severity).toBe("normal");
  expect(severity().severity).toBe("normal");
});

test("five consecutive accepted bring tightened back to normal; five rejected stop the vendor", () => {
  const tightened = many(2, false);
  expect(severity(...tightened, ...many(4, true)).severity).toBe("tightened");
  expect(severity(...tightened, ...many(5, true)).severity).toBe("normal");
  expect(severity(...tightened, ...many(4, false)).stopped).toBe(false);
  expect(severity(...tightened, ...many(5, false)).stopped).toBe(true);
  expect(severity(...tightened, ...many(5, false), ...many(9, true)).stopped).toBe(true);
});

test("fifteen accepted lots at Ac 1 score 30 and reduce; one rejected goes back to normal", () => {
  expect(severity(...many(14, true))).toMatchObject({ severity: "normal", score: 28 });
  expect(severity(...many(15, true)).severity).toBe("reduced");
  expect(severity(...many(15, true), lot(false)).severity).toBe("normal");
  // Between Ac 0 and Re 2 of reduced letter H at 1.0: accepted, but back to normal.
  expect(severity(...many(15, true), lot(true, { defects: 1 })).severity).toBe("normal");
});

test("at Ac 2 or more a lot scores three only if it had passed one AQL step tighter", () => {
  const large = (defects: number) => lot(true, { lotSize: 1000, defects }); // J at 1.0: 80, 2, 3; at .65: 80, 1, 2
  expect(severity(...Array.from({ length: 10 }, () => large(1))).severity).toBe("reduced");
  expect(severity(...Array.from({ length: 9 }, () => large(1)), large(2))).toMatchObject({
    severity: "normal",
    score: 0,
  });
});

test("isolated lots don't count for switching", () => {
  expect(severity(lot(false, { isolated: true }), lot(false, { isolated: true })).severity).toBe("normal");
});

/** Honest annotators a..f: 60 images of 4 classes, 85 % right, errors anywhere, 3-5 seconds. */
function honest(seed = "honest"): ObservedAnswer[] {
  const random = chance(seed);
  const classes = ["w", "x", "y", "z"];
  return ["a", "b", "c", "d", "e", "f"].flatMap((annotator) =>
    Array.from({ length: 60 }, (_, i) => {
      const truth = classes[i % 4]!;
      const said = random.uniform() < 0.85 ? truth : classes[(i + 1 + random.below(3)) % 4]!;
      return { annotator, vendor: "v1", image: `p${i}`, said, truth, gold: i < 20, seconds: 3 + 2 * random.uniform() };
    }),
  );
}

test("honest annotators raise no signal, in fifty crowds", () => {
  for (let seed = 0; seed < 50; seed++) expect(fraudSignals(honest(`crowd ${seed}`))).toEqual([]);
});

test("a copy of another annotator, errors included, is told, across vendors too", () => {
  const answers = honest();
  const copies = answers
    .filter(({ annotator }) => annotator === "a")
    .map((answer) => ({ ...answer, annotator: "copier", vendor: "v2" }));
  const signals = fraudSignals([...answers, ...copies]);
  expect(signals).toHaveLength(1);
  expect(signals[0]).toMatchObject({ kind: "copied", annotators: ["a", "copier"] });
});

test("one second where others need four is too fast", () => {
  const answers = honest().map((answer) => (answer.annotator === "b" ? { ...answer, seconds: 0.5 } : answer));
  expect(fraudSignals(answers)).toMatchObject([{ kind: "too-fast", annotators: ["b"] }]);
});

test("always the same class is told", () => {
  const answers = honest().map((answer) => (answer.annotator === "c" ? { ...answer, said: "w" } : answer));
  expect(fraudSignals(answers)).toMatchObject([{ kind: "one-class", annotators: ["c"] }]);
});

test("right on gold and wrong elsewhere means that gold is recognised", () => {
  const random = chance("gold");
  const answers = honest().map((answer) =>
    answer.annotator === "d"
      ? { ...answer, said: answer.gold ? answer.truth : (["w", "x", "y", "z"][random.below(4)] ?? null) }
      : answer,
  );
  expect(fraudSignals(answers).map(({ kind }) => kind)).toEqual(["gold-recognised"]);
});

test("few answers say nothing", () => {
  expect(fraudSignals(honest().slice(0, 10))).toEqual([]);
  expect(fraudSignals([])).toEqual([]);
});
