/** The world behind the workflow's tasks, given by the host. All calls may be delivered more than once. */
export interface EngineServices {
  /** lambda:invoke. Throws an Error whose `name` is the error name that Step Functions matches on, `message` its cause. */
  invokeLambda(call: {
    functionName: string;
    payload: unknown;
    attempt: number;
    executionName: string;
    stateName: string;
    signal: AbortSignal;
  }): Promise<unknown>;
  /**
   * SageMaker actions (createTrainingJob, createModel ...). With `sync` it waits until the job ends and returns the
   * describe response. Failures are named errors: SageMaker.<Code>, or States.TaskFailed for a job that failed.
   * The same job name with the same request is adopted by the callee.
   */
  sageMaker(call: {
    action: string;
    sync: boolean;
    arguments: Record<string, unknown>;
    signal: AbortSignal;
  }): Promise<unknown>;
  /** `arn:aws:states:::aws-sdk:<service>:<action>` and the optimized sns, events, sqs, dynamodb integrations. */
  sdk(call: {
    service: string;
    action: string;
    arguments: Record<string, unknown>;
    signal: AbortSignal;
  }): Promise<unknown>;
  readObject(bucket: string, key: string): Promise<Uint8Array>;
  listObjects(
    bucket: string,
    prefix: string,
  ): AsyncIterable<{ Key: string; Size: number; ETag: string; LastModified: string }>;
  writeObject(bucket: string, key: string, bytes: Uint8Array): Promise<void>;
}
