import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProgressEvent } from "../../local/jobs/job.ts";
import { findPython } from "../../local/jobs/python.ts";
import { JobRunner } from "../../local/jobs/runner.ts";
import {
  BUCKET,
  type Drawn,
  drawAll,
  FolderObjects,
  temporaryFolder,
  trainingRequest,
  writeCampaign,
} from "./scene.ts";

/** Python starts torch in each job: seconds, not milliseconds. */
const PATIENCE = 120_000;
const never = new AbortController().signal;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let objects: FolderObjects;
let images: Drawn[];
let test: Drawn[];
let runner: JobRunner;
const holds = new Set<string>();
const progress: ProgressEvent[] = [];

function newRunner(): JobRunner {
  return new JobRunner({
    root: join(folder.path, "jobs"),
    objects,
    bucket: BUCKET,
    python: findPython(),
    hold(reason) {
      holds.add(reason);
      return () => holds.delete(reason);
    },
    onProgress: (event) => progress.push(event),
  });
}

beforeAll(async () => {
  folder = await temporaryFolder();
  objects = new FolderObjects(join(folder.path, "objects"));
  images = await drawAll(12);
  test = await writeCampaign(objects, images);
  runner = newRunner();
}, PATIENCE);

afterAll(async () => {
  await runner.close();
  await folder[Symbol.asyncDispose]();
}, PATIENCE);

const embed = () =>
  trainingRequest("embed-1", { command: "embed", backbone: "descriptor", seed: "1" }, { shards: "shards" });
const train = () =>
  trainingRequest(
    "train-1",
    { command: "train", recipe: "probe", backbone: "descriptor", seed: "1" },
    { shards: "shards", dataset: "dataset", embeddings: "out/embed-1/output" },
  );

