/** How a Task's `Resource` is called, and how AWS names it in events. */
export interface Integration {
  kind: "lambda-function" | "lambda-invoke" | "start-execution" | "sagemaker" | "sdk";
  pattern: "request-response" | "sync" | "sync:2" | "waitForTaskToken";
  /** `resourceType` and `resource` of the Task events. */
  resourceType: string;
  resource: string;
  /** The service and action without the pattern: `sagemaker`, `createTrainingJob`. */
  service: string;
  action: string;
  /** The function's name, for a Lambda ARN as resource. */
  functionName?: string;
}

const PATTERNS = ["waitForTaskToken", "sync:2", "sync"] as const;

/** SageMaker actions with an optimized integration, and whether a job behind them can be waited for. */
const SAGEMAKER: Record<string, boolean> = {
  createEndpoint: false,
  createEndpointConfig: false,
  createHyperParameterTuningJob: true,
  createModel: false,
  createProcessingJob: true,
  createTrainingJob: true,
  createTransformJob: true,
  updateEndpoint: false,
};

/** Other optimized integrations that the product may use; all of them also take a task token. */
const OPTIMIZED: Record<string, readonly string[]> = {
  sns: ["publish"],
  events: ["putEvents"],
  sqs: ["sendMessage"],
};
const DYNAMODB = ["getItem", "putItem", "updateItem", "deleteItem"];

/** What a Task may call, for messages. */
export const KNOWN_RESOURCES =
  "arn:aws:states:::lambda:invoke[.waitForTaskToken], a function's ARN, states:startExecution[.sync|.sync:2|.waitForTaskToken], sagemaker:create*[.sync], sns:publish, events:putEvents, sqs:sendMessage, dynamodb:*Item, aws-sdk:<service>:<action>[.waitForTaskToken]";

/** Reads a Task's resource after AWS's integration patterns; undefined for anything outside the profile. */
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
  const match = /^arn:[\w-]+:states:[\w-]*:\d*:(?:(aws-sdk):)?(\w+):(\w+)(?:\.([\w:]+))?$/.exec(resource);
  if (match === null) return undefined;
  const [, sdk, service, action, suffix] = match as unknown as [
    string,
    string | undefined,
    string,
    string,
    string | undefined,
  ];
  const pattern: Integration["pattern"] | undefined =
    suffix === undefined ? "request-response" : PATTERNS.find((known) => known === suffix);
  if (pattern === undefined) return undefined;
  const waits = pattern === "sync" || pattern === "sync:2";
  const names: Omit<Integration, "kind"> = {
    pattern,
    resourceType: sdk === undefined ? service : `aws-sdk:${service}`,
    resource: suffix === undefined ? action : `${action}.${suffix}`,
    service,
    action,
  };
  if (sdk !== undefined) return waits ? undefined : { kind: "sdk", ...names };
  if (service === "lambda") return waits || action !== "invoke" ? undefined : { kind: "lambda-invoke", ...names };
  if (service === "states") return action === "startExecution" ? { kind: "start-execution", ...names } : undefined;
  if (service === "sagemaker") {
    const job = SAGEMAKER[action];
    const allowed = pattern === "request-response" ? job !== undefined : pattern === "sync" && job === true;
    return allowed ? { kind: "sagemaker", ...names } : undefined;
  }
  if (service === "dynamodb")
    return pattern === "request-response" && DYNAMODB.includes(action) ? { kind: "sdk", ...names } : undefined;
  return !waits && OPTIMIZED[service]?.includes(action) === true ? { kind: "sdk", ...names } : undefined;
}
