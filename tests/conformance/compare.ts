import type { HistoryEvent } from "../../local/engine/engine.ts";
import { type RecordedEvent, type Recording, statesOf } from "./recording.ts";

export interface Verdict {
  types: boolean;
  details: boolean;
  /** Undefined where the definition has Map or Parallel states, whose events AWS may order in several ways. */
  exact: boolean | undefined;
  /** The first differences, for a reader. */
  differences: string[];
}

/** Compares what the engine did with what AWS did: types, then details, then order and links. */
export function compare(recording: Recording, ours: readonly HistoryEvent[]): Verdict {
  const branching = [...statesOf(recording.definition)].some(
    (state) => state.Type === "Map" || state.Type === "Parallel",
  );
  const substitutions = renamed(recording);
  const told = (event: RecordedEvent | HistoryEvent): string => canonical(detailsOf(event), substitutions);
  const theirs = recording.events;
  const differences: string[] = [];
  const sameList = (left: string[], right: string[]): boolean =>
    left.length === right.length && left.every((item, index) => item === right[index]);
  const ordered = (list: string[]): string[] => (branching ? [...list].sort() : list);
  const types = sameList(ordered(theirs.map((event) => event.type)), ordered(ours.map((event) => event.type)));
  if (!types)
    differences.push(
      `types: AWS ${theirs.map((event) => event.type).join(" ")} | here ${ours.map((event) => event.type).join(" ")}`,
    );
  const line = (event: RecordedEvent | HistoryEvent): string => `${event.type} ${told(event)}`;
  const details = types && sameList(ordered(theirs.map(line)), ordered(ours.map(line)));
  if (types && !details) {
    const [left, right] = [ordered(theirs.map(line)), ordered(ours.map(line))];
    for (const [index, item] of left.entries())
      if (item !== right[index]) differences.push(`details: AWS ${item} | here ${right[index]}`);
  }
  const links = (event: RecordedEvent | HistoryEvent): string => `${event.id}<-${event.previousEventId} ${event.type}`;
  const exact = details && sameList(theirs.map(links), ours.map(links));
  if (details && !exact)
    differences.push(`links: AWS ${theirs.map(links).join(" ")} | here ${ours.map(links).join(" ")}`);
  return { types, details, exact: branching ? undefined : exact, differences };
}

function detailsOf(event: RecordedEvent | HistoryEvent): unknown {
  const key = Object.keys(event).find((name) => name.endsWith("EventDetails"));
  return key === undefined ? {} : (event as Record<string, unknown>)[key];
}

/**
 * Which of our literal values the recorder replaced by a placeholder: the input that we give is the one before the
 * replacement, so the recorded ExecutionStarted tells, leaf by leaf, what became of each value.
 */
function renamed(recording: Recording): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (theirs: unknown, mine: unknown): void => {
    if (typeof theirs === "string" && typeof mine === "string" && theirs !== mine) found.set(mine, theirs);
    else if (theirs !== null && mine !== null && typeof theirs === "object" && typeof mine === "object") {
      for (const [key, value] of Object.entries(theirs)) walk(value, (mine as Record<string, unknown>)[key]);
    }
  };
  const started = recording.events.find((event) => event.type === "ExecutionStarted");
  walk((detailsOf(started ?? { id: 0, previousEventId: 0, type: "" }) as { input?: unknown }).input, recording.input);
  return found;
}

/** Values of AWS's transport that no two calls share. */
const TRANSPORT = new Set([
  "Date",
  "x-amzn-RequestId",
  "X-Amzn-Trace-Id",
  "RequestId",
  "Content-Length",
  "SdkResponseMetadata",
]);
const ARN = /arn:[^\s"\\]+/g;

/** One comparable text: JSON in strings opened, ARNs, regions, roles and transport values made equal, keys sorted. */
function canonical(value: unknown, substitutions: Map<string, string>): string {
  return JSON.stringify(normal(value, substitutions, ""));
}

function normal(value: unknown, substitutions: Map<string, string>, key: string): unknown {
  if (TRANSPORT.has(key)) return "(transport)";
  if (key === "roleArn" || key === "mapRunArn") return `(${key})`;
  if (key === "region") return "(region)";
  if (typeof value === "string") {
    if (/^\s*\{/.test(value) || /^\s*\[[\s\S]*\]\s*$/.test(value)) {
      try {
        return normal(JSON.parse(value), substitutions, key);
      } catch {
        // Text that only looks like JSON.
      }
    }
    let text = substitutions.get(value) ?? value;
    if (text === value)
      for (const [mine, theirs] of substitutions) if (mine.length > 4) text = text.replaceAll(mine, theirs);
    for (const [mine, theirs] of substitutions) if (theirs === "timestamp") text = text.replaceAll(mine, theirs);
    return text.replace(ARN, "(arn)");
  }
  if (Array.isArray(value)) return value.map((item) => normal(item, substitutions, key));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, member]) => [name, normal(member, substitutions, name)]),
    );
  }
  return value;
}
