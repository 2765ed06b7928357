import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { BadInputError } from "../lambdas/stage.ts";
import { Role } from "../schemas/member.ts";
import { type Options, oneOf, wholeNumber } from "./arguments.ts";
import { ask, onlyCampaign } from "./ask.ts";

const ACTIONS = [
  "invite",
  "revoke",
  "review",
  "pause",
  "release",
  "restore",
  "dispute",
  "disputes",
  "adjudicate",
  "credit",
  "recheck",
] as const;
const STANDING = { pause: "paused", release: "released", restore: "active" } as const;

/** `vendor <action> <campaign> ...`: who may work, how they do, and what a person decides about them. */
export async function vendorCommand(work: string, operands: readonly string[], options: Options): Promise<unknown> {
  const action = oneOf("action", operands[0], ACTIONS, "review");
  const campaign = needed(operands[1], `vendor ${action} needs a campaign`);
  const vendor = options.vendor === undefined ? {} : { vendor: options.vendor };
  switch (action) {
    case "review":
      return ask(work, "review", {
        campaign,
        format: oneOf("format", options.format, ["json", "csv"] as const, "json"),
      });
    case "disputes":
      return ask(work, "disputes", { campaign });
    case "credit":
      return ask(work, "credit", { campaign, lot: needed(operands[2], "vendor credit needs a lot") });
    case "recheck":
      return ask(work, "recheck", {
        campaign,
        image: needed(operands[2], "vendor recheck needs an image's sha256"),
      });
    case "invite": {
      const role = oneOf("role", options.role, Role.options, "annotator");
      return ask(work, "invite", {
        campaign,
        subject: needed(operands[2], "vendor invite needs a person's name"),
        role,
        ...vendor,
      });
    }
    case "revoke":
      return ask(work, "revoke", {
        campaign,
        subject: needed(operands[2], "vendor revoke needs a person's name"),
        ...vendor,
      });
    case "pause":
    case "release":
    case "restore":
      return ask(work, "standing", {
        campaign,
        vendor: needed(operands[2], `vendor ${action} needs a vendor's id`),
        ...(operands[3] === undefined ? {} : { annotator: operands[3] }),
        standing: STANDING[action],
        by: "studio",
        reason: needed(options.reason, `to ${action} somebody, say why with --reason`),
      });
    case "dispute":
      return ask(work, "dispute", {
        campaign,
        vendor: needed(operands[2], "vendor dispute needs a vendor's id"),
        lot: needed(operands[3], "vendor dispute needs a lot"),
        round: wholeNumber("round", operands[4], 1, 1),
        reason: needed(options.reason, "to dispute a verdict, say why with --reason"),
      });
    case "adjudicate":
      return ask(work, "adjudicate", {
        campaign,
        lot: needed(operands[2], "vendor adjudicate needs a lot"),
        round: wholeNumber("round", operands[3], 1, 1),
        decision: oneOf(
          "decision",
          needed(operands[4], "vendor adjudicate needs the round and the decision: upheld or overturned"),
          ["upheld", "overturned"] as const,
          "upheld",
        ),
        by: "studio",
        note: needed(options.reason, "to decide a dispute, say why with --reason"),
      });
  }
}

/**
 * `statement [campaign] <vendor> [from] [to]`: with one campaign in the folder its name may be left out, as long as no vendor
 * bears it.
 */
export async function statementCommand(
  work: string,
  operands: readonly string[],
  format: "json" | "csv",
): Promise<unknown> {
  const first = needed(operands[0], "statement needs a vendor, and a campaign where there are several");
  const isNamed = operands[1] !== undefined && !/^\d{4}-/.test(operands[1]);
  const campaign = isNamed ? first : await onlyCampaign(work);
  const [party, from, to] = isNamed ? operands.slice(1) : operands;
  const period = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  return ask(work, "statement", { campaign, party, format, ...period });
}

/**
 * `invoice check [campaign] [vendor] <file>`: an array in JSON, or CSV, with the columns lot, units, amount. The vendor may
 * stand in a column `vendor` or `party`; with one campaign in the folder its name may be left out.
 */
