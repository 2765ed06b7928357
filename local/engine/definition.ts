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

/** How a Task's `Resource` is called, and how AWS names it in events. */
export interface Integration {
  kind: "lambda-function" | "lambda-invoke" | "start-execution" | "sagemaker" | "sdk";
  pattern: "request-response" | "sync" | "sync:2" | "waitForTaskToken";
  /** `resourceType` and `resource` of the Task events. */
  resourceType: string;
  resource: string;
  /** The service and action without the pattern: `createTrainingJob`. */
  service: string;
  action: string;
  /** The function's name, for a Lambda ARN as resource. */
  functionName?: string;
}

const PATTERNS = ["waitForTaskToken", "sync:2", "sync"] as const;

/** Reads a Task's resource. The lint has refused what is not understood here; undefined stands for that. */
export function parseResource(resource: string): Integration | undefined {
  const lambda = /^arn:[\w-]+:lambda:[\w-]*:\d*:function:([\w-]+)(:[\w$-]+)?$/.exec(resource);
  if (lambda !== null) {
    const functionName = lambda[1] as string;
    return {
      kind: "lambda-function",
      pattern: "request-response",
      resourceType: "lambda",
      resource,
      service: "lambda",
      action: "invoke",
      functionName,
    };
  }
  const match = /^arn:[\w-]+:states:[\w-]*:\d*:(?:(aws-sdk):)?([\w-]+):([\w-]+)(?:\.([\w:]+))?$/.exec(resource);
  if (match === null) return undefined;
  const [, sdk, service, action, suffix] = match as unknown as [
    string,
    string | undefined,
    string,
    string,
    string | undefined,
  ];
  const pattern = suffix === undefined ? "request-response" : PATTERNS.find((known) => known === suffix);
  if (pattern === undefined) return undefined;
  const names = {
    resourceType: sdk === undefined ? service : `aws-sdk:${service}`,
    resource: suffix === undefined ? action : `${action}.${suffix}`,
    service,
    action,
  };
  if (sdk !== undefined)
    return pattern === "sync" || pattern === "sync:2" ? undefined : { kind: "sdk", pattern, ...names };
  if (service === "lambda" && action === "invoke")
    return pattern.startsWith("sync") ? undefined : { kind: "lambda-invoke", pattern, ...names };
  if (service === "states" && action === "startExecution") return { kind: "start-execution", pattern, ...names };
  if (service === "sagemaker")
    return pattern === "request-response" || pattern === "sync" ? { kind: "sagemaker", pattern, ...names } : undefined;
  const actions: Record<string, RegExp> = {
    sns: /^publish$/,
    events: /^putEvents$/,
    sqs: /^sendMessage$/,
    dynamodb: /^(get|put|update|delete)Item$/,
  };
  if (actions[service]?.test(action) === true && !pattern.startsWith("sync")) return { kind: "sdk", pattern, ...names };
  return undefined;
}

/** Whether a Map runs its items as child executions. */
export function isDistributed(state: State): boolean {
  return state.ItemProcessor?.ProcessorConfig?.Mode === "DISTRIBUTED";
}
