import type { Finding } from "./definition-lint.ts";
import { expressionSource, references } from "./expression-check.ts";

/** Variables in sight at a state's entry: perhaps assigned, and surely assigned. */
export interface SeenVariables {
  may: ReadonlySet<string>;
  must: ReadonlySet<string>;
}

/** Fields that hold definitions of their own, with expressions of their own. */
const NESTED = new Set(["Branches", "ItemProcessor"]);
const WITH_RESULT = new Set(["Task", "Parallel", "Map"]);
const VARIABLE_NAME = /^[A-Za-z_]\w{0,79}$/;

/** Checks every expression of one state: syntax, functions, variables, and which parts of $states it may use. */
export function checkExpressions(
  path: string,
  state: Record<string, unknown>,
  seen: SeenVariables,
  outer: SeenVariables,
): Finding[] {
  const findings: Finding[] = [];
  const names: [string, unknown][] = [[`${path}/Assign`, state.Assign]];
  for (const field of ["Choices", "Catch"]) {
    for (const [index, rule] of ((state[field] as unknown[] | undefined) ?? []).entries())
      names.push([`${path}/${field}/${index}/Assign`, (rule as { Assign?: unknown } | null)?.Assign]);
  }
  for (const [at, assign] of names) findings.push(...checkNames(at, assign, outer));
  const walk = (at: string, value: unknown, field: string, inCatch: boolean): void => {
    if (typeof value === "string") {
      findings.push(
        ...checkText(at, value, allowedStates(String(state.Type), field, inCatch), seen, String(state.Resource ?? "")),
      );
    } else if (value !== null && typeof value === "object") {
      for (const [key, member] of Object.entries(value))
        walk(`${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, member, field, inCatch);
    }
  };
  for (const [field, value] of Object.entries(state)) {
    if (NESTED.has(field) || field === "Comment") continue;
    walk(`${path}/${field}`, value, field, field === "Catch");
  }
  return findings;
}

function allowedStates(type: string, field: string, inCatch: boolean): Set<string> {
  const allowed = new Set(["input", "context"]);
  if (inCatch) allowed.add("errorOutput");
  else if (WITH_RESULT.has(type) && (field === "Output" || field === "Assign")) allowed.add("result");
  return allowed;
}

function checkNames(path: string, assign: unknown, outer: SeenVariables): Finding[] {
  if (assign === null || typeof assign !== "object") return [];
  return Object.keys(assign).flatMap((name): Finding[] => {
    if (name === "states")
      return [{ path: `${path}/${name}`, message: 'The name "states" is reserved for $states.', kind: "profile" }];
    if (!VARIABLE_NAME.test(name))
      return [
        {
          path: `${path}/${name}`,
          message: `"${name}" is not a variable's name: letters, digits and underscores, not beginning with a digit, at most 80.`,
          kind: "profile",
        },
      ];
    if (outer.may.has(name))
      return [
        {
          path: `${path}/${name}`,
          message: `"${name}" is a variable of an outer scope; an inner scope may read it, not assign it. Choose another name.`,
          kind: "profile",
        },
      ];
    return [];
  });
}

function checkText(path: string, text: string, allowed: Set<string>, seen: SeenVariables, resource: string): Finding[] {
  const source = expressionSource(text);
  if (source === undefined) {
    return /\{%.*%\}/s.test(text)
      ? [
          {
            path,
            message: `The text holds {% ... %} but does not begin and end with it, so it stays a literal: ${text}`,
            kind: "house",
          },
        ]
      : [];
  }
  const found = references(source);
  if (found.error !== undefined)
    return [{ path, message: `The expression cannot be parsed: ${found.error}`, kind: "profile" }];
  const findings: Finding[] = [];
  for (const name of found.unknownFunctions)
    findings.push({
      path,
      message: `$${name} is not a function of JSONata 2.0.6 in Step Functions.`,
      kind: "reference",
    });
  for (const name of found.variables) {
    if (!seen.may.has(name))
      findings.push({
        path,
        message: `$${name} is assigned nowhere before this state; assigned are ${[...seen.may].map((each) => `$${each}`).join(", ") || "none"}.`,
        kind: "reference",
      });
    else if (!seen.must.has(name) && !found.guarded.has(name))
      findings.push({
        path,
        message: `$${name} is not assigned on every way to this state; assign it earlier or ask $exists($${name}).`,
        kind: "house",
      });
  }
  for (const field of found.statesFields) {
    if (!allowed.has(field))
      findings.push({
        path,
        message: `$states.${field} does not exist here; allowed are ${[...allowed].map((each) => `$states.${each}`).join(", ")}.`,
        kind: "reference",
      });
  }
  if (found.usesRoot)
    findings.push({ path, message: "$$ is empty in Step Functions; use $states.input.", kind: "reference" });
  if (found.usesTaskToken && !resource.endsWith(".waitForTaskToken"))
    findings.push({
      path,
      message: "$states.context.Task.Token exists only in a Task with .waitForTaskToken.",
      kind: "reference",
    });
  return findings;
}
