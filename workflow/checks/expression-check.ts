import jsonata from "jsonata";

/** JSONata 2.0.6's own functions without `$eval`, and those that Step Functions adds. */
const FUNCTIONS = new Set(
  (
    "sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power random boolean not map zip filter single foldLeft reduce sift keys lookup append exists spread merge reverse each error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl fromMillis toMillis clone now millis " +
    "partition range hash uuid parse"
  ).split(" "),
);

/** What an expression refers to. */
export interface References {
  /** Variables of the state machine, without `$`; `guarded` ones stand under `$exists`. */
  variables: Set<string>;
  guarded: Set<string>;
  unknownFunctions: Set<string>;
  /** Second steps of `$states`: input, result, errorOutput, context. */
  statesFields: Set<string>;
  usesTaskToken: boolean;
  usesRoot: boolean;
  error: string | undefined;
}

interface Node {
  type?: string;
  value?: unknown;
  steps?: Node[];
  procedure?: Node;
  arguments?: Node[];
  lhs?: Node;
  focus?: string;
  index?: string;
}

/** The source between `{%` and `%}`, or undefined when the text is a literal. */
export function expressionSource(text: string): string | undefined {
  return text.startsWith("{%") && text.endsWith("%}") && text.length >= 4 ? text.slice(2, -2).trim() : undefined;
}

const known = new Map<string, References>();

/** Parses an expression (once) and collects what it refers to. Names bound inside the expression are not the machine's. */
export function references(source: string): References {
  let found = known.get(source);
  if (found === undefined) {
    found = collectReferences(source);
    known.set(source, found);
  }
  return found;
}

function collectReferences(source: string): References {
  const found: References = {
    variables: new Set(),
    guarded: new Set(),
    unknownFunctions: new Set(),
    statesFields: new Set(),
    usesTaskToken: false,
    usesRoot: false,
    error: undefined,
  };
  let ast: Node;
  try {
    ast = jsonata(source).ast() as unknown as Node;
  } catch (error) {
    const { message, position } = error as { message: string; position?: number };
    found.error = position === undefined ? message : `${message} (at character ${position})`;
    return found;
  }
  const nodes = collect(ast);
  const bound = new Set<string>();
  for (const node of nodes) {
    if (node.type === "bind" && typeof node.lhs?.value === "string") bound.add(node.lhs.value);
    if (node.type === "lambda") for (const argument of node.arguments ?? []) bound.add(String(argument.value));
    for (const name of [node.focus, node.index]) if (typeof name === "string") bound.add(name);
  }
  for (const node of nodes) {
    if (node.type === "path") readStates(node.steps ?? [], found);
    if (node.type === "function" && node.procedure?.value === "exists") {
      for (const inner of (node.arguments ?? []).flatMap(collect))
        if (inner.type === "variable") found.guarded.add(String(inner.value));
    }
    const called = node.type === "function" || node.type === "partial" ? node.procedure : undefined;
    if (called?.type === "variable" && !bound.has(String(called.value)) && !FUNCTIONS.has(String(called.value)))
      found.unknownFunctions.add(String(called.value));
    if (node.type !== "variable") continue;
    const name = String(node.value);
    if (name === "$") found.usesRoot = true;
    else if (name === "eval") found.unknownFunctions.add(name);
    else if (
      name !== "" &&
      name !== "states" &&
      !bound.has(name) &&
      !FUNCTIONS.has(name) &&
      !found.unknownFunctions.has(name)
    )
      found.variables.add(name);
  }
  for (const name of found.unknownFunctions) found.variables.delete(name);
  return found;
}

function readStates(steps: Node[], found: References): void {
  const [head, ...rest] = steps;
  if (head?.type !== "variable" || head.value !== "states") return;
  const names = rest.map((step) => String(step.value));
  if (names[0] !== undefined) found.statesFields.add(names[0]);
  if (names.join(".").startsWith("context.Task.Token")) found.usesTaskToken = true;
}

function collect(root: unknown): Node[] {
  const nodes: Node[] = [];
  const seen = new Set<object>();
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== "object" || seen.has(value) || value instanceof RegExp) return;
    seen.add(value);
    if (!Array.isArray(value)) nodes.push(value as Node);
    for (const member of Object.values(value)) walk(member);
  };
  walk(root);
  return nodes;
}
