import type { z } from "zod";
import type { HistoryPage, HistoryQuery, HistoryRow } from "../../schemas/portal.ts";
import type { ExecutionEvent } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign } from "../store/campaigns.ts";
import { executionName } from "../store/cycles.ts";
import type { ApiOptions } from "./portal.ts";

/** One page of the events of a cycle's execution, oldest first. Throws BadInputError for a cycle that never was. */
export async function historyPage(
  { ports }: Pick<ApiOptions, "ports">,
  campaign: string,
  asked: z.output<typeof HistoryQuery>,
): Promise<HistoryPage> {
  const { head } = await readCampaign(ports, campaign);
  const cycle = asked.cycle ?? head.cycles;
  if (cycle < 1 || cycle > head.cycles) {
    throw new BadInputError(
      head.cycles === 0
        ? `"${campaign}" has had no cycle yet; its history begins with the first intake`
        : `"${campaign}" has no cycle ${cycle}; it has had ${head.cycles}`,
    );
  }
  const execution = executionName(campaign, cycle);
  const found = await ports.workflows.describe("campaign", execution);
  const events = found === undefined ? [] : await ports.workflows.history("campaign", execution);
  const states = statesOf(events);
  const wanted = events.filter(
    ({ id, type }) =>
      id > asked.after &&
      type.toLowerCase().includes(asked.type.toLowerCase()) &&
      (asked.state === "" || states.get(id) === asked.state),
  );
  const shown = wanted.slice(0, asked.limit);
  const last = shown.at(-1);
  return {
    cycle,
    execution,
    status: found?.status ?? "NOT_STARTED",
    total: events.length,
    events: shown.map((event) => rowOf(event, states.get(event.id))),
    ...(last === undefined || shown.length === wanted.length ? {} : { next: last.id }),
  };
}

/** The state of each event: what entered and left says it, the others happened in the state of their previous event. */
function statesOf(events: readonly ExecutionEvent[]): Map<number, string> {
  const states = new Map<number, string>();
  const left = new Set<number>();
  for (const { id, previousEventId, type, state } of events) {
    const inherited = left.has(previousEventId) ? undefined : states.get(previousEventId);
    const name = state ?? inherited;
    if (name !== undefined) states.set(id, name);
    if (type.endsWith("StateExited")) left.add(id);
  }
  return states;
}

function rowOf(
  { id, previousEventId, timestamp, type, details }: ExecutionEvent,
  state: string | undefined,
): HistoryRow {
  return {
    id,
    previousEventId,
    timestamp: new Date(timestamp).toISOString(),
    type,
    ...(state === undefined ? {} : { state }),
    ...(details === undefined ? {} : { details: withoutTokens(details) as Record<string, unknown> }),
  };
}

/** Whoever holds a task's token can end its step: it stands in parameters and inputs, which are JSON in text. */
function withoutTokens(value: unknown, name = ""): unknown {
  if (/token$/i.test(name) && typeof value === "string") return "(struck out)";
  if (Array.isArray(value)) return value.map((one) => withoutTokens(one));
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutTokens(one, key)]));
  if (typeof value !== "string" || !/token/i.test(value)) return value;
  try {
    const inner: unknown = JSON.parse(value);
    return typeof inner === "object" ? JSON.stringify(withoutTokens(inner)) : value;
  } catch {
    return value;
  }
}
