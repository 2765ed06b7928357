import { expect, test } from "vitest";
import { withAmounts } from "../../domain/pricing/amounts.ts";
import { creditOf, entriesOfAcceptedLot, onceEach, statementOf } from "../../domain/pricing/ledger.ts";
import { formatMicros, sumMicros, timesMicros, toMicros } from "../../domain/pricing/money.ts";
import { LedgerEntry, Statement } from "../../schemas/ledger.ts";

const lot = {
  campaign: "flowers",
  lot: "lot-1",
  vendor: "acme",
  pricePerAnswerMicros: 30_000,
  currency: "USD",
  revision: 1,
  answers: [
    { item: "i1", annotator: "ann" },
    { item: "i2", annotator: "bob" },
  ],
  at: "2026-11-23T10:00:00Z",
};
const about = { campaign: "flowers", currency: "USD" };

test("0.1 + 0.2 is exactly 0.3 in micro-units", () => {
  expect(sumMicros([toMicros(0.1), toMicros(0.2)])).toBe(toMicros(0.3));
  expect(timesMicros(3, toMicros(0.03))).toBe(90_000);
});

test("amounts are written with two decimals, and more only where there are any", () => {
  expect(formatMicros(12_300_000, "USD")).toBe("12.30 USD");
  expect(formatMicros(-1_500_000, "EUR")).toBe("-1.50 EUR");
  expect(formatMicros(1, "USD")).toBe("0.000001 USD");
  expect(formatMicros(0, "USD")).toBe("0.00 USD");
});

test("documents for other programs have exact decimals and the currency beside the integers", () => {
  const account = { lines: [{ lot: "a", amountMicros: 100_000 }, { amountMicros: -1 }], totalMicros: 99_999, n: 2 };
  expect(withAmounts(account, "EUR")).toEqual({
    lines: [
      { lot: "a", amountMicros: 100_000, amount: "0.10", currency: "EUR" },
      { amountMicros: -1, amount: "-0.000001", currency: "EUR" },
    ],
    totalMicros: 99_999,
    total: "0.099999",
    n: 2,
    currency: "EUR",
  });
  // What stands there stays: a currency of its own, a member of that name, an amount that is not known.
  expect(
    withAmounts({ currency: "USD", costMicros: null, priceMicros: 5, price: 7, microsPerLabel: 1_500_000 }, "EUR"),
  ).toEqual({
    currency: "USD",
    costMicros: null,
    cost: null,
    priceMicros: 5,
    price: 7,
    microsPerLabel: 1_500_000,
    perLabel: "1.50",
  });
  expect(withAmounts({ currency: "USD", lines: [] }, "USD")).toEqual({ currency: "USD", lines: [] });
});

test("negative, endless and too fine prices are refused with the value", () => {
  expect(() => toMicros(-0.01)).toThrow("-0.01 is no price");
  expect(() => toMicros(Number.NaN)).toThrow("NaN is no price");
  expect(() => toMicros(0.0000001)).toThrow("at most six decimals");
});

test("an accepted lot owes each answer once, however often and in whichever round it is asked", () => {
  const first = entriesOfAcceptedLot(lot);
  const again = entriesOfAcceptedLot({ ...lot, revision: 2 });
  expect(first.map((entry) => LedgerEntry.parse(entry).id)).toEqual([
    "answer-accepted/lot-1/i1",
    "answer-accepted/lot-1/i2",
  ]);
  expect(onceEach([...first, ...again])).toHaveLength(2);
});

test("an item answered twice in one lot is refused, and so is one id with two amounts", () => {
  expect(() => entriesOfAcceptedLot({ ...lot, answers: [...lot.answers, { item: "i1", annotator: "eve" }] })).toThrow(
    "item i1 stands twice",
  );
  const [entry] = entriesOfAcceptedLot(lot);
  if (entry === undefined) throw new Error("no entry");
  expect(() => onceEach([entry, { ...entry, amountMicros: 1 }])).toThrow("different content");
});

test("a statement sums by lot and kind; a credit takes one answer back, once", () => {
  const entries = entriesOfAcceptedLot(lot);
  const credit = creditOf(entries[0] as LedgerEntry, "2026-11-24T10:00:00Z");
  const statement = Statement.parse(statementOf([...entries, credit, credit], "acme", about));
  expect(statement.lines).toEqual([
    { lot: "lot-1", kind: "answer-accepted", units: 2, amountMicros: 60_000 },
    { lot: "lot-1", kind: "credit", units: -1, amountMicros: -30_000 },
  ]);
  expect(statement.totalMicros).toBe(30_000);
  expect(() => creditOf(credit, credit.at)).toThrow("credit already");
});

test("a statement of a period takes entries from its start up to, not including, its end", () => {
  const entries = entriesOfAcceptedLot(lot);
  expect(
    statementOf(entries, "acme", { ...about, from: "2026-11-23T10:00:00Z", to: "2026-11-24T00:00:00Z" }).totalMicros,
  ).toBe(60_000);
  expect(statementOf(entries, "acme", { ...about, to: "2026-11-23T10:00:00Z" }).totalMicros).toBe(0);
  expect(statementOf(entries, "nobody", about)).toEqual({
    campaign: "flowers",
    party: "nobody",
    currency: "USD",
    lines: [],
    totalMicros: 0,
  });
});
