import { checkExpressions, type SeenVariables } from "./field-expressions.ts";
import {
  checkFields,
  checkValue,
  describe,
  type Finding,
  isObject,
  type Json,
  type Lint,
  list,
  report,
} from "./lint-report.ts";
import { checkMapParts } from "./map-lint.ts";
import { checkRecovery } from "./recovery-lint.ts";
import { JSONPATH_FIELDS, STATE_FIELDS } from "./state-fields.ts";
import { checkTask } from "./task-lint.ts";
import { assignedAt, type Edge } from "./variable-flow.ts";

export type { Finding } from "./lint-report.ts";

/** Everything wrong with a state machine's definition; empty when it may be loaded. Refuses, never ignores. */
export function lintDefinition(name: string, definition: unknown): Finding[] {
  const lint: Lint = { findings: [], names: new Map() };
  if (!isObject(definition)) {
    report(
      lint,
      "",
      `State machine "${name}" is ${describe(definition)}; a definition is a JSON object with StartAt and States.`,
    );
    return lint.findings;
  }
  checkFields(lint, "", definition, "machine");
  if (definition.TimeoutSeconds !== undefined)
    checkValue(lint, "/TimeoutSeconds", definition.TimeoutSeconds, "positive");
  checkScope(
    lint,
    "",
    definition,
    String(definition.QueryLanguage ?? "JSONPath"),
    { may: new Set(), must: new Set() },
    false,
  );
  return lint.findings;
}

function pointer(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

function checkScope(
  lint: Lint,
  path: string,
  scope: Json,
  language: string,
  outer: SeenVariables,
  nested: boolean,
): void {
  const { StartAt, States } = scope;
  if (!isObject(States) || Object.keys(States).length === 0) {
    report(lint, `${path}/States`, `States is ${describe(States)}; give an object with at least one state.`);
    return;
  }
  const names = Object.keys(States);
  if (typeof StartAt !== "string" || !names.includes(StartAt)) {
    report(lint, `${path}/StartAt`, `StartAt is ${describe(StartAt)}; the states here are ${names.join(", ")}.`);
    return;
  }
  const edges: Edge[] = [];
  for (const [name, state] of Object.entries(States)) {
    const at = `${path}/States/${pointer(name)}`;
    const twin = lint.names.get(name);
    if (twin !== undefined)
      report(
        lint,
        at,
        `The name "${name}" is used twice (also at ${twin}); state names are unique in the whole machine.`,
      );
    lint.names.set(name, at);
    if (name.length > 80) report(lint, at, `The name has ${name.length} characters; at most 80 are allowed.`);
    if (isObject(state)) edges.push(...edgesOf(lint, at, name, state, names));
    else report(lint, at, `The state is ${describe(state)}; a state is an object with a Type.`);
  }
  const reached = reachable(StartAt, edges);
  for (const name of names)
    if (!reached.has(name))
      report(lint, `${path}/States/${pointer(name)}`, `State "${name}" is not reachable from StartAt "${StartAt}".`);
  const flow = assignedAt(StartAt, names, edges, outer.may);
  for (const [name, state] of Object.entries(States)) {
    if (!isObject(state)) continue;
    const seen: SeenVariables = {
      may: flow.may.get(name) as Set<string>,
      must: new Set([...(flow.must.get(name) as Set<string>), ...outer.must]),
    };
    checkState(lint, `${path}/States/${pointer(name)}`, state, language, seen, outer, nested);
  }
}

function reachable(start: string, edges: readonly Edge[]): Set<string> {
  const reached = new Set([start]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const { from, to } of edges) {
      if (reached.has(from) && !reached.has(to)) {
        reached.add(to);
        grown = true;
      }
    }
  }
  return reached;
}

/** Where a state goes and what each way assigns; reports ways to nowhere. */
function edgesOf(lint: Lint, path: string, name: string, state: Json, names: readonly string[]): Edge[] {
  const edges: Edge[] = [];
  const go = (at: string, to: unknown, assign: unknown): void => {
    if (typeof to === "string" && names.includes(to))
      edges.push({ from: name, to, assigns: isObject(assign) ? Object.keys(assign) : [] });
    else report(lint, at, `The target is ${describe(to)}; the states here are ${names.join(", ")}.`);
  };
  if (state.Type === "Choice") {
    for (const [index, rule] of list(state.Choices).entries())
      if (isObject(rule)) go(`${path}/Choices/${index}/Next`, rule.Next, rule.Assign);
    if (state.Default !== undefined) go(`${path}/Default`, state.Default, state.Assign);
  } else if (state.Next !== undefined) go(`${path}/Next`, state.Next, state.Assign);
  for (const [index, catcher] of list(state.Catch).entries())
    if (isObject(catcher)) go(`${path}/Catch/${index}/Next`, catcher.Next, catcher.Assign);
  return edges;
}

