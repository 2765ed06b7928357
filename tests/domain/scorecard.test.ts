import { expect, test } from "vitest";
import { suspectGold } from "../../domain/annotators/gold-contradictions.ts";
import { type LotLine, scorecardOf, scorecardsCsv } from "../../domain/annotators/scorecard.ts";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { addAnswer } from "../../domain/consensus/stream.ts";
import { goldSuspects } from "../../lambdas/store/gold-suspects.ts";

const lot = (more: Partial<LotLine> = {}): LotLine => ({
  status: "accepted",
  items: 50,
  offeredAt: "2026-11-01T00:00:00Z",
  deliveredAt: "2026-11-01T06:00:00Z",
  verdicts: [{ verdict: "accept", confused: [] }],
  ...more,
});
const nothing = { lots: [], said: [], checked: [], owed: { totalMicros: 0, acceptedAnswers: 0 } };

test("a scorecard: first-pass acceptance, errors by class pair, turnaround, price per accepted answer, and its people", () => {
  const rose = { said: "tulip", truth: "rose", count: 2 };
  const rejected = lot({
    status: "given-away",
    deliveredAt: "2026-11-01T10:00:00Z",
    verdicts: [
      { verdict: "rework", confused: [rose, { said: "cannot tell", truth: "daisy", count: 1 }] },
      { verdict: "reassign", confused: [rose] },
    ],
  });
  const checked = [
    { annotator: "ann", said: "rose", truth: "rose" },
    { annotator: "ann", said: "tulip", truth: "rose" },
    { annotator: "bob", said: null, truth: "rose" },
  ];
  const card = scorecardOf("acme", {
    lots: [lot(), lot(), rejected],
    said: [2, 4, 6].map((seconds, i) => ({ annotator: i === 2 ? "bob" : "ann", seconds })),
    checked,
    owed: { totalMicros: 3_000_000, acceptedAnswers: 100 },
  });
  expect(card.firstPassAcceptance).toMatchObject({ n: 3, value: 2 / 3 });
  expect(card.errors[0]).toEqual({ truth: "rose", said: "tulip", count: 4 });
  expect(card).toMatchObject({
    turnaroundHours: 6,
    medianSeconds: 4,
    acceptedAnswers: 100,
    microsPerAcceptedAnswer: 30_000,
    lots: { accepted: 2, acceptedFirst: 2, reworked: 1, givenAway: 1, expired: 0, open: 0 },
  });
  expect(card.skill).toMatchObject({ n: 3, right: 1 });
  expect(card.annotators.map(({ annotator, answers }) => [annotator, answers])).toEqual([
    ["ann", 2],
    ["bob", 1],
  ]);
  expect(card.annotators[1]?.confused).toEqual([{ said: "cannot tell", truth: "rose", count: 1 }]);
});

test("a vendor without lots has open intervals and no price", () => {
  expect(scorecardOf("new", nothing)).toMatchObject({
    firstPassAcceptance: { n: 0, low: 0, high: 1 },
    skill: { n: 0, low: 0, high: 1 },
    turnaroundHours: null,
    medianSeconds: null,
    microsPerAcceptedAnswer: null,
    annotators: [],
  });
});

test("CSV has a line per vendor and per annotator, quotes what must be quoted and disarms formulas", () => {
  const said = [{ annotator: "ann", seconds: 3 }];
  const lines = scorecardsCsv([scorecardOf("=cmd,1", { ...nothing, said })]).split("\r\n");
  expect(lines[0]).toMatch(/^vendor,annotator,lots_inspected,first_pass,/);
  expect(lines[1]).toMatch(/^"'=cmd,1",,0,0,0,1,0,0,0,1,,3,0,,$/);
  expect(lines[2]).toMatch(/^"'=cmd,1",ann,,,,,0,0,0,1,,3,1,,$/);
});

test("writes a table's numbers with four decimals at most", () => {
  const hours = { turnaroundHours: 3.3499999999999996 };
  const [, line] = scorecardsCsv([{ ...scorecardOf("alder", nothing), ...hours }]).split("\r\n");
  expect(line).toContain(",3.35,");
});

test("gold that people who are right elsewhere contradict is found among their checked answers, and nothing else is", () => {
  const answers = ["ann", "bob", "cat", "dan"].flatMap((annotator) =>
    Array.from({ length: 12 }, (_, i) => ({
      vendor: "acme",
      annotator,
      at: "2026-11-01T00:00:00Z",
      item: `i${i}`,
      image: `g${i}`,
      said: i === 7 ? "tulip" : "rose",
      truth: "rose",
      gold: i !== 3,
    })),
  );
  expect(goldSuspects(answers)).toMatchObject([{ image: "g7", truth: "rose", instead: "tulip", agree: 4, of: 4 }]);
  expect(goldSuspects(answers.map((answer) => ({ ...answer, gold: false })))).toEqual([]);
  // Two who contradict prove nothing.
  expect(goldSuspects(answers.slice(0, 24))).toEqual([]);
});

test("gold that good annotators contradict together is told; that of poor ones or of few is not", () => {
  const says = (said: string, n: number, accuracy = 0.95) => Array.from({ length: n }, () => ({ said, accuracy }));
  const gold = [
    { image: "wrong", truth: "rose", answers: [...says("tulip", 5), ...says("rose", 1)] },
    { image: "fine", truth: "rose", answers: says("rose", 6) },
    { image: "hard", truth: "rose", answers: [...says("tulip", 3, 0.5), ...says("rose", 3, 0.5)] },
    { image: "few", truth: "rose", answers: says("tulip", 2) },
  ];
  expect(suspectGold(gold)).toMatchObject([{ image: "wrong", truth: "rose", instead: "tulip", agree: 5, of: 6 }]);
  expect(suspectGold([])).toEqual([]);
});

test("one more answer moves its image by Bayes' rule and nothing else", () => {
  const fit = fitConsensus({
    classes: 2,
    tasks: 3,
    workers: 2,
    task: Int32Array.of(0, 0, 1, 1),
    worker: Int32Array.of(0, 1, 0, 1),
    label: Int32Array.of(0, 0, 1, 1),
    method: "dawid-skene",
  });
  const before = { ...fit, posterior: fit.posterior.slice() };
  addAnswer(fit, 2, { task: 2, worker: 0, column: 1 });
  const odds = (fit.confusion[4]! / fit.confusion[1]!) * (before.posterior[5]! / before.posterior[4]!);
  expect(fit.posterior[5]! / fit.posterior[4]!).toBeCloseTo(odds, 9);
  expect([...fit.posterior.subarray(0, 4)]).toEqual([...before.posterior.subarray(0, 4)]);
  addAnswer(fit, 2, { task: 2, worker: 99, column: 1 });
  expect(fit.posterior[4]! + fit.posterior[5]!).toBeCloseTo(1, 12);
  expect(() => addAnswer(fit, 2, { task: 3, worker: 0, column: 1 })).toThrow("task 3");
  expect(() => addAnswer(fit, 2, { task: 0, worker: 0, column: 3 })).toThrow("column 3");
});
