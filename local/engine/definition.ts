/** The part of Amazon States Language (JSONata) that the engine runs. Definitions are linted before they get here. */

export interface Scope {
  StartAt: string;
  States: Record<string, State>;
  TimeoutSeconds?: number;
  ProcessorConfig?: { Mode?: "INLINE" | "DISTRIBUTED"; ExecutionType?: "STANDARD" | "EXPRESS" };
}

export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: "FULL" | "NONE";
}

export interface Catcher {
  ErrorEquals: string[];
  Next: string;
  Assign?: Record<string, unknown>;
  Output?: unknown;
}

export interface ChoiceRule {
  Condition: unknown;
  Next: string;
  Assign?: Record<string, unknown>;
  Output?: unknown;
}

export interface State {
  Type: "Pass" | "Task" | "Choice" | "Wait" | "Succeed" | "Fail" | "Parallel" | "Map";
  Next?: string;
  End?: boolean;
  Assign?: Record<string, unknown>;
  Output?: unknown;
  Arguments?: unknown;
  Retry?: Retrier[];
  Catch?: Catcher[];
  // Task
  Resource?: string;
  TimeoutSeconds?: unknown;
  HeartbeatSeconds?: unknown;
  // Choice
  Choices?: ChoiceRule[];
  Default?: string;
  // Wait
  Seconds?: unknown;
  Timestamp?: unknown;
  // Fail
  Error?: unknown;
  Cause?: unknown;
  // Parallel
  Branches?: Scope[];
  // Map
  Items?: unknown;
  ItemReader?: { Resource: string; Arguments?: unknown; ReaderConfig?: Record<string, unknown> };
  ItemSelector?: unknown;
  ItemBatcher?: { MaxItemsPerBatch?: unknown; MaxInputBytesPerBatch?: unknown; BatchInput?: unknown };
  ItemProcessor?: Scope;
  MaxConcurrency?: unknown;
  ToleratedFailureCount?: unknown;
  ToleratedFailurePercentage?: unknown;
  ResultWriter?: {
    Resource?: string;
    Arguments?: unknown;
    WriterConfig?: { Transformation?: string; OutputType?: string };
  };
  Label?: string;
}

/** Whether a Map runs its items as child executions. */
export function isDistributed(state: State): boolean {
  return state.ItemProcessor?.ProcessorConfig?.Mode === "DISTRIBUTED";
}
