/** One execution recorded on AWS Step Functions, as the recordings file holds it. */
export interface Recording {
  id: string;
  recorded?: string;
  definition: Record<string, unknown>;
  input: unknown;
  /** Function name -> what that function does, in words. */
  lambdas?: Record<string, string>;
  /** Calls made before the start, such as `s3:put_object {json}`. */
  services?: string[];
  /** The history, timestamps, ARNs and names replaced by placeholders. */
  events: RecordedEvent[];
}

export interface RecordedEvent {
  id: number;
  previousEventId: number;
  timestamp?: string;
  type: string;
  [details: string]: unknown;
}

/** Every state of a definition, nested ones too. */
export function* statesOf(scope: unknown): Iterable<Record<string, unknown>> {
  const states = (scope as { States?: Record<string, Record<string, unknown>> } | undefined)?.States ?? {};
  for (const state of Object.values(states)) {
    yield state;
    for (const branch of (state.Branches as unknown[] | undefined) ?? []) yield* statesOf(branch);
    if (state.ItemProcessor !== undefined) yield* statesOf(state.ItemProcessor);
  }
}
