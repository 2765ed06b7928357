import jsonata from "jsonata";
import { BoundedRegex } from "./bounded-regex.ts";
import { QueryEvaluationError } from "./errors.ts";
import { type ExpressionWorld, stepFunctionsFunctions } from "./expression-functions.ts";

/** What an expression can see: `$states`, the variables in scope, and the engine's time and chance. */
export interface Bindings {
  states: Record<string, unknown>;
  variables: Record<string, unknown>;
  world: ExpressionWorld;
}

/** One expression may visit this many nodes; a campaign's largest visits a few thousand. */
export const MAX_NODES = 2_000_000;
/** ... nest this deep (JavaScript's own stack ends at about three times that) ... */
export const MAX_DEPTH = 1_000;
/** ... and run this long. AWS states no number; its own evaluations are stopped within seconds. */
export const MAX_EVALUATION_MS = 5_000;

interface Guard {
  nodes: number;
  depth: number;
  endsAt: number;
}

class Runaway extends Error {}

const GUARD = "countersign guard";
const ENTRY = Symbol.for("jsonata.__evaluate_entry") as unknown as string;
const EXIT = Symbol.for("jsonata.__evaluate_exit") as unknown as string;

interface Environment {
  lookup(name: string): unknown;
}

function enter(_node: unknown, _input: unknown, environment: Environment): void {
  const guard = environment.lookup(GUARD) as Guard;
  guard.nodes++;
  guard.depth++;
  if (guard.depth > MAX_DEPTH) throw new Runaway(`the expression nests deeper than ${MAX_DEPTH} levels`);
  if (guard.nodes > MAX_NODES) throw new Runaway(`the expression takes more than ${MAX_NODES} steps`);
  if ((guard.nodes & 1023) === 0 && performance.now() > guard.endsAt) {
    throw new Runaway(`the expression runs longer than ${MAX_EVALUATION_MS} ms`);
  }
}

function leave(_node: unknown, _input: unknown, environment: Environment): void {
  (environment.lookup(GUARD) as Guard).depth--;
}

const compiled = new Map<string, jsonata.Expression>();

/** Parses once per text. Throws jsonata's own error (with `code` and `position`) on bad syntax. */
export function compile(source: string): jsonata.Expression {
  let expression = compiled.get(source);
  if (expression === undefined) {
    expression = jsonata(source);
    expression.assign(ENTRY, enter);
    expression.assign(EXIT, leave);
    compiled.set(source, expression);
  }
  return expression;
}

/** The source between `{%` and `%}`, or undefined when the text is a literal. No spaces may stand outside the marks. */
export function expressionSource(text: string): string | undefined {
  return text.startsWith("{%") && text.endsWith("%}") && text.length >= 4 ? text.slice(2, -2).trim() : undefined;
}

/** Names the state in a cause the way AWS does. */
export function inState(name: string, enteredEventId: number, sentence: string): string {
  return `An error occurred while executing the state '${name}' (entered at the event id #${enteredEventId}). ${sentence}`;
}

/** Where an expression stands: used for the location and the cause of a failure. */
export interface Place {
  state: string;
  enteredEventId: number;
  field: string;
}

/** Evaluates one expression and gives plain JSON. Throws QueryEvaluationError with AWS's sentence. */
export async function evaluate(source: string, bindings: Bindings, place: Place): Promise<unknown> {
  const fast = plainPath(source, bindings);
  if (fast !== undefined) return fast;
  const said = `The JSONata expression '${source}' specified for the field '${place.field}'`;
  const fail = (rest: string): QueryEvaluationError =>
    new QueryEvaluationError(inState(place.state, place.enteredEventId, `${said} ${rest}`), place.field);
  let result: unknown;
  try {
    const guard: Guard = { nodes: 0, depth: 0, endsAt: performance.now() + MAX_EVALUATION_MS };
    const frame = {
      ...stepFunctionsFunctions(bindings.world),
      ...bindings.variables,
      states: bindings.states,
      [GUARD]: guard,
    };
    const expression = compile(source);
    // jsonata keeps its regular expression engine in one place for all expressions, and every parse resets it.
    (jsonata as unknown as { RegexEngine: unknown }).RegexEngine = BoundedRegex;
    result = await expression.evaluate(undefined, frame);
  } catch (error) {
    if (error instanceof Runaway) throw fail(`threw an error during evaluation: ${error.message}`);
    if (error instanceof RangeError)
      throw fail("threw an error during evaluation: the expression exhausts the stack or a size limit");
    const { code, message } = error as { code?: string; message?: string };
    throw fail(
      `threw an error during evaluation${code === undefined ? ": " : `. ${code}: `}${message ?? String(error)}`,
    );
  }
  if (result === undefined) throw fail("returned nothing (undefined).");
  if (!isJson(result, 0)) throw fail("returned an unsupported result type.");
  return result;
}

