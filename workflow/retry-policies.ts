/** The named Retry arrays that the workflow files may use; a closed-world test holds every Task to one of them. */

/** Errors of a Lambda's host, not of its code: seen under load on AWS. */
const TRANSIENT = [
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "Lambda.TooManyRequestsException",
  "Lambda.ClientExecutionTimeoutException",
  "ThrottledError",
  "ConflictError",
];

/** A pure computation or idempotent write: 6 tries, waits of 1, 2, 4, 8, 16 s with full jitter: about half a minute. */
const STAGE = [
  {
    ErrorEquals: TRANSIENT,
    IntervalSeconds: 1,
    MaxAttempts: 5,
    BackoffRate: 2,
    MaxDelaySeconds: 30,
    JitterStrategy: "FULL",
  },
];

/** A SageMaker job: capacity comes and goes; 6 tries over about an hour (60 s doubling, at most 20 min apart). */
const JOB = [
  {
    ErrorEquals: [
      "SageMaker.AmazonSageMakerException",
      "SageMaker.ThrottlingException",
      "SageMaker.ResourceLimitExceededException",
    ],
    IntervalSeconds: 60,
    MaxAttempts: 5,
    BackoffRate: 2,
    MaxDelaySeconds: 1200,
    JitterStrategy: "FULL",
  },
];

/** A call of the SageMaker control plane: 5 tries, 2 s doubling: about a minute. */
const CONTROL = [
  {
    ErrorEquals: [
      "SageMaker.AmazonSageMakerException",
      "SageMaker.ThrottlingException",
      "SageMaker.SdkClientException",
    ],
    IntervalSeconds: 2,
    MaxAttempts: 4,
    BackoffRate: 2,
    MaxDelaySeconds: 60,
    JitterStrategy: "FULL",
  },
];

/** A call about alarms: as the control plane's. */
const ALARMS = [
  {
    ErrorEquals: [
      "CloudWatch.CloudWatchException",
      "CloudWatch.ThrottlingException",
      "CloudWatch.LimitExceededException",
      "CloudWatch.SdkClientException",
    ],
    IntervalSeconds: 2,
    MaxAttempts: 4,
    BackoffRate: 2,
    MaxDelaySeconds: 60,
    JitterStrategy: "FULL",
  },
];

/** Starting another execution and waiting for it. */
const EXECUTION = [
  {
    ErrorEquals: ["StepFunctions.AWSStepFunctionsException", "StepFunctions.ExecutionLimitExceededException"],
    IntervalSeconds: 5,
    MaxAttempts: 5,
    BackoffRate: 2,
    MaxDelaySeconds: 120,
    JitterStrategy: "FULL",
  },
];

export const RETRY_POLICIES = {
  stage: STAGE,
  job: JOB,
  control: CONTROL,
  alarms: ALARMS,
  execution: EXECUTION,
} as const;