function checkState(
  lint: Lint,
  path: string,
  state: Json,
  inherited: string,
  seen: SeenVariables,
  outer: SeenVariables,
  nested: boolean,
): void {
  const fields = STATE_FIELDS[String(state.Type)];
  if (fields === undefined) {
    report(
      lint,
      `${path}/Type`,
      `Type is ${describe(state.Type)}; allowed are ${Object.keys(STATE_FIELDS).join(", ")}.`,
    );
    return;
  }
  const language = String(state.QueryLanguage ?? inherited);
  if (language !== "JSONata") {
    report(
      lint,
      path,
      `The state's query language is ${language}; only JSONata is run here. Set "QueryLanguage": "JSONata" on the machine.`,
    );
    return;
  }
  for (const [field, value] of Object.entries(state)) {
    const rule = fields[field];
    if (rule !== undefined) checkValue(lint, `${path}/${field}`, value, rule);
    else if (JSONPATH_FIELDS.has(field))
      report(
        lint,
        `${path}/${field}`,
        `Field "${field}" belongs to JSONPath; use Arguments, Output, Assign, Items or an expression.`,
      );
    else
      report(
        lint,
        `${path}/${field}`,
        `Field "${field}" is not known in a ${String(state.Type)} state; allowed are ${Object.keys(fields).join(", ")}.`,
      );
  }
  if ("Next" in fields && (state.Next === undefined) === (state.End !== true)) {
    report(
      lint,
      path,
      state.Next === undefined
        ? "The state has neither Next nor End: true."
        : "The state has both Next and End; give one.",
    );
  }
  checkRecovery(lint, path, state);
  checkByType(lint, path, state, language, seen, nested);
  for (const problem of checkExpressions(path, state, seen, outer)) lint.findings.push(problem);
}

function checkByType(
  lint: Lint,
  path: string,
  state: Json,
  language: string,
  seen: SeenVariables,
  nested: boolean,
): void {
  switch (state.Type) {
    case "Task":
      checkTask(lint, path, state, nested);
      return;
    case "Wait":
      if ((state.Seconds === undefined) === (state.Timestamp === undefined))
        report(lint, path, "A Wait state has exactly one of Seconds and Timestamp.");
      return;
    case "Choice":
      if (list(state.Choices).length === 0) report(lint, `${path}/Choices`, "A Choice state needs at least one rule.");
      for (const [index, rule] of list(state.Choices).entries()) {
        if (!isObject(rule) || rule.Condition === undefined)
          report(lint, `${path}/Choices/${index}`, `The rule is ${describe(rule)}; it needs a Condition and a Next.`);
        else checkFields(lint, `${path}/Choices/${index}`, rule, "choice rule");
      }
      return;
    case "Parallel":
      if (list(state.Branches).length === 0)
        report(lint, `${path}/Branches`, "A Parallel state needs at least one branch.");
      for (const [index, branch] of list(state.Branches).entries())
        inner(lint, `${path}/Branches/${index}`, branch, "branch", language, seen);
      return;
    case "Map":
      checkMap(lint, path, state, language, seen);
      return;
    default:
  }
}

function inner(lint: Lint, path: string, scope: unknown, kind: string, language: string, seen: SeenVariables): void {
  if (!isObject(scope)) {
    report(lint, path, `The ${kind} is ${describe(scope)}; it is an object with StartAt and States.`);
    return;
  }
  checkFields(lint, path, scope, kind);
  checkScope(lint, path, scope, String(scope.QueryLanguage ?? language), seen, true);
}

function checkMap(lint: Lint, path: string, state: Json, language: string, seen: SeenVariables): void {
  const distributed = checkMapParts(lint, path, state);
  // A child execution is its own world: variables of the parent do not reach it.
  inner(
    lint,
    `${path}/ItemProcessor`,
    state.ItemProcessor,
    "ItemProcessor",
    language,
    distributed ? { may: new Set(), must: new Set() } : seen,
  );
}