export async function invoiceCommand(work: string, operands: readonly string[]): Promise<unknown> {
  oneOf("action", operands[0], ["check"] as const, "check");
  const named = operands.slice(1);
  const file = needed(named.pop(), "invoice check needs the invoice's file");
  const text = await readFile(file, "utf8").catch(() => {
    throw new BadInputError(`there is no file ${file}`);
  });
  const { lines, vendor } = invoiceOf(text, file);
  const { party, campaign = await onlyCampaign(work) } = invoicedBy(named, vendor, file);
  return ask(work, "invoice", { campaign, party, lines });
}

/**
 * Whose invoice it is, and of which campaign where that is said: one name before the file is the vendor, or the campaign
 * where the file itself says whose it is.
 */
export function invoicedBy(
  named: readonly string[],
  vendor: string | undefined,
  file: string,
): { party: string; campaign?: string } {
  const [first, second] = named;
  if (second === undefined && vendor !== undefined)
    return { party: vendor, ...(first === undefined || first === vendor ? {} : { campaign: first }) };
  const party = second ?? first;
  if (party === undefined)
    throw new BadInputError(`say whose invoice ${file} is: invoice check <vendor> <file>, or a column "vendor" in it`);
  if (vendor !== undefined && vendor !== party)
    throw new BadInputError(`${file} says that it is an invoice of "${vendor}", not of "${party}"`);
  return { party, ...(second === undefined ? {} : { campaign: first as string }) };
}

type Line = { lot: string; units: number; amountMicros: number };

/**
 * Lines of an invoice, and whose it is where all lines say so. Amounts are in whole currency units; a last line `total` is
 * left out. Throws BadInputError naming the line.
 */
export function invoiceOf(text: string, file: string): { lines: Line[]; vendor?: string } {
  const rows = text.trimStart().startsWith("[") ? jsonRows(text, file) : csvRows(text, file);
  const lines = rows.flatMap((row, index): Line[] => {
    const { lot, units, amount, kind } = row ?? {};
    if (kind === "total" && !lot) return [];
    const number = cell(amount);
    const micros = Math.round(number * 1e6);
    const right =
      typeof lot === "string" &&
      lot !== "" &&
      Number.isInteger(cell(units)) &&
      cell(units) >= 0 &&
      Number.isFinite(number);
    if (!right || Math.abs(micros - number * 1e6) > 1e-3) {
      throw new BadInputError(
        `${file}, line ${index + 1}: ${JSON.stringify({ lot, units, amount })} is no invoice line; expected a lot, whole units and an amount with at most six decimals`,
      );
    }
    return [{ lot, units: cell(units), amountMicros: micros }];
  });
  const vendors = [...new Set(rows.map((row) => row?.vendor ?? row?.party ?? ""))];
  const [vendor] = vendors;
  return vendors.length === 1 && vendor ? { lines, vendor } : { lines };
}

/** A line as it is written: columns of other names are left alone. */
type Row = Partial<Record<"lot" | "units" | "amount" | "kind" | "vendor" | "party", string>> | null;

function jsonRows(text: string, file: string): Row[] {
  try {
    return JSON.parse(text) as Row[];
  } catch (error) {
    throw new BadInputError(`${file} is not JSON: ${(error as Error).message}`);
  }
}

function csvRows(text: string, file: string): Row[] {
  const head = (text.split(/\r?\n/).find((line) => line.trim() !== "") ?? "").replace(/^\uFEFF/, "");
  const names = head.split(",").map((name) => name.trim().replaceAll(/^"|"$/g, "").toLowerCase());
  if (["lot", "units", "amount"].some((name) => !names.includes(name))) {
    throw new BadInputError(`${file} starts with "${head}"; expected a first line with the columns lot, units, amount`);
  }
  const columns = (header: string[]) => header.map((name) => name.trim().toLowerCase());
  try {
    return parse(text, { bom: true, columns, skip_empty_lines: true, trim: true }) as Row[];
  } catch (error) {
    throw new BadInputError(`${file} is no CSV: ${(error as Error).message}`);
  }
}

/** NaN where nothing is written: an empty cell is no zero. */
const cell = (value: string | number | undefined) =>
  value === undefined || value === null || String(value).trim() === "" ? Number.NaN : Number(value);

function needed(value: string | undefined, otherwise: string): string {
  if (value === undefined || value === "") throw new BadInputError(`${otherwise}; "npm start -- --help" shows how`);
  return value;
}
