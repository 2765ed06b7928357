/** What one field of a state may hold. */
export type FieldRule =
  | "text"
  | "any"
  | "template"
  | "object"
  | "array"
  | "boolean"
  | "count"
  | "positive"
  | "string or expression"
  | "resource";

const EVERYWHERE = { Type: "text", Comment: "text", QueryLanguage: "text" } as const;
const GOES_ON = { Next: "text", End: "boolean" } as const;
const OUTPUTS = { Assign: "object", Output: "template" } as const;
const RECOVERS = { Retry: "array", Catch: "array" } as const;

/** The fields of each state type in the JSONata profile. Whatever is not here is refused. */
export const STATE_FIELDS: Record<string, Record<string, FieldRule>> = {
  Pass: { ...EVERYWHERE, ...GOES_ON, ...OUTPUTS },
  Succeed: { ...EVERYWHERE, Output: "template" },
  Fail: { ...EVERYWHERE, Error: "string or expression", Cause: "string or expression" },
  Choice: { ...EVERYWHERE, ...OUTPUTS, Choices: "array", Default: "text" },
  Wait: { ...EVERYWHERE, ...GOES_ON, ...OUTPUTS, Seconds: "count", Timestamp: "string or expression" },
  Task: {
    ...EVERYWHERE,
    ...GOES_ON,
    ...OUTPUTS,
    ...RECOVERS,
    Resource: "resource",
    Arguments: "template",
    TimeoutSeconds: "positive",
    HeartbeatSeconds: "positive",
  },
  Parallel: { ...EVERYWHERE, ...GOES_ON, ...OUTPUTS, ...RECOVERS, Branches: "array", Arguments: "template" },
  Map: {
    ...EVERYWHERE,
    ...GOES_ON,
    ...OUTPUTS,
    ...RECOVERS,
    Items: "any",
    ItemReader: "object",
    ItemSelector: "template",
    ItemBatcher: "object",
    ItemProcessor: "object",
    MaxConcurrency: "count",
    ToleratedFailureCount: "count",
    ToleratedFailurePercentage: "count",
    ResultWriter: "object",
    Label: "text",
  },
};

/** Fields that are only ever JSONPath: named apart, because they are the usual mistake. */
export const JSONPATH_FIELDS = new Set([
  "InputPath",
  "OutputPath",
  "ResultPath",
  "Parameters",
  "ResultSelector",
  "Result",
  "ItemsPath",
  "SecondsPath",
  "TimestampPath",
  "TimeoutSecondsPath",
  "HeartbeatSecondsPath",
  "Iterator",
  "Variable",
  "ErrorPath",
  "CausePath",
  "MaxConcurrencyPath",
]);

/** Fields of the objects inside a state. */
export const PART_FIELDS: Record<string, readonly string[]> = {
  machine: ["Comment", "StartAt", "States", "QueryLanguage", "TimeoutSeconds", "Version"],
  branch: ["Comment", "StartAt", "States", "QueryLanguage"],
  ItemProcessor: ["Comment", "StartAt", "States", "QueryLanguage", "ProcessorConfig"],
  ProcessorConfig: ["Mode", "ExecutionType"],
  ItemReader: ["Resource", "Arguments", "ReaderConfig"],
  ReaderConfig: ["InputType", "MaxItems", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "ItemsPointer"],
  ItemBatcher: ["MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput"],
  ResultWriter: ["Resource", "Arguments", "WriterConfig"],
  WriterConfig: ["Transformation", "OutputType"],
  "choice rule": ["Condition", "Next", "Assign", "Output", "Comment"],
  retrier: [
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
  ],
  catcher: ["ErrorEquals", "Next", "Assign", "Output", "Comment"],
};

/** Fields that may hold only these values. */
export const ALLOWED_VALUES: Record<string, readonly string[]> = {
  Mode: ["INLINE", "DISTRIBUTED"],
  ExecutionType: ["STANDARD", "EXPRESS"],
  InputType: ["JSON", "JSONL", "CSV", "MANIFEST"],
  CSVHeaderLocation: ["FIRST_ROW", "GIVEN"],
  CSVDelimiter: ["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"],
  Transformation: ["NONE", "COMPACT", "FLATTEN"],
  OutputType: ["JSON", "JSONL"],
  JitterStrategy: ["FULL", "NONE"],
};

/** Error names that AWS itself raises; any other name beginning with `States.` can never match. */
export const RESERVED_ERRORS = new Set([
  "States.ALL",
  "States.DataLimitExceeded",
  "States.ExceedToleratedFailureThreshold",
  "States.HeartbeatTimeout",
  "States.Http.Socket",
  "States.ItemReaderFailed",
  "States.NoChoiceMatched",
  "States.Permissions",
  "States.QueryEvaluationError",
  "States.ResultWriterFailed",
  "States.Runtime",
  "States.TaskFailed",
  "States.Timeout",
  "States.BranchFailed",
]);
