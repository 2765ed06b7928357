import type { LogRow } from "./execution.ts";
import { detailsKey, type HistoryEvent } from "./history-event.ts";

/** The AWS view of a log: facts left out, ids counted from 1. */
export function historyOf(rows: readonly LogRow[]): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  for (const row of rows) {
    if (row.type === null) continue;
    const key = detailsKey(row.type);
    const details =
      key === undefined
        ? {}
        : { [key]: { ...row.details, ...(row.payload === undefined ? {} : { [row.payload.key]: row.payload.text }) } };
    events.push({
      id: events.length + 1,
      previousEventId: row.previous,
      timestamp: new Date(row.at).toISOString(),
      type: row.type,
      ...details,
    } as HistoryEvent);
  }
  return events;
}
