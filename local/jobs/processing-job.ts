import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CreateProcessingJobRequest, DescribeProcessingJobResponse } from "@aws-sdk/client-sagemaker";
import { filesBelow } from "./archive.ts";
import { SageMakerError } from "./errors.ts";
import type { JobPlan } from "./job.ts";
import { type JobRecord, writeJson } from "./record.ts";
import { downloadPrefix, type JobObjects, keyOf } from "./store.ts";
import { strings } from "./training-job.ts";

/** A processing job's request as a plan: inputs to their local paths, outputs uploaded at the end. */
export function processingPlan(request: CreateProcessingJobRequest, objects: JobObjects, bucket: string): JobPlan {
  const name = request.ProcessingJobName ?? "";
  const inputs = (request.ProcessingInputs ?? []).map((input) => {
    const { S3Uri, LocalPath } = input.S3Input ?? {};
    if (S3Uri === undefined || LocalPath === undefined) {
      throw new SageMakerError(
        "ValidationException",
        `job ${name}: input ${input.InputName} needs S3Input.S3Uri and LocalPath`,
      );
    }
    return { prefix: keyOf(S3Uri, bucket), local: belowOptMl(LocalPath, name) };
  });
  const outputs = (request.ProcessingOutputConfig?.Outputs ?? []).map((output) => {
    const { S3Uri, LocalPath } = output.S3Output ?? {};
    if (S3Uri === undefined || LocalPath === undefined) {
      throw new SageMakerError(
        "ValidationException",
        `job ${name}: output ${output.OutputName} needs S3Output.S3Uri and LocalPath`,
      );
    }
    return { prefix: keyOf(S3Uri, bucket).replace(/\/+$/, ""), local: belowOptMl(LocalPath, name) };
  });
  return {
    kind: "processing",
    name,
    request,
    args: request.AppSpecification?.ContainerArguments ?? [],
    env: strings(request.Environment),
    maxRuntimeSeconds: request.StoppingCondition?.MaxRuntimeInSeconds ?? 86_400,
    async prepare(ml) {
      await writeJson(join(ml, "config", "processingjobconfig.json"), request);
      await writeJson(join(ml, "config", "resourceconfig.json"), { current_host: "algo-1", hosts: ["algo-1"] });
      for (const input of inputs) await downloadPrefix(objects, input.prefix, join(ml, input.local));
    },
    async publish(ml) {
      for (const output of outputs) {
        const folder = join(ml, output.local);
        for (const file of await filesBelow(folder)) {
          await objects.write(`${output.prefix}/${file}`, await readFile(join(folder, file)));
        }
      }
    },
  };
}

export function describeProcessing(
  request: CreateProcessingJobRequest,
  record: JobRecord,
): DescribeProcessingJobResponse {
  return {
    ProcessingJobName: request.ProcessingJobName,
    ProcessingJobArn: `arn:aws:sagemaker:local:000000000000:processing-job/${request.ProcessingJobName}`,
    ProcessingJobStatus: record.status,
    ...(record.failureReason === undefined
      ? {}
      : { FailureReason: record.failureReason, ExitMessage: record.failureReason }),
    ProcessingInputs: request.ProcessingInputs,
    ProcessingOutputConfig: request.ProcessingOutputConfig,
    ProcessingResources: request.ProcessingResources,
    AppSpecification: request.AppSpecification,
    StoppingCondition: request.StoppingCondition,
    CreationTime: new Date(record.createdAt),
    ProcessingStartTime: new Date(record.createdAt),
    ...(record.endedAt === undefined
      ? {}
      : { ProcessingEndTime: new Date(record.endedAt), LastModifiedTime: new Date(record.endedAt) }),
  };
}

function belowOptMl(path: string, job: string): string {
  const head = "/opt/ml/";
  if (!path.startsWith(head) || path.split("/").includes("..")) {
    throw new SageMakerError("ValidationException", `job ${job}: LocalPath ${path}; expected a path below ${head}`);
  }
  return path.slice(head.length);
}
