import { describe, expect, it } from "vitest";
import { invoicedBy, invoiceOf, vendorCommand } from "../../cli/vendors.ts";

describe("an invoice's lines", () => {
  it("come from CSV in any order of columns, amounts exact to a millionth", () => {
    expect(invoiceOf('Amount,lot,units\n5.88,"1-0-001",196\n0.000001,1-0-002,0\n', "bill.csv")).toEqual({
      lines: [
        { lot: "1-0-001", units: 196, amountMicros: 5_880_000 },
        { lot: "1-0-002", units: 0, amountMicros: 1 },
      ],
    });
  });

  it("come from JSON", () => {
    expect(invoiceOf('[{"lot": "1-0-001", "units": 2, "amount": 0.06}]', "bill.json")).toEqual({
      lines: [{ lot: "1-0-001", units: 2, amountMicros: 60_000 }],
    });
  });

  it("come from our own statement sent back, with whose it is and without its total", () => {
    const text =
      "campaign,party,lot,kind,units,amount,currency\r\nparts,alder,1-0-001,answer-accepted,35,1.050000,USD\r\nparts,alder,,total,,1.050000,USD\r\n";
    expect(invoiceOf(text, "bill.csv")).toEqual({
      lines: [{ lot: "1-0-001", units: 35, amountMicros: 1_050_000 }],
      vendor: "alder",
    });
    const two = "vendor,lot,units,amount\nalder,1-0-001,1,0.03\nbirch,1-0-002,1,0.03\n";
    expect(invoiceOf(two, "bill.csv").vendor).toBeUndefined();
  });

  it.each([
    ["lot,units\n1,2", /expected a first line with the columns lot, units, amount/],
    ["lot,units,amount\n1-0-001,two,5", /line 1: .*"two".* is no invoice line/],
    ["lot,units,amount\n1-0-001,2,0.0000001", /at most six decimals/],
    ["lot,units,amount\n1-0-001,-2,1", /is no invoice line/],
    ["lot,units,amount\n1-0-001,2,", /line 1: .* is no invoice line/],
    ["lot,units,amount\n1-0-001,,0.06", /line 1: .* is no invoice line/],
    ['lot,units,amount\n1-0-001,30,"1,234.50"', /"1,234.50".* is no invoice line/],
    ["lot,units,amount\n1-0-001,30,1,234.50", /is no CSV: .*line 2/],
    ['[{"lot": "1-0-001", "units": null, "amount": null}]', /line 1: .* is no invoice line/],
    ["[{", /is not JSON/],
    ["[null]", /line 1: .* is no invoice line/],
  ])("say what is wrong with %j", (text, message) => {
    expect(() => invoiceOf(text, "bill")).toThrow(message);
  });
});

describe("whose invoice it is", () => {
  it.each([
    [["parts", "alder"], undefined, { party: "alder", campaign: "parts" }],
    [["parts", "alder"], "alder", { party: "alder", campaign: "parts" }],
    [["alder"], undefined, { party: "alder" }],
    [["alder"], "alder", { party: "alder" }],
    [["parts"], "alder", { party: "alder", campaign: "parts" }],
    [[], "alder", { party: "alder" }],
  ])("is known from the names %j and the column's %j", (named, column, expected) => {
    expect(invoicedBy(named, column, "bill.csv")).toEqual(expected);
  });

  it("must be said, and said alike by the file and the command", () => {
    expect(() => invoicedBy([], undefined, "bill.csv")).toThrow(/say whose invoice bill.csv is/);
    expect(() => invoicedBy(["parts", "alder"], "birch", "bill.csv")).toThrow(/invoice of "birch", not of "alder"/);
  });
});

describe("vendor", () => {
  it("names what is missing before it touches anything", async () => {
    await expect(vendorCommand("nowhere", ["pause", "parts", "alder"], {})).rejects.toThrow(/say why with --reason/);
    await expect(
      vendorCommand("nowhere", ["adjudicate", "parts", "1-0-001", "1"], { reason: "seen again" }),
    ).rejects.toThrow(/upheld or overturned/);
    await expect(vendorCommand("nowhere", ["fire", "parts"], {})).rejects.toThrow(
      /--action is "fire"; allowed: invite, revoke, review/,
    );
    await expect(vendorCommand("nowhere", ["invite"], {})).rejects.toThrow(/needs a campaign/);
  });
});
