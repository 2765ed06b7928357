import { bindings, place, row } from "./bindings.ts";
import { isDistributed, type State } from "./definition.ts";
import { runMap } from "./distributed-map.ts";
import { QueryEvaluationError } from "./errors.ts";
import { type Execution, type LogRow, type Strand, stateOf } from "./execution.ts";
import { fill, fillTyped, inState } from "./expression.ts";
import { planMapRun } from "./map-plan.ts";
import type { Runtime } from "./runtime.ts";

/** AWS runs at most this many inline iterations at a time where MaxConcurrency is 0. */
const INLINE_CONCURRENCY = 40;

/** The items of a Map, checked as AWS checks them. */
export async function mapItems(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  state: State,
): Promise<unknown[]> {
  const seen = bindings(runtime, execution, strand);
  if (state.Items !== undefined)
    return (await fillTyped(state.Items, "array", seen, place(strand, "Items"))) as unknown[];
  const input = seen.states.input;
  if (Array.isArray(input)) return input as unknown[];
  throw new QueryEvaluationError(
    inState(strand.state, strand.entered.id, `Map state input must be an array but was: ${strand.input}`),
    undefined,
  );
}

/** The input of one item: the item, or what ItemSelector makes of it. */
export async function selectItem(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  state: State,
  item: unknown,
  index: number,
): Promise<unknown> {
  if (state.ItemSelector === undefined) return item;
  const seen = bindings(runtime, execution, strand, {}, { Map: { Item: { Index: index, Value: item } } });
  return fill(state.ItemSelector, seen, place(strand, "ItemSelector"));
}

/** The row that starts one iteration of an inline Map. */
export function startIteration(runtime: Runtime, strand: Strand, index: number, previous: number): LogRow {
  const group = strand.group as NonNullable<Strand["group"]>;
  const item = group.items?.[index] as string;
  const input = group.inputs?.[index] ?? item;
  return row(runtime, strand, "MapIterationStarted", {
    previous,
    details: { index, name: strand.state },
    fact: { iteration: { index, input, item } },
  });
}

/** How the engine enters a Map, and takes up one that was running. */
export const enterMap = {
  async inline(runtime: Runtime, execution: Execution, strand: Strand, state: State): Promise<boolean> {
    const items = await mapItems(runtime, execution, strand, state);
    const seen = bindings(runtime, execution, strand);
    const asked =
      state.MaxConcurrency === undefined
        ? 0
        : ((await fillTyped(state.MaxConcurrency, "number", seen, place(strand, "MaxConcurrency"))) as number);
    for (const field of ["ToleratedFailureCount", "ToleratedFailurePercentage"] as const) {
      if (state[field] !== undefined) await fillTyped(state[field], "number", seen, place(strand, field));
    }
    const concurrency = asked <= 0 ? INLINE_CONCURRENCY : Math.min(asked, INLINE_CONCURRENCY);
    const texts = items.map((item) => JSON.stringify(item));
    let inputs: string[] | undefined;
    if (state.ItemSelector !== undefined) {
      inputs = [];
      for (const [index, item] of items.entries())
        inputs.push(JSON.stringify(await selectItem(runtime, execution, strand, state, item, index)));
    }
    const children = { count: items.length, concurrency, items: texts, ...(inputs === undefined ? {} : { inputs }) };
    const rows = [row(runtime, strand, "MapStateStarted", { details: { length: items.length }, fact: { children } })];
    if (items.length === 0)
      rows.push(row(runtime, strand, "MapStateSucceeded", { previous: -1, fact: { result: "[]" } }));
    runtime.commit(execution, strand, rows);
    return true;
  },

  async distributed(runtime: Runtime, execution: Execution, strand: Strand, state: State): Promise<boolean> {
    const { plan, length } = await planMapRun(runtime, execution, strand, state);
    runtime.commit(execution, strand, [
      row(runtime, strand, "MapStateStarted", { details: { length } }),
      row(runtime, strand, "MapRunStarted", { previous: -1, details: { mapRunArn: plan.arn }, fact: { mapRun: plan } }),
    ]);
    return true;
  },

  /** Starts what may start and drives what is there: fresh from entry and after a restart alike. */
  resume(runtime: Runtime, execution: Execution, strand: Strand): boolean {
    const state = stateOf(strand);
    if (isDistributed(state)) {
      runMap(runtime, execution, strand);
      return false;
    }
    const group = strand.group as NonNullable<Strand["group"]>;
    if (state.Type === "Map") {
      const first = Math.min(group.count, group.concurrency);
      const rows: LogRow[] = [];
      for (let index = group.started; index < first; index++)
        rows.push(startIteration(runtime, strand, index, group.startedId));
      if (rows.length > 0) runtime.commit(execution, strand, rows);
    }
    const prefix = `${strand.id}/${group.startedId}:`;
    for (const child of [...execution.strands.values()])
      if (child.parent === strand && child.id.startsWith(prefix)) runtime.drive(execution, child);
    return false;
  },
};
