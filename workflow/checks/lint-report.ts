import { expressionSource } from "./expression-check.ts";
import { ALLOWED_VALUES, type FieldRule, PART_FIELDS } from "./state-fields.ts";
import { KNOWN_RESOURCES, parseResource } from "./task-resource.ts";

/**
 * One thing wrong with a definition. `profile`: the engine (or AWS) cannot run it. `reference`: an expression names
 * something that does not exist; AWS would find out at run time. `house`: it runs, but breaks a rule of this product.
 */
export interface Finding {
  /** JSON pointer into the definition. */
  path: string;
  message: string;
  kind: "profile" | "reference" | "house";
}

export type Json = Record<string, unknown>;

export interface Lint {
  findings: Finding[];
  names: Map<string, string>;
}

export function report(lint: Lint, path: string, message: string, kind: Finding["kind"] = "profile"): void {
  lint.findings.push({ path: path === "" ? "/" : path, message, kind });
}

export function isObject(value: unknown): value is Json {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function checkFields(lint: Lint, path: string, part: Json, kind: string): void {
  const allowed = PART_FIELDS[kind] as readonly string[];
  for (const field of Object.keys(part)) {
    if (!allowed.includes(field))
      report(
        lint,
        `${path}/${field}`,
        `Field "${field}" is not known in a ${kind}; allowed are ${allowed.join(", ")}.`,
      );
    const values = ALLOWED_VALUES[field];
    const value = part[field];
    if (
      values !== undefined &&
      !values.includes(value as string) &&
      !(typeof value === "string" && expressionSource(value) !== undefined)
    ) {
      report(lint, `${path}/${field}`, `${field} is ${describe(value)}; allowed are ${values.join(", ")}.`);
    }
  }
}

export function checkValue(lint: Lint, path: string, value: unknown, rule: FieldRule): void {
  const isExpression = typeof value === "string" && expressionSource(value) !== undefined;
  const wrong = (allowed: string): void =>
    report(lint, path, `The value is ${describe(value)}; allowed is ${allowed}.`);
  if (rule === "text" && typeof value !== "string") wrong("a string");
  if (rule === "boolean" && typeof value !== "boolean") wrong("true or false");
  if (rule === "object" && !isObject(value)) wrong("an object");
  if (rule === "array" && !Array.isArray(value)) wrong("an array");
  if (rule === "string or expression" && typeof value !== "string") wrong("a string or an expression {% ... %}");
  if (rule === "count" && !isExpression && !(typeof value === "number" && value >= 0))
    wrong("a number of at least 0 or an expression {% ... %}");
  if (
    rule === "positive" &&
    !isExpression &&
    !(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 99_999_999)
  ) {
    wrong("a whole number from 1 to 99999999 or an expression {% ... %}");
  }
  if (
    rule === "resource" &&
    (typeof value !== "string" || (parseResource(value) === undefined && !/^\$\{\w+\}$/.test(value)))
  ) {
    report(lint, path, `Resource is ${describe(value)}; allowed are ${KNOWN_RESOURCES}.`);
  }
}
