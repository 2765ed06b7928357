import type { Ports } from "../lambdas/ports.ts";
import { runStage, type Stage } from "../lambdas/stage.ts";
import { type AlarmRequest, Alarms } from "./alarms.ts";
import type { EngineServices } from "./engine/services.ts";
import type { JobRunner } from "./jobs/runner.ts";

/** The laptop's one bucket: the objects folder. */
export const LOCAL_BUCKET = "countersign-laptop";

/** A definition asks for something that the laptop does not have. */
export class UnknownServiceError extends Error {
  override name = "UnknownServiceError";
}

/** What the workflow's tasks reach on a laptop: the same stages, the job runner, the objects folder. */
export function laptopServices(world: {
  ports: Ports;
  jobs: JobRunner;
  /** Its own where none is given. */
  alarms?: Alarms;
  stages: Readonly<Record<string, Stage>>;
  log: (line: Record<string, unknown>) => void;
  /** A stage threw; the workflow may retry it or route it, and people should know. */
  onTrouble: (stage: string, error: Error) => void;
}): EngineServices {
  const { ports, jobs, alarms = new Alarms(world.ports), stages, log, onTrouble } = world;
  return {
    async invokeLambda({ functionName, payload }) {
      const target = stages[functionName];
      if (target === undefined) throw new UnknownServiceError(`there is no stage "${functionName}"`);
      return runStage(target, payload, ports, log).catch((error: Error) => {
        onTrouble(functionName, error);
        throw error;
      });
    },
    sageMaker: ({ action, arguments: request, signal }) => sageMaker(jobs, action, request, signal),
    async sdk({ service, action, arguments: request, signal }) {
      if (service === "sagemaker") return sageMaker(jobs, action, request, signal);
      if (service === "cloudwatch") return cloudWatch(alarms, action, request);
      throw new UnknownServiceError(`aws-sdk:${service}:${action} has no counterpart on a laptop`);
    },
    async readObject(bucket, key) {
      inBucket(bucket);
      const found = await ports.objects.get(key);
      if (found === undefined) throw named("S3.NoSuchKeyException", `no object ${key}`);
      return found.bytes;
    },
    async *listObjects(bucket, prefix) {
      inBucket(bucket);
      for await (const { key, bytes } of ports.objects.list(prefix)) {
        const LastModified = new Date(ports.clock.now()).toISOString();
        yield { Key: key, Size: bytes, ETag: "", LastModified };
      }
    },
    async writeObject(bucket, key, bytes) {
      inBucket(bucket);
      await ports.objects.put(key, bytes, "any");
    },
  };
}

async function sageMaker(
  jobs: JobRunner,
  action: string,
  request: Record<string, unknown>,
  signal: AbortSignal,
): Promise<unknown> {
  switch (action) {
    case "createTrainingJob": {
      const job = await jobs.createTrainingJob(request as never, signal);
      return ended(job, job.TrainingJobStatus);
    }
    case "createProcessingJob": {
      const job = await jobs.createProcessingJob(request as never, signal);
      return ended(job, job.ProcessingJobStatus);
    }
    case "createModel":
      return jobs.createModel(request as never);
    case "createEndpointConfig":
      return jobs.createEndpointConfig(request as never);
    case "createEndpoint":
      return jobs.createEndpoint(request as never);
    case "updateEndpoint":
      return jobs.updateEndpoint(request as never);
    case "describeEndpoint":
      return jobs.describeEndpoint(String(request.EndpointName));
    case "describeTrainingJob":
      return jobs.describeTrainingJob(String(request.TrainingJobName));
    case "describeProcessingJob":
      return jobs.describeProcessingJob(String(request.ProcessingJobName));
    case "deleteEndpoint":
      await jobs.deleteEndpoint(String(request.EndpointName));
      return {};
    default:
      throw new UnknownServiceError(`sagemaker:${action} has no counterpart on a laptop`);
  }
}

async function cloudWatch(alarms: Alarms, action: string, request: Record<string, unknown>): Promise<unknown> {
  switch (action) {
    case "putMetricAlarm":
      await alarms.put(request as unknown as AlarmRequest);
      return {};
    case "describeAlarms":
      return { MetricAlarms: await alarms.describe(request.AlarmNames as string[]), CompositeAlarms: [] };
    case "deleteAlarms":
      await alarms.remove(request.AlarmNames as string[]);
      return {};
    default:
      throw new UnknownServiceError(`cloudwatch:${action} has no counterpart on a laptop`);
  }
}

/** `.sync` turns a job that did not complete into an error whose cause is the job's description. */
function ended<T>(job: T, status: string | undefined): T {
  if (status === "Completed") return job;
  throw named("States.TaskFailed", JSON.stringify(job));
}

function inBucket(bucket: string): void {
  if (bucket !== LOCAL_BUCKET)
    throw named("S3.NoSuchBucketException", `the laptop has the bucket ${LOCAL_BUCKET}, not ${bucket}`);
}

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