describe("a campaign's jobs on the laptop", () => {
  it("embeds every image, with the clock held and progress told", { timeout: PATIENCE }, async () => {
    const done = runner.createTrainingJob(embed(), never);
    await expect.poll(() => [...holds]).toEqual(["training job embed-1"]);
    expect(await done).toMatchObject({
      TrainingJobStatus: "Completed",
      ModelArtifacts: { S3ModelArtifacts: `s3://${BUCKET}/out/embed-1/output/model.tar.gz` },
    });
    expect(holds.size).toBe(0);
    expect(progress.at(-1)).toMatchObject({ kind: "training", name: "embed-1", step: "embed", done: 36, total: 36 });
  });

  it("trains the probe on them", { timeout: PATIENCE }, async () => {
    const response = (await runner.call({
      action: "createTrainingJob",
      sync: true,
      arguments: train(),
      signal: never,
    })) as {
      TrainingJobStatus: string;
    };
    expect(response.TrainingJobStatus).toBe("Completed");
  });

  it("judges the model on the sealed test", { timeout: PATIENCE }, async () => {
    const input = (name: string, prefix: string) => ({
      InputName: name,
      S3Input: {
        S3Uri: `s3://${BUCKET}/${prefix}`,
        LocalPath: `/opt/ml/processing/input/${name}`,
        S3DataType: "S3Prefix" as const,
      },
    });
    const response = await runner.createProcessingJob(
      {
        ProcessingJobName: "evaluate-1",
        RoleArn: "arn:aws:iam::000000000000:role/training",
        AppSpecification: { ImageUri: "countersign-ml", ContainerArguments: ["evaluate"] },
        ProcessingInputs: [
          input("model", "out/train-1/output/model.tar.gz"),
          input("truth", "truth"),
          input("shards", "shards"),
          input("champion", "out/train-1/output/model.tar.gz"),
        ],
        ProcessingOutputConfig: {
          Outputs: [
            {
              OutputName: "evaluation",
              S3Output: {
                S3Uri: `s3://${BUCKET}/evaluation`,
                LocalPath: "/opt/ml/processing/output",
                S3UploadMode: "EndOfJob",
              },
            },
          ],
        },
        ProcessingResources: { ClusterConfig: { InstanceCount: 1, InstanceType: "ml.m5.large", VolumeSizeInGB: 10 } },
      },
      never,
    );
    expect(response.ProcessingJobStatus).toBe("Completed");
    const evaluation = JSON.parse(Buffer.from((await objects.read("evaluation/evaluation.json")) ?? []).toString());
    expect(evaluation.n).toBe(test.length);
    expect(evaluation.accuracy.value).toBe(1);
    expect(evaluation.accuracy.low).toBeLessThan(1);
    expect(evaluation.champion).toMatchObject({ discordant: 0, difference: { value: 0 } });
    for (const chart of ["confusion", "reliability", "risk-coverage"]) {
      expect(Buffer.from((await objects.read(`evaluation/${chart}.svg`)) ?? []).toString()).toMatch(/^<svg /);
    }
  });

  it("serves it: creating, in service, an answer, gone", { timeout: PATIENCE }, async () => {
    await runner.createModel({
      ModelName: "model-1",
      PrimaryContainer: { Image: "countersign-ml", ModelDataUrl: `s3://${BUCKET}/out/train-1/output/model.tar.gz` },
      ExecutionRoleArn: "arn:aws:iam::000000000000:role/training",
    });
    await runner.createEndpointConfig({
      EndpointConfigName: "config-1",
      ProductionVariants: [
        { VariantName: "only", ModelName: "model-1", ServerlessConfig: { MemorySizeInMB: 2048, MaxConcurrency: 5 } },
      ],
    });
    await runner.createEndpoint({ EndpointName: "live", EndpointConfigName: "config-1" });
    expect((await runner.describeEndpoint("live")).EndpointStatus).toBe("Creating");
    await expect
      .poll(async () => (await runner.describeEndpoint("live")).EndpointStatus, { timeout: 30_000 })
      .toBe("InService");
    const striped = test.find((image) => image.label === "striped") as Drawn;
    const { status, body } = await runner.invokeEndpoint("live", striped.bytes, "image/png");
    expect(status).toBe(200);
    const answer = JSON.parse(Buffer.from(body).toString());
    expect(answer).toMatchObject({ label: "striped", modelVersion: "model-1" });
    expect(answer.probabilities.reduce((sum: number, p: number) => sum + p, 0)).toBeCloseTo(1, 6);
    expect((await runner.invokeEndpoint("live", Buffer.from("garbage"), "image/png")).status).toBe(400);
  });

  it("starts a recorded endpoint again when a later host needs it", { timeout: PATIENCE }, async () => {
    await runner.close();
    runner = newRunner();
    const { status } = await runner.invokeEndpoint("live", (test[0] as Drawn).bytes, "image/png");
    expect(status).toBe(200);
    await runner.deleteEndpoint("live");
    await expect(runner.describeEndpoint("live")).rejects.toMatchObject({ name: "SageMaker.ValidationException" });
  });

  it("adopts a finished job of the same name and request without running it", async () => {
    const before = progress.length;
    expect((await runner.createTrainingJob(embed(), never)).TrainingJobStatus).toBe("Completed");
    expect(progress.length).toBe(before);
  });

  it("refuses another request under a name that exists", async () => {
    const other = { ...embed(), HyperParameters: { command: "embed", backbone: "descriptor", seed: "2" } };
    await expect(runner.createTrainingJob(other, never)).rejects.toMatchObject({
      name: "SageMaker.ResourceInUseException",
    });
  });

  it("tells the container's own reason when a job fails", { timeout: PATIENCE }, async () => {
    const request = trainingRequest(
      "embed-bad",
      { command: "embed", backbone: "descriptor", imageSize: "7" },
      { shards: "shards" },
    );
    const response = await runner.createTrainingJob(request, never);
    expect(response.TrainingJobStatus).toBe("Failed");
    expect(response.FailureReason).toContain("allowed: 32 to 2048");
    await expect(
      runner.call({ action: "createTrainingJob", sync: true, arguments: request, signal: never }),
    ).rejects.toMatchObject({
      name: "States.TaskFailed",
    });
  });

  it("names a channel that has nothing in it", async () => {
    const request = trainingRequest("embed-empty", { command: "embed" }, { shards: "nowhere" });
    await expect(runner.createTrainingJob(request, never)).rejects.toThrow(/no object under "nowhere"/);
  });

  it("stops a job when its step is aborted", { timeout: PATIENCE }, async () => {
    const abort = new AbortController();
    const running = runner.createTrainingJob({ ...embed(), TrainingJobName: "embed-stopped" }, abort.signal);
    setTimeout(() => abort.abort(), 500);
    expect((await running).TrainingJobStatus).toBe("Stopped");
  });

  it("takes a job up again after kill -9 of the host, whose child dies with it", { timeout: PATIENCE }, async () => {
    const host = spawn(process.execPath, [join(import.meta.dirname, "host-to-kill.ts"), folder.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) =>
      host.stdout.once("data", (line) => resolve(Number(String(line)))),
    );
    host.kill("SIGKILL");
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
    const state = join(folder.path, "jobs/training/embed-killed/job.json");
    expect(JSON.parse(await readFile(state, "utf8")).status).toBe("InProgress");
    const response = await runner.createTrainingJob({ ...embed(), TrainingJobName: "embed-killed" }, never);
    expect(response.TrainingJobStatus).toBe("Completed");
    // The same job done twice gives the same bytes.
    expect(await objects.read("out/embed-killed/output/model.tar.gz")).toEqual(
      await objects.read("out/embed-1/output/model.tar.gz"),
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
