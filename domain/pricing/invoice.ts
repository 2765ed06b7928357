import type { Statement } from "../../schemas/ledger.ts";

/** A line of a vendor's invoice. */
export interface InvoiceLine {
  lot: string;
  units: number;
  amountMicros: number;
}

export interface InvoiceFinding {
  lot: string;
  kind: "unknown-lot" | "twice" | "units-differ" | "amount-differs" | "not-invoiced";
  invoicedUnits: number;
  owedUnits: number;
  invoicedMicros: number;
  owedMicros: number;
}

export interface InvoiceCheck {
  /** `pay`: every line is right. `dispute`: at least one is not. */
  outcome: "pay" | "dispute";
  matched: number;
  findings: InvoiceFinding[];
  invoicedMicros: number;
  owedMicros: number;
  /** What can be paid now without anybody's word: per lot the smaller of invoiced and owed, credits taken off. */
  undisputedMicros: number;
}

/**
 * Matches a vendor's invoice with its statement, lot by lot: units and amount must both agree with what is owed after
 * credits. A lot on two lines is counted once. A lot that is owed but not invoiced is told and does not make a dispute.
 */
export function checkInvoice(invoice: readonly InvoiceLine[], statement: Statement): InvoiceCheck {
  const owed = new Map<string, { units: number; amountMicros: number }>();
  for (const { lot, units, amountMicros } of statement.lines) {
    const sum = owed.get(lot) ?? { units: 0, amountMicros: 0 };
    owed.set(lot, { units: sum.units + units, amountMicros: sum.amountMicros + amountMicros });
  }
  const findings: InvoiceFinding[] = [];
  const seen = new Set<string>();
  let matched = 0;
  let undisputedMicros = 0;
  for (const { lot, units, amountMicros } of invoice) {
    const due = owed.get(lot) ?? { units: 0, amountMicros: 0 };
    const finding = {
      lot,
      invoicedUnits: units,
      owedUnits: due.units,
      invoicedMicros: amountMicros,
      owedMicros: due.amountMicros,
    };
    if (seen.has(lot)) {
      findings.push({ ...finding, kind: "twice" });
      continue;
    }
    seen.add(lot);
    undisputedMicros += Math.max(0, Math.min(amountMicros, due.amountMicros));
    if (!owed.has(lot)) findings.push({ ...finding, kind: "unknown-lot" });
    else if (units !== due.units) findings.push({ ...finding, kind: "units-differ" });
    else if (amountMicros !== due.amountMicros) findings.push({ ...finding, kind: "amount-differs" });
    else matched++;
  }
  const outcome = findings.length === 0 ? "pay" : "dispute";
  for (const [lot, due] of owed) {
    if (seen.has(lot) || due.amountMicros === 0) continue;
    findings.push({
      lot,
      kind: "not-invoiced",
      invoicedUnits: 0,
      owedUnits: due.units,
      invoicedMicros: 0,
      owedMicros: due.amountMicros,
    });
  }
  return {
    outcome,
    matched,
    findings,
    invoicedMicros: invoice.reduce((sum, line) => sum + line.amountMicros, 0),
    owedMicros: statement.totalMicros,
    undisputedMicros,
  };
}
