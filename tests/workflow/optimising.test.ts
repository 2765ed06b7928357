/** From the trained model to the judged one: which bytes are evaluated, and what happens where a job's name is taken. */
import { describe, expect, test } from "vitest";
import { excerpt, named, runMachine } from "./run-machine.ts";

interface Job {
  ProcessingJobName: string;
  RoleArn: string;
  AppSpecification: { ContainerArguments: string[] };
  ProcessingInputs: { InputName: string; S3Input: { S3Uri: string } }[];
  ProcessingOutputConfig: { Outputs: { S3Output: { S3Uri: string } }[] };
}
const ORDER = (kind: string) => ({
  jobName: `parts-${kind}-0123456789abcdef`,
  outputPrefix: `campaigns/parts/${kind === "opt" ? "models" : "evaluations/e"}`,
  inputs: [{ name: kind === "opt" ? "dataset" : "truth", prefix: `campaigns/parts/${kind}/` }],
  arguments: [kind === "opt" ? "optimise" : "evaluate", "--margin", "0.01"],
});
const TRAINED = "campaigns/parts/models/parts-train-1/output/model.tar.gz";

/** Jobs are answered by what `answers` has for their name, else well; those whose name is taken are described by `there`. */
async function run(
  options: { wanted?: boolean; taken?: string[]; there?: string[]; evaluation?: object; fails?: string } = {},
) {
  const jobs: Job[] = [];
  const described = new Map<string, Job>();
  const there = [...(options.there ?? [])];
  const definition = excerpt(
    "campaign",
    "WorthOptimising",
    {
      cycle: { campaign: "parts", cycle: 1, seed: 1 },
      dataset: { key: "d", version: "v" },
      training: { backbone: "vit", recipe: "probe" },
      optimisation: (options.wanted ?? true) ? { wanted: true, ...ORDER("opt") } : { wanted: false },
      evaluation: options.evaluation ?? ORDER("eval"),
      modelKey: TRAINED,
      attempt: 3,
    },
    ["WorthAsking", "RecordFailure"],
  );
  let judged: unknown;
  const ended = await runMachine(
    definition,
    {},
    {
      async invokeLambda(_stage, payload) {
        judged = payload;
        return { outcome: "promote", evidenceKey: "k", evidenceDigest: "d" };
      },
      async sageMaker(_action, request) {
        const job = request as unknown as Job;
        jobs.push(job);
        described.set(job.ProcessingJobName, job);
        if (options.fails !== undefined && job.ProcessingJobName.includes(options.fails))
          throw named("States.TaskFailed", JSON.stringify({ ProcessingJobStatus: "Failed" }));
        if (options.taken?.includes(job.ProcessingJobName.replace(/^.*-/, "")) && job.ProcessingJobName.includes("opt"))
          throw named("SageMaker.ResourceInUseException", "Job names must be unique");
        return { ...job, ProcessingJobStatus: "Completed" };
      },
      async sdk(service, action, { ProcessingJobName }) {
        expect([service, action]).toEqual(["sagemaker", "describeProcessingJob"]);
        return { ...described.get(ProcessingJobName as string), ProcessingJobStatus: there.shift() ?? "Completed" };
      },
    },
  );
  const model = (job: Job | undefined) =>
    job?.ProcessingInputs.find(({ InputName }) => InputName === "model")?.S3Input.S3Uri;
  return { ended, jobs, judged: judged as { modelKey: string; backbone: string } | undefined, model };
}
const CHOSEN = (attempt: number) => `campaigns/parts/models/parts-opt-0123456789abcdef-${attempt}/model.tar.gz`;

describe("a model on its way to the judge", () => {
  test("goes as it was trained where no variants compete", async () => {
    const { jobs, judged, model } = await run({ wanted: false });
    expect(jobs.map((job) => model(job))).toEqual([`s3://countersign-laptop/${TRAINED}`]);
    expect(judged).toMatchObject({ modelKey: TRAINED, backbone: "vit" });
  });

  test("is the chosen variant from there on: what is evaluated is what the judge is told of", async () => {
    const { jobs, judged, model } = await run();
    expect(jobs.map((job) => model(job))).toEqual([
      `s3://countersign-laptop/${TRAINED}`,
      `s3://countersign-laptop/${CHOSEN(0)}`,
    ]);
    expect(judged?.modelKey).toBe(CHOSEN(0));
    expect(jobs.map((job) => job.AppSpecification.ContainerArguments[0])).toEqual(["optimise", "evaluate"]);
  });

  test("is taken from the job that made it before, done or still at it", async () => {
    for (const there of [["Completed"], ["InProgress", "Stopping", "Completed"]]) {
      const { ended, jobs, judged } = await run({ taken: ["0"], there });
      expect([ended.output, jobs.length, judged?.modelKey]).toEqual(["WorthAsking", 2, CHOSEN(0)]);
      expect(ended.states.filter((name) => name === "WaitForOptimisation")).toHaveLength(there.length - 1);
    }
  });

  test("leaves a failed job its name and its place, and takes the next", async () => {
    const { jobs, judged } = await run({ taken: ["0"], there: ["Failed"] });
    expect(jobs.map((job) => job.ProcessingJobName.replace(/^.*-/, ""))).toEqual(["0", "10", "0"]);
    expect(judged?.modelKey).toBe(CHOSEN(10));
  });

  test("is not evaluated where making variants broke, nor judged where the evaluation did", async () => {
    for (const fails of ["opt", "eval"]) {
      const { ended, judged } = await run({ fails });
      expect([ended.output, judged]).toEqual(["RecordFailure", undefined]);
    }
  });

  test("is evaluated without arguments too, as stages of an older release order it", async () => {
    const { arguments: _, ...older } = ORDER("eval");
    const { jobs } = await run({ wanted: false, evaluation: older });
    expect(jobs[0]?.AppSpecification.ContainerArguments).toEqual(["evaluate"]);
  });
});
