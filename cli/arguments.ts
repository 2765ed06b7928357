import { parseArgs } from "node:util";
import { BadInputError } from "../lambdas/stage.ts";
import { formatFaults, parseFaults } from "../local/engine/faults.ts";
import { nearest } from "./campaign-file.ts";

/** Every option that a command may take; one table, so that `--help` and errors can't disagree. */
const OPTIONS = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  unattended: { type: "boolean" },
  work: { type: "string" },
  classes: { type: "string" },
  truth: { type: "string" },
  vendors: { type: "string" },
  approve: { type: "string" },
  weights: { type: "string" },
  seed: { type: "string" },
  name: { type: "string" },
  budget: { type: "string" },
  to: { type: "string" },
  labels: { type: "string" },
  format: { type: "string" },
  out: { type: "string" },
  "source-prefix": { type: "string" },
  campaign: { type: "string" },
  role: { type: "string" },
  vendor: { type: "string" },
  port: { type: "string" },
  bind: { type: "string" },
  faults: { type: "string" },
  reason: { type: "string" },
  by: { type: "string" },
  images: { type: "string" },
  seeds: { type: "string" },
} as const;

export type Options = {
  -readonly [K in keyof typeof OPTIONS]?: (typeof OPTIONS)[K]["type"] extends "boolean" ? boolean : string;
};

export interface Parsed {
  command: string;
  operands: string[];
  options: Options;
}

/** Splits the command line. Throws BadInputError for an unknown option, naming the nearest one. */
export function parseCommandLine(argv: readonly string[]): Parsed {
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const bad = /'(--?[^'=\s]+)/.exec((error as Error).message)?.[1];
    const near = bad === undefined ? undefined : nearest(bad.replace(/^-+/, ""), Object.keys(OPTIONS));
    const meant = near === undefined ? "" : ` Did you mean --${near}?`;
    throw new BadInputError(
      `${(error as Error).message.split(". ")[0]}.${meant} "npm start -- --help" lists all options`,
    );
  }
  const [command = "", ...operands] = parsed.positionals;
  return { command, operands, options: parsed.values as Options };
}

/** One of a few words. Throws BadInputError. */
export function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  allowed: readonly T[],
  otherwise: T,
): T {
  if (value === undefined) return otherwise;
  if ((allowed as readonly string[]).includes(value)) return value as T;
  throw new BadInputError(`--${option} is "${value}"; allowed: ${allowed.join(", ")}`);
}

/** A whole number from `least` on. Throws BadInputError. */
export function wholeNumber(option: string, value: string | undefined, least: number, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new BadInputError(`--${option} is "${value}"; expected a whole number of at least ${least}`);
}

/** A schedule of faults in full, as `--faults` reads it back. Throws BadInputError. */
export function faultSchedule(text: string): string {
  try {
    return formatFaults(parseFaults(text));
  } catch (error) {
    throw new BadInputError((error as Error).message);
  }
}

/** An amount of money from 0 on. Throws BadInputError. */
export function amountOf(option: string, value: string): number {
  const number = Number(value);
  if (value.trim() !== "" && Number.isFinite(number) && number >= 0) return number;
  throw new BadInputError(`--${option} is "${value}"; expected an amount such as 250 or 99.50`);
}
