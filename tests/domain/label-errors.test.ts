import { expect, test } from "vitest";
import { lossForTarget, proposeRelabels } from "../../domain/label-errors/proposal.ts";
import { rankSuspects } from "../../domain/label-errors/suspects.ts";
import { checkInvoice, type InvoiceLine } from "../../domain/pricing/invoice.ts";

const predictions = {
  classes: 2,
  labels: Int32Array.of(0, 0, 0, 1, 1),
  probabilities: Float64Array.of(0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.3, 0.7, 0.45, 0.55),
};

test("the label that the model believes least comes first, and only it is a confident error", () => {
  const suspects = rankSuspects(predictions);
  expect(suspects.map(({ index }) => index)).toEqual([2, 4, 3, 1, 0]);
  // Thresholds by hand: class 0 (.9 + .8 + .1) / 3 = .6, class 1 (.7 + .55) / 2 = .625.
  expect(suspects.filter(({ confident }) => confident)).toEqual([
    { index: 2, label: 0, suggested: 1, selfConfidence: 0.1, confident: true },
  ]);
});

test("no images give no suspects; wrong sizes and labels are refused", () => {
  expect(rankSuspects({ classes: 2, labels: new Int32Array(0), probabilities: new Float64Array(0) })).toEqual([]);
  expect(() => rankSuspects({ ...predictions, classes: 3 })).toThrow("10 probabilities for 5 images of 3 classes");
  expect(() =>
    rankSuspects({ classes: 2, labels: Int32Array.of(2), probabilities: Float64Array.of(0.5, 0.5) }),
  ).toThrow("image 0 has label 2");
});

const policy = { pricePerAnswer: 0.03, lossPerError: 1, skill: 0.9, budgetLeft: 10 };

const doubts = [0.9, 0.45, 0.3].map((errorProbability, i) => ({ index: [2, 4, 3][i]!, errorProbability }));

test("only labels whose expected saving exceeds the price are asked again, never from whoever gave them", () => {
  const proposals = proposeRelabels(doubts.toReversed(), (index) => [`vendor-${index}`], policy);
  expect(proposals[0]).toMatchObject({ index: 2, excludedVendors: ["vendor-2"], errorProbability: 0.9 });
  // By hand for image 2: saved .9 x .81 - .1 x .01 = .728; price .03 x (1 + .81 + .01) = .0546.
  expect(proposals[0]!.expectedGain).toBeCloseTo(0.728 - 0.0546, 10);
  expect(proposals.map(({ index }) => index)).toEqual([2, 4, 3]);
  expect(proposeRelabels(doubts, () => [], { ...policy, lossPerError: 0.1 }).map(({ index }) => index)).toEqual([2]);
});

test("what an error may cost is solved for the promised share of right labels, and capped", () => {
  const even = { pricePerAnswer: 0.03, skill: 0.9 };
  const asked = (loss: number) => proposeRelabels(doubts, () => [], { ...policy, lossPerError: loss }).length;
  // By hand: 1.65 of 3 expected wrong; the first mends .728, the second .359, the third .236.
  expect(lossForTarget(doubts, 0.56, even)).toBe(0);
  expect(asked(lossForTarget(doubts, 0.5, even))).toBe(1);
  expect(asked(lossForTarget(doubts, 0.3, even))).toBe(2);
  expect(lossForTarget(doubts, 0.3, even)).toBeCloseTo((0.03 * 1.46) / 0.359, 6);
  expect(lossForTarget([{ index: 0, errorProbability: 0.0124 }], 0, even)).toBe(500 * 0.03);
  expect(lossForTarget([], 0, even)).toBe(0);
});

test("a budget for one buys the best one", () => {
  expect(proposeRelabels(doubts, () => [], { ...policy, budgetLeft: 0.06 }).map(({ index }) => index)).toEqual([2]);
});

const statement = {
  campaign: "flowers",
  party: "acme",
  currency: "USD",
  lines: [
    { lot: "lot-1", kind: "answer-accepted", units: 10, amountMicros: 300_000 },
    { lot: "lot-1", kind: "credit", units: -1, amountMicros: -30_000 },
    { lot: "lot-2", kind: "answer-accepted", units: 5, amountMicros: 150_000 },
  ],
  totalMicros: 420_000,
};
const line = (lot: string, units: number, amountMicros: number): InvoiceLine => ({ lot, units, amountMicros });

test("an invoice that agrees lot by lot, credits taken off, is paid", () => {
  expect(checkInvoice([line("lot-1", 9, 270_000), line("lot-2", 5, 150_000)], statement)).toEqual({
    outcome: "pay",
    matched: 2,
    findings: [],
    invoicedMicros: 420_000,
    owedMicros: 420_000,
    undisputedMicros: 420_000,
  });
});

test("a forgotten credit, a wrong price, a lot twice and an unknown lot are told; the rest can be paid", () => {
  const check = checkInvoice(
    [line("lot-1", 10, 300_000), line("lot-2", 5, 200_000), line("lot-2", 5, 150_000), line("lot-9", 1, 30_000)],
    statement,
  );
  expect(check.outcome).toBe("dispute");
  expect(check.findings.map(({ lot, kind }) => `${lot} ${kind}`)).toEqual([
    "lot-1 units-differ",
    "lot-2 amount-differs",
    "lot-2 twice",
    "lot-9 unknown-lot",
  ]);
  expect(check.undisputedMicros).toBe(270_000 + 150_000);
});

test("a lot that is not invoiced yet is told and makes no dispute", () => {
  expect(checkInvoice([line("lot-2", 5, 150_000)], statement)).toMatchObject({
    outcome: "pay",
    findings: [{ lot: "lot-1", kind: "not-invoiced" }],
  });
});
