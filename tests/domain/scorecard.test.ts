import { expect, test } from "vitest";
import { suspectGold } from "../../domain/annotators/gold-contradictions.ts";
import { type ClosedLot, scorecardOf, scorecardsCsv } from "../../domain/annotators/scorecard.ts";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { addAnswer } from "../../domain/consensus/stream.ts";

const lot = (more: Partial<ClosedLot> = {}): ClosedLot => ({
  vendor: "acme",
  firstVerdict: "accept",
  accepted: true,
  items: 50,
  offeredAt: "2026-11-01T00:00:00Z",
  deliveredAt: "2026-11-01T06:00:00Z",
  paidMicros: 1_500_000,
  defects: [],
  ...more,
});

test("a scorecard: first-pass acceptance, errors by class pair, turnaround, price per accepted answer", () => {
  const defects = [
    { said: "tulip", truth: "rose" },
    { said: "tulip", truth: "rose" },
    { said: null, truth: "daisy" },
  ];
  const rejected = lot({
    firstVerdict: "rework",
    accepted: false,
    paidMicros: 0,
    defects,
    deliveredAt: "2026-11-01T10:00:00Z",
  });
  const card = scorecardOf("acme", [lot(), lot(), rejected], { right: 18, n: 20 });
  expect(card.firstPassAcceptance.value).toBeCloseTo(2 / 3, 12);
  expect(card.errors[0]).toEqual({ truth: "rose", said: "tulip", count: 2 });
  expect(card).toMatchObject({ medianTurnaroundHours: 6, acceptedAnswers: 100, microsPerAcceptedAnswer: 30_000 });
  expect(card.skill.value).toBe(0.9);
});

test("a vendor without lots has open intervals and no price; another vendor's lot is refused", () => {
  expect(scorecardOf("new", [], { right: 0, n: 0 })).toMatchObject({
    lots: 0,
    medianTurnaroundHours: null,
    microsPerAcceptedAnswer: null,
  });
  expect(() => scorecardOf("acme", [lot({ vendor: "other" })], { right: 0, n: 0 })).toThrow("a lot of other");
});

test("CSV quotes what must be quoted and disarms formulas", () => {
  const csv = scorecardsCsv([scorecardOf("=cmd,1", [], { right: 0, n: 0 })]);
  expect(csv.split("\r\n")[1]).toMatch(/^"'=cmd,1",0,/);
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
