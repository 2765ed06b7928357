/**
 * State machines drawn by a seed. Data always has the form {n: number, xs: number[]}, so that the expressions mostly
 * work; some do not, and some tasks fail, on purpose.
 */
export type Draw = () => number;

interface Place {
  depth: number;
  /** Variables surely assigned here. */
  variables: string[];
  /** Set in the child of a distributed Map, which sees nothing outside. */
  counter: { states: number };
}

const pick = <T>(draw: Draw, choices: readonly T[]): T => choices[Math.floor(draw() * choices.length)] as T;
const whole = (draw: Draw, below: number): number => Math.floor(draw() * below);

function number(draw: Draw, place: Place): string {
  const terms = [
    "$states.input.n",
    "$count($states.input.xs)",
    "$sum($states.input.xs)",
    String(whole(draw, 7)),
    ...place.variables.map((name) => `$${name}`),
  ];
  const first = pick(draw, terms);
  if (draw() < 0.02) return "$states.input.nothing";
  if (draw() < 0.4) return first;
  return `(${first} ${pick(draw, ["+", "-", "*"])} ${pick(draw, terms)}) % 101`;
}

const data = (draw: Draw, place: Place): Record<string, unknown> => ({
  n: `{% ${number(draw, place)} %}`,
  xs: pick<unknown>(draw, [
    "{% $states.input.xs %}",
    [`{% ${number(draw, place)} %}`, whole(draw, 9)],
    [],
    [`{% ${number(draw, place)} %}`],
    "{% $append($states.input.xs, [1]) %}",
  ]),
});

function assigns(draw: Draw, place: Place, own: string[]): Record<string, unknown> {
  if (own.length === 0 || draw() < 0.4) return {};
  return {
    Assign: Object.fromEntries(own.filter(() => draw() < 0.5).map((name) => [name, `{% ${number(draw, place)} %}`])),
  };
}

const RETRIES = [
  undefined,
  [{ ErrorEquals: ["Flaky"], IntervalSeconds: 2, MaxAttempts: 2, BackoffRate: 3 }],
  [{ ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 1, MaxAttempts: 1 }],
  [
    { ErrorEquals: ["Odd"], MaxAttempts: 1, IntervalSeconds: 5 },
    { ErrorEquals: ["States.ALL"], IntervalSeconds: 3, MaxAttempts: 2, BackoffRate: 1 },
  ],
];

/** A chain of states with jumps forward only, and perhaps one counted loop. */
function scope(draw: Draw, depth: number, outer: string[], counter: { states: number }): Record<string, unknown> {
  const own = [`v${depth}a`, `v${depth}b`];
  const place: Place = { depth, variables: [...outer, ...own], counter };
  const count = 2 + whole(draw, depth === 0 ? 5 : 3);
  const names = Array.from({ length: count }, () => `S${counter.states++}`);
  const start = `S${counter.states++}`;
  const last = `S${counter.states++}`;
  const safe = `S${counter.states++}`;
  const states: Record<string, unknown> = {
    [start]: { Type: "Pass", Assign: Object.fromEntries(own.map((name) => [name, whole(draw, 10)])), Next: names[0] },
  };
  for (const [index, name] of names.entries()) {
    const later = [...names.slice(index + 1), last];
    const goes = later[0] as string;
    states[name] = state(draw, place, own, goes, pick(draw, later), safe);
  }
  states[last] =
    draw() < 0.15 && depth > 0
      ? { Type: "Choice", Choices: [{ Condition: "{% $states.input.n % 3 = 1 %}", Next: safe }], Default: `${last}F` }
      : { Type: "Succeed", ...(draw() < 0.3 ? { Output: data(draw, place) } : {}) };
  if ((states[last] as { Type: string }).Type === "Choice")
    states[`${last}F`] = { Type: "Fail", Error: pick(draw, ["Flaky", "Odd", "Fatal"]), Cause: "drawn" };
  states[safe] = { Type: "Succeed", Output: { n: 1, xs: [1, 2] } };
  return { StartAt: start, States: reachable(start, states) };
}