const PATH = /^\$([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)$/;
const paths = new Map<string, string[] | null>();
const RESERVED = new Set(["and", "or", "in", "true", "false", "null"]);

/**
 * `$states.input.a.b` and `$variable.a` without the evaluator, where it makes no difference: every step is an
 * object and what is found is neither an array (JSONata maps and flattens those) nor absent.
 */
function plainPath(source: string, bindings: Bindings): unknown {
  let steps = paths.get(source);
  if (steps === undefined) {
    const match = PATH.exec(source);
    steps = match === null ? null : [match[1] as string, ...(match[2] ?? "").split(".").slice(1)];
    if (steps?.some((step) => RESERVED.has(step))) steps = null;
    paths.set(source, steps);
  }
  if (steps === null) return undefined;
  const [head, ...rest] = steps as [string, ...string[]];
  let value: unknown =
    head === "states"
      ? bindings.states
      : Object.hasOwn(bindings.variables, head)
        ? bindings.variables[head]
        : undefined;
  for (const step of rest) {
    if (value === null || typeof value !== "object" || Array.isArray(value) || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return Array.isArray(value) || typeof value === "function" ? undefined : value;
}

function isJson(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value instanceof RegExp) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1));
  if ("_jsonata_lambda" in value || "_jsonata_function" in value) return false;
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined && !isJson(member, depth + 1)) return false;
  }
  return true;
}

/** Whether a template holds any expression at all; templates without one are their own value. */
const literal = new WeakMap<object, boolean>();

function isLiteral(template: unknown): boolean {
  if (typeof template === "string") return expressionSource(template) === undefined;
  if (template === null || typeof template !== "object") return true;
  const known = literal.get(template);
  if (known !== undefined) return known;
  const found = Object.values(template).every(isLiteral);
  literal.set(template, found);
  return found;
}

/** Fills a template: every string that is wholly `{% ... %}` is replaced by its value; field paths as AWS writes them. */
export async function fill(template: unknown, bindings: Bindings, place: Place): Promise<unknown> {
  if (isLiteral(template)) return template;
  if (typeof template === "string") return evaluate(expressionSource(template) as string, bindings, place);
  if (Array.isArray(template)) {
    const items: unknown[] = [];
    for (const [index, item] of template.entries()) {
      items.push(await fill(item, bindings, { ...place, field: `${place.field}[${index}]` }));
    }
    return items;
  }
  const members: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(template as object)) {
    members[key] = await fill(member, bindings, { ...place, field: `${place.field}/${key}` });
  }
  return members;
}

/** How AWS names a JSON value's type in its causes. */
export function typeName(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** Fills a field that must have one type; a literal of the wrong type was refused at load. */
export async function fillTyped(
  template: unknown,
  expected: string,
  bindings: Bindings,
  place: Place,
): Promise<unknown> {
  const value = await fill(template, bindings, place);
  if (typeName(value) === expected) return value;
  const source = typeof template === "string" ? (expressionSource(template) ?? template) : JSON.stringify(template);
  throw new QueryEvaluationError(
    inState(
      place.state,
      place.enteredEventId,
      `The JSONata expression '${source}' specified for the field '${place.field}' returned an unexpected result type. Expected '${expected}', but was '${typeName(value)}' for value: ${JSON.stringify(value)}`,
    ),
    place.field,
  );
}
