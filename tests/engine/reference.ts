import jsonata from "jsonata";

/**
 * The rules of the state machines once more, as plainly as they can be said: no events, no log, no concurrency.
 * It shares nothing with the engine but the jsonata package. Times are seconds since the start.
 */
// biome-ignore lint/suspicious/noExplicitAny: the definitions are drawn, and checked by the engine's lint
type Json = Record<string, any>;
interface Scope {
  StartAt: string;
  States: Record<string, Json>;
}
export type Result = { end: number; output: unknown } | { end: number; error: string };

/** What a task answers, or the name of the error it raises. */
export type Answer = (payload: unknown) => { output: unknown } | { error: string };

/** Thrown where two things fail at the same moment, so that either may be the outcome. */
export class Ambiguous extends Error {}

class Failed extends Error {
  readonly at: number;
  constructor(error: string, at: number) {
    super(error);
    this.at = at;
  }
}

interface Moment {
  input: unknown;
  variables: Record<string, unknown>;
  at: number;
  context: Record<string, unknown>;
}

export async function referenceRun(machine: unknown, input: unknown, answer: Answer): Promise<Result> {
  try {
    const { output, at } = await runScope(machine as Scope, { input, variables: {}, at: 0, context: {} }, answer);
    return { end: at, output };
  } catch (error) {
    if (error instanceof Failed) return { end: error.at, error: error.message };
    throw error;
  }
}

async function value(template: unknown, moment: Moment, states: Record<string, unknown>): Promise<unknown> {
  if (typeof template === "string" && template.startsWith("{%")) {
    let found: unknown;
    try {
      found = await jsonata(template.slice(2, -2)).evaluate(undefined, {
        ...moment.variables,
        states: { input: moment.input, context: moment.context, ...states },
      });
    } catch {
      throw new Failed("States.QueryEvaluationError", moment.at);
    }
    if (found === undefined) throw new Failed("States.QueryEvaluationError", moment.at);
    return JSON.parse(JSON.stringify(found));
  }
  if (Array.isArray(template)) return Promise.all(template.map((item) => value(item, moment, states)));
  if (template === null || typeof template !== "object") return template;
  const made: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(template)) made[key] = await value(item, moment, states);
  return made;
}

async function runScope(scope: Scope, start: Moment, answer: Answer): Promise<{ output: unknown; at: number }> {
  let moment: Moment = { ...start, variables: { ...start.variables } };
  let name = scope.StartAt;
  for (;;) {
    const state = scope.States[name] as Json;
    let retries: number[] = [];
    let next:
      | { clause: Json; fallback: unknown; to: string | undefined; states: Record<string, unknown>; at: number }
      | undefined;
    while (next === undefined) {
      const retryCount = retries.reduce((sum, count) => sum + (count ?? 0), 0);
      const here = { ...moment, context: { ...moment.context, State: { Name: name, RetryCount: retryCount } } };
      try {
        next = await runState(state, here, answer);
        // What the leaving clause evaluates to may fail too, and is then retried or caught like the work itself.
        const made = await leave(next, here);
        moment = { ...moment, variables: made.variables, input: made.output, at: next.at };
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        next = undefined;
        const matches = (rule: Json): boolean =>
          (rule.ErrorEquals as string[]).some((pattern) => matched(pattern, error.message));
        const rules = (state.Retry ?? []) as Json[];
        const index = rules.findIndex(matches);
        const rule = rules[index] as
          | { MaxAttempts?: number; IntervalSeconds?: number; BackoffRate?: number }
          | undefined;
        const made = retries[index] ?? 0;
        if (rule !== undefined && made < (rule.MaxAttempts ?? 3)) {
          moment = { ...moment, at: error.at + (rule.IntervalSeconds ?? 1) * (rule.BackoffRate ?? 2) ** made };
          retries = Object.assign([...retries], { [index]: made + 1 });
          continue;
        }
        const catcher = ((state.Catch ?? []) as Json[]).find(matches) as Json | undefined;
        if (catcher === undefined) throw error;
        const errorOutput = { Error: error.message, Cause: "" };
        const caught = { ...here, at: error.at };
        next = { clause: catcher, fallback: errorOutput, to: catcher.Next, states: { errorOutput }, at: error.at };
        const left = await leave(next, caught);
        moment = { ...moment, variables: left.variables, input: left.output, at: error.at };
      }
    }
    if (next.to === undefined) return { output: moment.input, at: moment.at };
    name = next.to;
  }
}

