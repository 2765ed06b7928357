import { checkFields, describe, isObject, type Json, type Lint, list, report } from "./lint-report.ts";
import { RESERVED_ERRORS } from "./state-fields.ts";

/** Retry and Catch of a state. */
export function checkRecovery(lint: Lint, path: string, state: Json): void {
  for (const [field, kind] of [
    ["Retry", "retrier"],
    ["Catch", "catcher"],
  ] as const) {
    const rules = list(state[field]);
    for (const [index, rule] of rules.entries()) {
      const at = `${path}/${field}/${index}`;
      if (!isObject(rule)) {
        report(lint, at, `The ${kind} is ${describe(rule)}; it is an object with ErrorEquals.`);
        continue;
      }
      checkFields(lint, at, rule, kind);
      checkErrorEquals(lint, `${at}/ErrorEquals`, rule.ErrorEquals, index === rules.length - 1);
      if (kind === "retrier") checkRetrier(lint, at, rule);
    }
  }
}

function checkErrorEquals(lint: Lint, path: string, names: unknown, last: boolean): void {
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === "string")) {
    report(lint, path, `ErrorEquals is ${describe(names)}; give a list of error names.`);
    return;
  }
  if (names.includes("States.ALL") && (names.length > 1 || !last))
    report(lint, path, "States.ALL must stand alone and in the last rule.");
  for (const name of names as string[]) {
    if (name.startsWith("States.") && !RESERVED_ERRORS.has(name))
      report(
        lint,
        path,
        `"${name}" is not an error that Step Functions raises; reserved are ${[...RESERVED_ERRORS].join(", ")}.`,
        "house",
      );
  }
}

function checkRetrier(lint: Lint, path: string, rule: Json): void {
  const bounds: [string, number, boolean][] = [
    ["IntervalSeconds", 1, true],
    ["MaxAttempts", 0, true],
    ["BackoffRate", 1, false],
    ["MaxDelaySeconds", 1, true],
  ];
  for (const [field, least, whole] of bounds) {
    const value = rule[field];
    if (value === undefined) continue;
    if (typeof value !== "number" || value < least || (whole && !Number.isInteger(value)))
      report(
        lint,
        `${path}/${field}`,
        `${field} is ${describe(value)}; allowed is a ${whole ? "whole " : ""}number of at least ${least}.`,
      );
  }
  if (typeof rule.MaxDelaySeconds === "number" && rule.MaxDelaySeconds <= Number(rule.IntervalSeconds ?? 1)) {
    report(
      lint,
      `${path}/MaxDelaySeconds`,
      `MaxDelaySeconds is ${rule.MaxDelaySeconds}; it must be greater than IntervalSeconds (${Number(rule.IntervalSeconds ?? 1)}).`,
    );
  }
}
