/** Data flow between workflow and stages: what is handed over fits the stage's form, what is read of its result exists. */
import { stageName } from "../definition.ts";
import { statesOf } from "./permissions.ts";

export interface Form {
  properties?: Record<string, Form>;
  required?: string[];
  additionalProperties?: unknown;
  anyOf?: Form[];
  oneOf?: Form[];
}
/** A stage's input and output as JSON Schema. */
export interface StageForm {
  input: Form;
  output: Form;
}

/** What is wrong with a definition's payloads and with its use of results. */
export function payloadFindings(
  definition: Record<string, unknown>,
  forms: Readonly<Record<string, StageForm>>,
): string[] {
  const found: string[] = [];
  for (const { name, state } of statesOf(definition)) {
    const args = state.Arguments as { FunctionName?: string; Payload?: unknown } | undefined;
    const placeholder = /^\$\{(\w+)\}$/.exec(args?.FunctionName ?? "")?.[1];
    if (args === undefined || placeholder === undefined || !String(state.Resource).includes(":lambda:invoke")) continue;
    const form = forms[stageName(placeholder)];
    if (form === undefined) continue;
    found.push(...handed(name, args.Payload, form.input));
    if (!String(state.Resource).endsWith(".waitForTaskToken")) found.push(...read(name, state, form.output));
  }
  return found;
}

function handed(name: string, payload: unknown, form: Form): string[] {
  if (typeof payload !== "object" || payload === null)
    return [`${name}: the payload is not an object of named members but ${JSON.stringify(payload)}`];
  const given = Object.keys(payload);
  const known = Object.keys(form.properties ?? {});
  return [
    ...(form.required ?? [])
      .filter((member) => !given.includes(member))
      .map((member) => `${name}: the stage needs "${member}", which the payload lacks`),
    ...(form.additionalProperties === false ? given.filter((member) => !known.includes(member)) : []).map(
      (member) => `${name}: the stage refuses "${member}" in its payload`,
    ),
  ];
}

/** Paths like $states.result.Payload.dataset.version, followed as far as the form says. */
function read(name: string, state: Record<string, unknown>, form: Form): string[] {
  const expressions = JSON.stringify([state.Assign ?? null, state.Output ?? null]);
  return [...expressions.matchAll(/\$states\.result((?:\.\w+)*)/g)].flatMap((match) => {
    const path = (match[1] ?? "").split(".").slice(1);
    if (path[0] !== "Payload")
      return [`${name}: a Lambda's answer lies in $states.result.Payload, not in $states.result${match[1]}`];
    const missing = follow(form, path.slice(1));
    return missing === undefined ? [] : [`${name}: the stage's result has no "${missing}" ($states.result${match[1]})`];
  });
}

/** The first member that does not exist; undefined where all do. */
function follow(form: Form, path: string[]): string | undefined {
  const [member, ...rest] = path;
  if (member === undefined) return undefined;
  const variants = form.anyOf ?? form.oneOf;
  if (variants !== undefined)
    return variants.some((variant) => follow(variant, path) === undefined) ? undefined : member;
  if (form.properties === undefined) return undefined;
  const next = form.properties[member];
  return next === undefined ? member : follow(next, rest);
}