function state(
  draw: Draw,
  place: Place,
  own: string[],
  next: string,
  jump: string,
  safe: string,
): Record<string, unknown> {
  const recovers = (output: unknown): Record<string, unknown> => {
    const retry = pick(draw, RETRIES);
    const caught = {
      ErrorEquals: [pick(draw, ["States.ALL", "Flaky", "States.TaskFailed"])],
      Next: pick(draw, [next, jump, safe]),
      Output: { n: "{% $length($states.errorOutput.Error) %}", xs: "{% [$states.input.xs] %}" },
    };
    return {
      Output: output,
      ...(retry === undefined ? {} : { Retry: retry }),
      ...(draw() < 0.7 ? { Catch: [caught] } : {}),
    };
  };
  const kind = draw();
  if (kind < 0.2)
    return {
      Type: "Pass",
      ...assigns(draw, place, own),
      ...(draw() < 0.7 ? { Output: data(draw, place) } : {}),
      Next: next,
    };
  if (kind < 0.35) {
    return {
      Type: "Choice",
      Choices: [
        { Condition: `{% ${number(draw, place)} > ${whole(draw, 12)} %}`, Next: jump, ...assigns(draw, place, own) },
      ],
      Default: next,
      ...(draw() < 0.3 ? { Output: data(draw, place) } : {}),
    };
  }
  if (kind < 0.45)
    return {
      Type: "Wait",
      Seconds: draw() < 0.5 ? whole(draw, 30) : `{% $abs(${number(draw, place)}) %}`,
      ...assigns(draw, place, own),
      Next: next,
    };
  if (kind < 0.7 || place.depth >= 2) {
    const token = draw() < 0.3;
    const payload = {
      n: `{% ${number(draw, place)} %}`,
      salt: whole(draw, 1000),
      retry: "{% $states.context.State.RetryCount %}",
    };
    return {
      Type: "Task",
      Resource: `arn:aws:states:::lambda:invoke${token ? ".waitForTaskToken" : ""}`,
      Arguments: {
        FunctionName: token ? "ask" : "work",
        Payload: token ? { ...payload, token: "{% $states.context.Task.Token %}" } : payload,
      },
      ...assigns(draw, place, own),
      ...recovers(token ? "{% $states.result %}" : "{% $states.result.Payload %}"),
      Next: next,
    };
  }
  const collected = { n: "{% $sum([$states.result.n]) % 101 %}", xs: "{% [$states.result.n] %}" };
  if (kind < 0.82) {
    const branches = Array.from({ length: 1 + whole(draw, 3) }, () =>
      scope(draw, place.depth + 1, place.variables, place.counter),
    );
    return { Type: "Parallel", Branches: branches, ...assigns(draw, place, own), ...recovers(collected), Next: next };
  }
  const distributed = draw() < 0.4;
  return {
    Type: "Map",
    Items: pick<unknown>(draw, ["{% $states.input.xs %}", [1, 2, 3], "{% [$states.input.n, 4] %}"]),
    ItemSelector: { n: "{% $states.context.Map.Item.Value %}", xs: ["{% $states.context.Map.Item.Index %}", 2] },
    ...(draw() < 0.5 ? { MaxConcurrency: 1 + whole(draw, 3) } : {}),
    ItemProcessor: {
      ...(distributed ? { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" } } : {}),
      ...scope(draw, place.depth + 1, distributed ? [] : place.variables, place.counter),
    },
    ...recovers(collected),
    Next: next,
  };
}

/** Drops states that nothing leads to; the lint refuses them. */
function reachable(start: string, states: Record<string, unknown>): Record<string, unknown> {
  const reached = new Set([start]);
  for (const name of reached) {
    const state = states[name] as {
      Next?: string;
      Default?: string;
      Choices?: { Next: string }[];
      Catch?: { Next: string }[];
    };
    for (const target of [
      state.Next,
      state.Default,
      ...(state.Choices ?? []).map((rule) => rule.Next),
      ...(state.Catch ?? []).map((rule) => rule.Next),
    ])
      if (target !== undefined) reached.add(target);
  }
  return Object.fromEntries(Object.entries(states).filter(([name]) => reached.has(name)));
}

export function drawMachine(draw: Draw): Record<string, unknown> {
  return { QueryLanguage: "JSONata", ...scope(draw, 0, [], { states: 0 }) };
}

/** What a task answers follows from its payload alone, so that order and repetition cannot matter. */
export function drawnAnswer(payload: unknown): { output: { n: number; xs: number[] } } | { error: string } {
  const { n, salt, retry } = payload as { n: number; salt: number; retry: number };
  const mixed = Math.abs(Math.imul(n * 31 + salt * 7 + retry * 13 + 5, 2654435761) >>> 8);
  if (mixed % 10 < 3) return { error: ["Flaky", "Odd", "Fatal"][mixed % 3] as string };
  return { output: { n: mixed % 50, xs: Array.from({ length: mixed % 4 }, (_, index) => (mixed >> index) % 20) } };
}
