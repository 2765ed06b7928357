import { csv } from "../../domain/csv.ts";
import type { Statement } from "../../schemas/ledger.ts";

/** A statement as RFC 4180 text, one line per lot and kind and a total; amounts in whole currency units. */
export function statementCsv(account: Statement): string {
  const rows = [
    ["campaign", "party", "lot", "kind", "units", "amount", "currency"],
    ...account.lines.map((line) => [
      account.campaign,
      account.party,
      line.lot,
      line.kind,
      String(line.units),
      exactAmount(line.amountMicros),
      account.currency,
    ]),
    [account.campaign, account.party, "", "total", "", exactAmount(account.totalMicros), account.currency],
  ];
  return csv(rows);
}

/** 1_234_500 -> `1.234500`: all six decimals, no rounding. */
function exactAmount(micros: number): string {
  const digits = String(Math.abs(micros)).padStart(7, "0");
  return `${micros < 0 ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
