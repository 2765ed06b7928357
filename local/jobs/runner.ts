import { join } from "node:path";
import type {
  CreateEndpointConfigInput,
  CreateEndpointInput,
  CreateModelInput,
  CreateProcessingJobRequest,
  CreateTrainingJobRequest,
  DescribeEndpointOutput,
  DescribeProcessingJobResponse,
  DescribeTrainingJobResponse,
} from "@aws-sdk/client-sagemaker";
import { Endpoints } from "./endpoint.ts";
import { SageMakerError } from "./errors.ts";
import { type JobHost, Jobs, type ProgressEvent } from "./job.ts";
import { describeProcessing, processingPlan } from "./processing-job.ts";
import type { JobObjects } from "./store.ts";
import { describeTraining, trainingPlan } from "./training-job.ts";

export interface JobRunnerOptions {
  /** Private folder for jobs: state, logs, and the trees that children see as /opt/ml. */
  root: string;
  objects: JobObjects;
  bucket: string;
  /** From findPython(). */
  python: string;
  /** The virtual clock stands still until the returned release is called. */
  hold(reason: string): () => void;
  onProgress?(event: ProgressEvent): void;
}

/**
 * SageMaker on a laptop: the same requests, the training container's own entry points as child processes.
 * What Spot, VPC and instance types mean is ignored; every path and document that a container sees is as on AWS.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #training: Jobs;
  readonly #processing: Jobs;
  readonly #endpoints: Endpoints;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    const host: JobHost = {
      // Asked for when a job starts: commands that need no Python work without one.
      get python() {
        return options.python;
      },
      hold: (reason) => options.hold(reason),
      onProgress: (event) => options.onProgress?.(event),
    };
    this.#training = new Jobs(join(options.root, "training"), host);
    this.#processing = new Jobs(join(options.root, "processing"), host);
    this.#endpoints = new Endpoints(options.root, host, options.objects, options.bucket);
  }

  /** Waits until the job has ended; a failed one is a value with TrainingJobStatus Failed and FailureReason. */
  async createTrainingJob(
    request: CreateTrainingJobRequest,
    signal: AbortSignal,
  ): Promise<DescribeTrainingJobResponse> {
    const { objects, bucket } = this.#options;
    const record = await this.#training.run(trainingPlan(request, objects, bucket), signal);
    return describeTraining(request, record, bucket);
  }

  /** Waits until the job has ended; a failed one is a value with ProcessingJobStatus Failed and FailureReason. */
  async createProcessingJob(
    request: CreateProcessingJobRequest,
    signal: AbortSignal,
  ): Promise<DescribeProcessingJobResponse> {
    const { objects, bucket } = this.#options;
    return describeProcessing(request, await this.#processing.run(processingPlan(request, objects, bucket), signal));
  }

  /** Throws SageMakerError ValidationException where there is no such job. */
  async describeTrainingJob(name: string): Promise<DescribeTrainingJobResponse> {
    const found = await this.#training.find(name);
    if (found?.request === undefined)
      throw new SageMakerError("ValidationException", `Requested resource not found: training job "${name}".`);
    return describeTraining(found.request as CreateTrainingJobRequest, found, this.#options.bucket);
  }

  /** Throws SageMakerError ValidationException where there is no such job. */
  async describeProcessingJob(name: string): Promise<DescribeProcessingJobResponse> {
    const found = await this.#processing.find(name);
    if (found?.request === undefined)
      throw new SageMakerError("ValidationException", `Requested resource not found: processing job "${name}".`);
    return describeProcessing(found.request as CreateProcessingJobRequest, found);
  }

  createModel(request: CreateModelInput): Promise<{ ModelArn: string }> {
    return this.#endpoints.createModel(request);
  }
  createEndpointConfig(request: CreateEndpointConfigInput): Promise<{ EndpointConfigArn: string }> {
    return this.#endpoints.createEndpointConfig(request);
  }
  createEndpoint(request: CreateEndpointInput): Promise<{ EndpointArn: string }> {
    return this.#endpoints.createEndpoint(request);
  }
  updateEndpoint(request: CreateEndpointInput): Promise<{ EndpointArn: string }> {
    return this.#endpoints.updateEndpoint(request);
  }
  deleteEndpoint(name: string): Promise<void> {
    return this.#endpoints.deleteEndpoint(name);
  }
  describeEndpoint(name: string): Promise<DescribeEndpointOutput> {
    return this.#endpoints.describe(name);
  }
  endpointNames(): Promise<string[]> {
    return this.#endpoints.names();
  }
  invokeEndpoint(name: string, body: Uint8Array, contentType: string): Promise<{ body: Uint8Array; status: number }> {
    return this.#endpoints.invoke(name, body, contentType);
  }

  /**
   * The engine's SageMaker service: an action by its API name. With `sync` a job that did not complete throws an
   * Error named States.TaskFailed whose message is the describe response, as Step Functions does.
   */
  async call(call: {
    action: string;
    sync: boolean;
    arguments: Record<string, unknown>;
    signal: AbortSignal;
  }): Promise<unknown> {
    const request = call.arguments as never;
    switch (call.action) {
      case "createTrainingJob":
        return ended(await this.createTrainingJob(request, call.signal), "TrainingJobStatus");
      case "createProcessingJob":
        return ended(await this.createProcessingJob(request, call.signal), "ProcessingJobStatus");
      case "createModel":
        return this.createModel(request);
      case "createEndpointConfig":
        return this.createEndpointConfig(request);
      case "createEndpoint":
        return this.createEndpoint(request);
      case "updateEndpoint":
        return this.updateEndpoint(request);
      case "describeEndpoint":
        return plain(await this.describeEndpoint((request as { EndpointName: string }).EndpointName));
      case "describeTrainingJob":
        return plain(await this.describeTrainingJob((request as { TrainingJobName: string }).TrainingJobName));
      case "describeProcessingJob":
        return plain(await this.describeProcessingJob((request as { ProcessingJobName: string }).ProcessingJobName));
      case "deleteEndpoint":
        await this.deleteEndpoint((request as { EndpointName: string }).EndpointName);
        return {};
      default:
        throw new SageMakerError("ValidationException", `SageMaker action "${call.action}" is not known to this host`);
    }
  }

  /** Ends the children that it started; jobs cut short are taken up again by the next host. */
  async close(): Promise<void> {
    await Promise.all([this.#training.close(), this.#processing.close(), this.#endpoints.close()]);
  }
}

/** Dates as ISO text: what crosses into a workflow's state is JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function ended(response: object, key: string): unknown {
  const document = plain(response) as Record<string, unknown>;
  if (document[key] === "Completed") return document;
  const error = new Error(JSON.stringify(document));
  error.name = "States.TaskFailed";
  throw error;
}
