/** One event as `GetExecutionHistory` of AWS Step Functions returns it, with the timestamp as ISO text. */
export interface HistoryEvent {
  id: number;
  previousEventId: number;
  timestamp: string;
  type: string;
  /** One key such as `stateEnteredEventDetails`, absent for types without details. */
  [details: `${string}EventDetails`]: Record<string, unknown>;
}

const WITHOUT_DETAILS = new Set([
  "LambdaFunctionStarted",
  "MapStateFailed",
  "MapStateSucceeded",
  "MapStateAborted",
  "MapRunSucceeded",
  "MapRunAborted",
  "ParallelStateStarted",
  "ParallelStateSucceeded",
  "ParallelStateFailed",
  "ParallelStateAborted",
]);

/** The key under which AWS puts the details of an event type: `PassStateEntered` -> `stateEnteredEventDetails`. */
export function detailsKey(type: string): `${string}EventDetails` | undefined {
  if (WITHOUT_DETAILS.has(type)) return undefined;
  if (type.endsWith("StateEntered")) return "stateEnteredEventDetails";
  if (type.endsWith("StateExited")) return "stateExitedEventDetails";
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}
