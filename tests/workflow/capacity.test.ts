/** Embedding and training where machines are scarce, names are taken and containers fail: the file's own states, run. */
import { describe, expect, test } from "vitest";
import { excerpt, named, runMachine } from "./run-machine.ts";

type Job = Record<string, unknown> & {
  TrainingJobName: string;
  EnableManagedSpotTraining?: boolean;
  ResourceConfig: { InstanceType: string };
  StoppingCondition: { MaxWaitTimeInSeconds?: number };
};
type Answer = "ok" | "no-spot" | "no-machine" | "quota" | "throttled" | "container" | "taken";

const ORDER = {
  jobName: "parts-embed-0123456789abcdef",
  outputPrefix: "campaigns/parts/out",
  channels: [{ name: "shards", prefix: "campaigns/parts/shards" }],
  backbone: "small-cnn",
  recipe: "probe",
};
const VARIABLES = {
  cycle: { campaign: "parts", cycle: 1, seed: 1 },
  embedding: ORDER,
  training: ORDER,
  dataset: { version: "v" },
  machines: "spot",
  attempt: 0,
};
const KINDS = [
  { kind: "embedding", from: "EmbedImages", to: "DrawTestSet" },
  { kind: "training", from: "TrainModel", to: "WorthOptimising" },
];

const failed = (reason: string) => named("States.TaskFailed", JSON.stringify({ FailureReason: reason }));
const ERRORS: Record<Exclude<Answer, "ok">, Error> = {
  "no-spot": named(
    "States.TaskFailed",
    JSON.stringify({ TrainingJobStatus: "Stopped", SecondaryStatus: "MaxWaitTimeExceeded" }),
  ),
  "no-machine": failed("CapacityError: Unable to provision requested ML compute capacity."),
  quota: named("SageMaker.ResourceLimitExceededException", "the account-level service limit is 0 instances"),
  throttled: named("SageMaker.ThrottlingException", "Rate exceeded"),
  container: failed("AlgorithmError: exit code 1"),
  taken: named("SageMaker.ResourceInUseException", "Training job names must be unique"),
};

describe.each(KINDS)("$kind", ({ from, to }) => {
  /** Jobs are answered in this order, then well; a job whose name is taken is described as `there` says. */
  async function run(answers: Answer[], there: string[] = []) {
    const jobs: Job[] = [];
    const definition = excerpt("campaign", from, VARIABLES, [to, "RecordFailure"]);
    const ended = await runMachine(
      definition,
      {},
      {
        async sageMaker(_action, request) {
          const job = request as Job;
          jobs.push(job);
          const answer = answers.shift() ?? "ok";
          if (answer !== "ok") throw ERRORS[answer];
          return {
            ModelArtifacts: { S3ModelArtifacts: `s3://countersign-laptop/out/${job.TrainingJobName}/model.tar.gz` },
          };
        },
        async sdk(service, action, { TrainingJobName }) {
          expect([service, action]).toEqual(["sagemaker", "describeTrainingJob"]);
          const TrainingJobStatus = there.shift() ?? "Completed";
          return {
            TrainingJobStatus,
            ModelArtifacts: { S3ModelArtifacts: `s3://countersign-laptop/out/${TrainingJobName}/model.tar.gz` },
          };
        },
      },
    );
    return { ended: ended.output, states: ended.states, jobs };
  }
  const machines = (jobs: Job[]) =>
    jobs.map((job) => (job.EnableManagedSpotTraining === true ? "spot" : job.ResourceConfig.InstanceType));

  test("runs on Spot where Spot has a machine", async () => {
    const { ended, jobs } = await run([]);
    expect([ended, machines(jobs)]).toEqual([to, ["spot"]]);
    expect(jobs[0]?.StoppingCondition.MaxWaitTimeInSeconds).toBeGreaterThan(0);
  });

  test.each([
    ["Spot waited in vain", ["no-spot"], ["spot", "local"]],
    ["Spot and the first type have none", ["no-spot", "no-machine"], ["spot", "local", "local-other"]],
    [
      "the first type has no quota",
      ["no-spot", ...Array(6).fill("quota")],
      ["spot", ...Array(6).fill("local"), "local-other"],
    ],
    ["the service is busy", ["throttled", "throttled"], ["spot", "spot", "spot"]],
  ] as [string, Answer[], string[]][])("%s: goes on", async (_, answers, expected) => {
    const { ended, jobs } = await run([...answers]);
    expect([ended, machines(jobs)]).toEqual([to, expected]);
    expect(new Set(jobs.map((job) => job.TrainingJobName)).size).toBe(jobs.length);
  });

  test("no machine anywhere is a failure that is recorded", async () => {
    const { ended, jobs } = await run(["no-spot", "no-machine", "no-machine"]);
    expect([ended, jobs.length]).toEqual(["RecordFailure", 3]);
  });

  test("a container that fails is not tried on dearer machines", async () => {
    const { ended, jobs } = await run(["container"]);
    expect([ended, jobs.length]).toEqual(["RecordFailure", 1]);
  });

  test("a job of this order that is done is adopted; one that runs is waited for", async () => {
    expect(await run(["taken"], ["Completed"])).toMatchObject({ ended: to });
    const waited = await run(["taken"], ["InProgress", "InProgress", "Completed"]);
    expect([waited.ended, waited.jobs.length]).toEqual([to, 1]);
    expect(waited.states.filter((name) => name.startsWith("Wait"))).toHaveLength(2);
  });

  test("a failed job's name is left to it, and the next is taken", async () => {
    const { ended, jobs } = await run(["taken", "taken"], ["Failed", "Stopped"]);
    expect(ended).toBe(to);
    expect(jobs.map((job) => job.TrainingJobName.replace(ORDER.jobName, ""))).toEqual(["-0", "-10", "-20"]);
  });

  test("names that are all taken end in a failure, not in a loop", async () => {
    const { ended, jobs } = await run(Array(50).fill("taken"), Array(50).fill("Failed"));
    expect([ended, jobs.length]).toEqual(["RecordFailure", 10]);
  });

  test("every try has no network, one place for its checkpoints, tags, and a name that SageMaker takes", async () => {
    const { jobs } = await run(["no-spot", "no-machine"]);
    expect(new Set(jobs.map((job) => JSON.stringify(job.CheckpointConfig))).size).toBe(1);
    for (const job of jobs) {
      expect(job).toMatchObject({
        EnableNetworkIsolation: true,
        Tags: [{ Key: "application" }, { Key: "environment" }],
      });
      expect(job.TrainingJobName).toMatch(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/);
    }
  });
});
