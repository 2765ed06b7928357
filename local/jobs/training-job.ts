import { join } from "node:path";
import type { CreateTrainingJobRequest, DescribeTrainingJobResponse } from "@aws-sdk/client-sagemaker";
import { filesBelow, packFolder } from "./archive.ts";
import { SageMakerError } from "./errors.ts";
import type { JobPlan } from "./job.ts";
import { type JobRecord, writeJson } from "./record.ts";
import { downloadPrefix, type JobObjects, keyOf } from "./store.ts";

/** A training-type job's request as a plan: channels in, /opt/ml/model out as model.tar.gz. */
export function trainingPlan(request: CreateTrainingJobRequest, objects: JobObjects, bucket: string): JobPlan {
  const name = request.TrainingJobName ?? "";
  const channels = (request.InputDataConfig ?? []).map((channel) => {
    const source = channel.DataSource?.S3DataSource;
    if (source?.S3Uri === undefined || channel.ChannelName === undefined) {
      throw new SageMakerError(
        "ValidationException",
        `job ${name}: a channel needs ChannelName and DataSource.S3DataSource.S3Uri`,
      );
    }
    if (source.S3DataType !== "S3Prefix") {
      throw new SageMakerError(
        "ValidationException",
        `job ${name}: S3DataType "${source.S3DataType}"; this host takes S3Prefix`,
      );
    }
    return { name: channel.ChannelName, prefix: keyOf(source.S3Uri, bucket) };
  });
  const output = artifactKey(request, bucket);
  return {
    kind: "training",
    name,
    request,
    args: ["train"],
    env: strings(request.Environment),
    maxRuntimeSeconds: request.StoppingCondition?.MaxRuntimeInSeconds ?? 86_400,
    async prepare(ml) {
      const config = join(ml, "input", "config");
      await writeJson(join(config, "hyperparameters.json"), request.HyperParameters ?? {});
      await writeJson(
        join(config, "inputdataconfig.json"),
        Object.fromEntries(
          channels.map((channel) => [
            channel.name,
            { TrainingInputMode: "File", S3DistributionType: "FullyReplicated", RecordWrapperType: "None" },
          ]),
        ),
      );
      await writeJson(join(config, "resourceconfig.json"), {
        current_host: "algo-1",
        hosts: ["algo-1"],
        network_interface_name: "lo",
      });
      for (const channel of channels)
        await downloadPrefix(objects, channel.prefix, join(ml, "input", "data", channel.name));
    },
    async publish(ml) {
      await objects.write(output, await packFolder(join(ml, "model")));
      const extra = join(ml, "output", "data");
      const files = await filesBelow(extra).catch(() => []);
      if (files.length > 0)
        await objects.write(output.replace(/model\.tar\.gz$/, "output.tar.gz"), await packFolder(extra));
    },
  };
}

export function describeTraining(
  request: CreateTrainingJobRequest,
  record: JobRecord,
  bucket: string,
): DescribeTrainingJobResponse {
  const ended =
    record.endedAt === undefined
      ? {}
      : { TrainingEndTime: new Date(record.endedAt), LastModifiedTime: new Date(record.endedAt) };
  return {
    TrainingJobName: request.TrainingJobName,
    TrainingJobArn: `arn:aws:sagemaker:local:000000000000:training-job/${request.TrainingJobName}`,
    ModelArtifacts: { S3ModelArtifacts: `s3://${bucket}/${artifactKey(request, bucket)}` },
    TrainingJobStatus: record.status,
    SecondaryStatus:
      record.failureReason === "MaxRuntimeExceeded"
        ? "MaxRuntimeExceeded"
        : record.status === "InProgress"
          ? "Training"
          : record.status,
    ...(record.status === "Failed" && record.failureReason !== undefined
      ? { FailureReason: record.failureReason }
      : {}),
    AlgorithmSpecification: request.AlgorithmSpecification,
    HyperParameters: request.HyperParameters,
    InputDataConfig: request.InputDataConfig,
    OutputDataConfig: request.OutputDataConfig,
    ResourceConfig: request.ResourceConfig,
    StoppingCondition: request.StoppingCondition,
    CreationTime: new Date(record.createdAt),
    TrainingStartTime: new Date(record.createdAt),
    ...ended,
  };
}

/** `<S3OutputPath>/<job name>/output/model.tar.gz`, where SageMaker puts it. */
function artifactKey(request: CreateTrainingJobRequest, bucket: string): string {
  const path = request.OutputDataConfig?.S3OutputPath;
  if (path === undefined)
    throw new SageMakerError(
      "ValidationException",
      `job ${request.TrainingJobName}: OutputDataConfig.S3OutputPath is missing`,
    );
  return `${keyOf(path, bucket).replace(/\/+$/, "")}/${request.TrainingJobName}/output/model.tar.gz`;
}

export function strings(environment: Record<string, string | undefined> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
