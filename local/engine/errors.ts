/** A failure that Step Functions matches by name: `name` is the error, `message` its cause. */
export class StatesError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** An expression that could not be evaluated. `location` is the field within the state, as AWS reports it. */
export class QueryEvaluationError extends StatesError {
  readonly location: string | undefined;
  constructor(cause: string, location: string | undefined) {
    super("States.QueryEvaluationError", cause);
    this.location = location;
  }
}

/** AWS refuses any state input, output or result above 256 KiB of UTF-8 text. */
export const MAX_PAYLOAD_BYTES = 262_144;

/** True when the text is longer than the 262,144 bytes that AWS carries between states. */
export function exceedsPayloadLimit(text: string): boolean {
  if (text.length > MAX_PAYLOAD_BYTES) return true;
  return text.length * 3 > MAX_PAYLOAD_BYTES && Buffer.byteLength(text) > MAX_PAYLOAD_BYTES;
}

/**
 * Whether one entry of `ErrorEquals` matches an error, after
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html:
 * States.ALL matches all but the terminal States.DataLimitExceeded and States.Runtime;
 * States.TaskFailed matches all of those but States.Timeout; States.Timeout also matches a missed heartbeat.
 */
export function errorMatches(pattern: string, error: string): boolean {
  if (pattern === error) return true;
  const terminal = error === "States.DataLimitExceeded" || error === "States.Runtime";
  if (pattern === "States.ALL") return !terminal;
  if (pattern === "States.TaskFailed")
    return !terminal && error !== "States.Timeout" && error !== "States.HeartbeatTimeout";
  if (pattern === "States.Timeout") return error === "States.HeartbeatTimeout";
  return false;
}