async function leave(
  next: { clause: Json; fallback: unknown; states: Record<string, unknown>; at: number },
  moment: Moment,
): Promise<{ variables: Record<string, unknown>; output: unknown }> {
  const then = { ...moment, at: next.at };
  const assigned = (await value(next.clause.Assign ?? {}, then, next.states)) as Record<string, unknown>;
  const output = next.clause.Output === undefined ? next.fallback : await value(next.clause.Output, then, next.states);
  return { variables: { ...moment.variables, ...assigned }, output };
}

function matched(pattern: string, error: string): boolean {
  return (
    pattern === error || pattern === "States.ALL" || (pattern === "States.TaskFailed" && error !== "States.Timeout")
  );
}

async function runState(
  state: Json,
  moment: Moment,
  answer: Answer,
): Promise<{ clause: Json; fallback: unknown; to: string | undefined; states: Record<string, unknown>; at: number }> {
  const on = (fallback: unknown, more: Record<string, unknown> = {}, at = moment.at) => ({
    clause: state,
    fallback,
    to: state.Next as string | undefined,
    states: more,
    at,
  });
  switch (state.Type as string) {
    case "Pass":
    case "Succeed":
      return on(moment.input);
    case "Fail":
      throw new Failed(state.Error, moment.at);
    case "Wait":
      return on(moment.input, {}, moment.at + ((await value(state.Seconds, moment, {})) as number));
    case "Choice":
      for (const rule of state.Choices as Json[]) {
        if ((await value(rule.Condition, moment, {})) === true)
          return { ...on(moment.input), clause: rule, to: rule.Next };
      }
      return { ...on(moment.input), to: state.Default };
    case "Task": {
      const withToken = { ...moment, context: { ...moment.context, Task: { Token: "a token" } } };
      const given = (await value(state.Arguments, withToken, {})) as { Payload: unknown };
      const said = answer(given.Payload);
      if ("error" in said) throw new Failed(said.error, moment.at);
      const token = (state.Resource as string).endsWith("waitForTaskToken");
      const result = token ? said.output : { Payload: said.output };
      return on(result, { result });
    }
    case "Parallel": {
      const branches = (state.Branches as Scope[]).map(
        (branch) => async (at: number) => runScope(branch, { ...moment, at }, answer),
      );
      const done = await schedule(branches, branches.length, moment.at);
      return on(done.outputs, { result: done.outputs }, done.at);
    }
    case "Map": {
      const items = (await value(state.Items, moment, {})) as unknown[];
      const distributed =
        (state.ItemProcessor as { ProcessorConfig?: { Mode?: string } }).ProcessorConfig?.Mode === "DISTRIBUTED";
      const runs: ((at: number) => Promise<{ output: unknown; at: number }>)[] = [];
      for (const [Index, Value] of items.entries()) {
        const context = { ...moment.context, Map: { Item: { Index, Value } } };
        const input =
          state.ItemSelector === undefined ? Value : await value(state.ItemSelector, { ...moment, context }, {});
        runs.push((at) =>
          runScope(
            state.ItemProcessor,
            distributed
              ? { input, variables: {}, at, context: {} }
              : { input, variables: moment.variables, at, context },
            answer,
          ),
        );
      }
      const rename = distributed ? "States.ExceedToleratedFailureThreshold" : undefined;
      const done = await schedule(runs, (state.MaxConcurrency as number | undefined) ?? 40, moment.at, rename);
      return on(done.outputs, { result: done.outputs }, done.at);
    }
    default:
      throw new Error(`the reference knows no ${state.Type as string}`);
  }
}

/** Work in order on so many places; the earliest failure decides. */
async function schedule(
  runs: ((at: number) => Promise<{ output: unknown; at: number }>)[],
  places: number,
  start: number,
  rename?: string,
): Promise<{ outputs: unknown[]; at: number }> {
  const free = new Array<number>(Math.max(1, Math.min(places, runs.length || 1))).fill(start);
  const outputs: unknown[] = [];
  const failures: Failed[] = [];
  for (const run of runs) {
    const place = free.indexOf(Math.min(...free));
    try {
      const done = await run(free[place] as number);
      outputs.push(done.output);
      free[place] = done.at;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      failures.push(error);
      free[place] = Number.POSITIVE_INFINITY;
      if (free.every((at) => at === Number.POSITIVE_INFINITY)) break;
    }
  }
  if (failures.length === 0) return { outputs, at: Math.max(...free) };
  const at = Math.min(...failures.map((failure) => failure.at));
  const names = new Set(failures.filter((failure) => failure.at === at).map((failure) => failure.message));
  if (names.size > 1 && rename === undefined) throw new Ambiguous();
  throw new Failed(rename ?? ([...names][0] as string), at);
}
