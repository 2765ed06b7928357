import { expressionSource } from "./expression-check.ts";
import { checkExpressions, type SeenVariables } from "./field-expressions.ts";
import {
  ALLOWED_VALUES,
  type FieldRule,
  JSONPATH_FIELDS,
  PART_FIELDS,
  RESERVED_ERRORS,
  STATE_FIELDS,
} from "./state-fields.ts";
import { KNOWN_RESOURCES, parseResource } from "./task-resource.ts";
import { assignedAt, type Edge } from "./variable-flow.ts";

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

type Json = Record<string, unknown>;

interface Lint {
  findings: Finding[];
  names: Map<string, string>;
}

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

function report(lint: Lint, path: string, message: string, kind: Finding["kind"] = "profile"): void {
  lint.findings.push({ path: path === "" ? "/" : path, message, kind });
}

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function pointer(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

function checkFields(lint: Lint, path: string, part: Json, kind: string): void {
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

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
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

function checkValue(lint: Lint, path: string, value: unknown, rule: FieldRule): void {
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

function checkRecovery(lint: Lint, path: string, state: Json): void {
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

function checkTask(lint: Lint, path: string, state: Json, nested: boolean): void {
  if (state.Resource === undefined) report(lint, path, `The Task has no Resource; allowed are ${KNOWN_RESOURCES}.`);
  const pattern = typeof state.Resource === "string" ? parseResource(state.Resource)?.pattern : undefined;
  const token = pattern === "waitForTaskToken";
  if (state.TimeoutSeconds === undefined) {
    report(
      lint,
      path,
      token
        ? "The Task waits for a token without TimeoutSeconds: a lost token would hold the execution for a year."
        : "The Task has no TimeoutSeconds.",
      "house",
    );
  }
  if (token && !JSON.stringify(state.Arguments ?? "").includes("context.Task.Token")) {
    report(
      lint,
      `${path}/Arguments`,
      "The Task waits for a token that its Arguments never pass on: use $states.context.Task.Token.",
      "house",
    );
  }
  if (
    typeof state.HeartbeatSeconds === "number" &&
    typeof state.TimeoutSeconds === "number" &&
    state.HeartbeatSeconds >= state.TimeoutSeconds
  ) {
    report(
      lint,
      `${path}/HeartbeatSeconds`,
      `HeartbeatSeconds is ${state.HeartbeatSeconds}; it must be less than TimeoutSeconds (${state.TimeoutSeconds}).`,
    );
  }
  if (list(state.Retry).length === 0)
    report(lint, path, "The Task has no Retry: a passing fault would end the execution.", "house");
  if (!nested && list(state.Catch).length === 0)
    report(lint, path, "The Task has no Catch: its failure would end the execution without a word.", "house");
}

function checkMap(lint: Lint, path: string, state: Json, language: string, seen: SeenVariables): void {
  const processor = state.ItemProcessor;
  const distributed =
    isObject(processor) && isObject(processor.ProcessorConfig) && processor.ProcessorConfig.Mode === "DISTRIBUTED";
  for (const field of ["ItemReader", "ItemBatcher", "ResultWriter"]) {
    const part = state[field];
    if (part === undefined) continue;
    if (!distributed)
      report(lint, `${path}/${field}`, `${field} works only in a Map whose ItemProcessor has Mode DISTRIBUTED.`);
    if (isObject(part)) checkFields(lint, `${path}/${field}`, part, field);
  }
  if (isObject(state.ItemReader)) {
    const { Resource, ReaderConfig } = state.ItemReader;
    if (!["s3:getObject", "s3:listObjectsV2"].some((action) => String(Resource).endsWith(`:::${action}`))) {
      report(
        lint,
        `${path}/ItemReader/Resource`,
        `Resource is ${describe(Resource)}; allowed are arn:aws:states:::s3:getObject and arn:aws:states:::s3:listObjectsV2.`,
      );
    }
    if (isObject(ReaderConfig)) checkFields(lint, `${path}/ItemReader/ReaderConfig`, ReaderConfig, "ReaderConfig");
    if (state.Items !== undefined) report(lint, `${path}/Items`, "The Map has both Items and ItemReader; give one.");
  }
  if (
    isObject(state.ItemBatcher) &&
    state.ItemBatcher.MaxItemsPerBatch === undefined &&
    state.ItemBatcher.MaxInputBytesPerBatch === undefined
  ) {
    report(lint, `${path}/ItemBatcher`, "ItemBatcher needs MaxItemsPerBatch, MaxInputBytesPerBatch, or both.");
  }
  if (isObject(state.ResultWriter)) {
    const { Resource, Arguments, WriterConfig } = state.ResultWriter;
    if (isObject(WriterConfig)) checkFields(lint, `${path}/ResultWriter/WriterConfig`, WriterConfig, "WriterConfig");
    if ((Resource === undefined) !== (Arguments === undefined))
      report(lint, `${path}/ResultWriter`, "Resource and Arguments go together.");
    if (Resource !== undefined && !String(Resource).endsWith(":::s3:putObject"))
      report(
        lint,
        `${path}/ResultWriter/Resource`,
        `Resource is ${describe(Resource)}; allowed is arn:aws:states:::s3:putObject.`,
      );
  }
  if (isObject(processor) && isObject(processor.ProcessorConfig))
    checkFields(lint, `${path}/ItemProcessor/ProcessorConfig`, processor.ProcessorConfig, "ProcessorConfig");
  // A child execution is its own world: variables of the parent do not reach it.
  inner(
    lint,
    `${path}/ItemProcessor`,
    processor,
    "ItemProcessor",
    language,
    distributed ? { may: new Set(), must: new Set() } : seen,
  );
}
