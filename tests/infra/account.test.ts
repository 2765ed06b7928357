/** Before a deployment and at its end: an account that answers the AWS command line from a list of what is in it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { type Answer, type Aws, AwsCommandError } from "../../infra/aws-command.ts";
import { readConfig } from "../../infra/config.ts";
import { builtImages, sourceTag } from "../../infra/images.ts";
import { preflight } from "../../infra/preflight.ts";
import { RECIPES } from "../../infra/stacks/images.ts";
import { bucketsOf, emptyBucket, leftBehind, removeRunTime, stopExecutions } from "../../infra/teardown.ts";

const config = readConfig("dev");
const refuse = (args: readonly string[], code: string, said = "") => {
  throw new AwsCommandError(args, `An error occurred (${code}) when calling an operation: ${said}`);
};
/** Answers by "<service> <operation>"; what is not listed is asked for nothing in this test. */
function account(answers: Record<string, (args: readonly string[]) => Answer>): { aws: Aws; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    aws(args) {
      const name = args.slice(0, 2).join(" ");
      asked.push(args.join(" "));
      const answer = answers[name];
      if (answer === undefined) throw new Error(`the test's account does not answer "${name}"`);
      return answer(args);
    },
  };
}

const quota = (QuotaName: string, Value: number) => ({ QuotaName, QuotaCode: "L-1", Value });
const QUOTAS: Record<string, ReturnType<typeof quota>[]> = {
  sagemaker: [
    quota("ml.g5.xlarge for spot training job usage", 1),
    quota("ml.g5.xlarge for training job usage", 1),
    quota("ml.g4dn.xlarge for training job usage", 1),
    quota("ml.m5.xlarge for processing job usage", 4),
    quota("ml.c6i.large for endpoint usage", 4),
    quota("Maximum total concurrency across all serverless endpoints", 40),
  ],
  lambda: [quota("Concurrent executions", 1000)],
};
const ready = {
  "sts get-caller-identity": () => ({ Account: "123456789012" }),
  "ssm get-parameter": () => ({ Parameter: { Value: "30" } }),
  "service-quotas list-service-quotas": (args: readonly string[]) => ({ Quotas: QUOTAS[args.at(-1) as string] }),
  "service-quotas list-aws-default-service-quotas": () => ({ Quotas: [] }),
  "cloudformation describe-stacks": (args: readonly string[]) =>
    refuse(args, "ValidationError", "Stack does not exist"),
  "ecr describe-repositories": (args: readonly string[]) => refuse(args, "RepositoryNotFoundException"),
  "stepfunctions list-state-machines": () => ({ stateMachines: [{ name: "somebody-elses" }] }),
  "lambda list-functions": () => ({ Functions: [] }),
  "cognito-idp describe-user-pool-domain": () => ({ DomainDescription: {} }),
};

describe("before a deployment", () => {
  test("an account that is ready has no problem", () => {
    expect(preflight(account(ready).aws, config)).toEqual({ account: "123456789012", problems: [], notes: [] });
  });

  test("a quota that is too low is named with the command that raises it", () => {
    const low = {
      ...ready,
      "service-quotas list-service-quotas": (args: readonly string[]) => ({
        Quotas: (QUOTAS[args.at(-1) as string] ?? []).map((one) =>
          one.QuotaName.includes("spot") ? { ...one, Value: 0 } : one,
        ),
      }),
    };
    const { problems } = preflight(account(low).aws, config);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('the quota "ml.g5.xlarge for spot training job usage" is 0, 1 are needed');
    expect(problems[0]).toContain("request-service-quota-increase --service-code sagemaker --quota-code L-1");
  });

  test("a type that the region does not offer is named; one that only instances need is a note", () => {
    const without = (name: string) => ({
      ...ready,
      "service-quotas list-service-quotas": (args: readonly string[]) => ({
        Quotas: (QUOTAS[args.at(-1) as string] ?? []).filter((one) => !one.QuotaName.startsWith(name)),
      }),
    });
    expect(preflight(account(without("ml.g4dn.xlarge")).aws, config).problems[0]).toContain(
      "ml.g4dn.xlarge is not offered in eu-central-1",
    );
    const rare = preflight(account(without("ml.c6i.large")).aws, config);
    expect([rare.problems, rare.notes.length]).toEqual([[], 1]);
  });

  test("where the account lists no quota of its own, the default holds; where it does, its own", () => {
    const defaults = (Value: number) => ({
      ...ready,
      "service-quotas list-service-quotas": (args: readonly string[]) => ({
        Quotas: (QUOTAS[args.at(-1) as string] ?? []).filter((one) => !one.QuotaName.startsWith("ml.g4dn")),
      }),
      "service-quotas list-aws-default-service-quotas": () => ({
        Quotas: [
          quota("ml.g4dn.xlarge for training job usage", Value),
          quota("ml.g5.xlarge for training job usage", 0),
        ],
      }),
    });
    expect(preflight(account(defaults(1)).aws, config).problems).toEqual([]);
    const [low, ...others] = preflight(account(defaults(0)).aws, config).problems;
    expect(low).toContain('the quota "ml.g4dn.xlarge for training job usage" is 0, 1 are needed');
    expect(others).toEqual([]);
  });

  test("quotas that may not be asked are said, and stop nothing", () => {
    const closed = {
      ...ready,
      "service-quotas list-service-quotas": (args: readonly string[]) => refuse(args, "AccessDeniedException"),
    };
    const { problems, notes } = preflight(account(closed).aws, config);
    expect([problems, notes.length]).toEqual([[], 2]);
    expect(notes[0]).toContain("could not be asked");
  });

  test.each([
    ["Unable to locate credentials", "nobody is signed in"],
    [
      'Could not connect to the endpoint URL: "https://sts.eu-centrall-1.amazonaws.com/"',
      "the region eu-central-1 does not answer",
    ],
  ])("%s", (said, expected) => {
    const aws: Aws = (args) => {
      throw new AwsCommandError(args, said);
    };
    expect(() => preflight(aws, config)).toThrow(expected);
  });

  test("another account than the config's, and a region without the CDK, are told together", () => {
    const raw = { ...ready, "ssm get-parameter": (args: readonly string[]) => refuse(args, "ParameterNotFound") };
    const { problems } = preflight(account(raw).aws, { ...config, account: "999999999999" });
    expect(problems.map((line) => line.slice(0, 50))).toEqual([
      "you are signed in to the account 123456789012; env",
      'the CDK was never set up in eu-central-1: run "npx',
    ]);
  });

  test("names that something else bears are collisions, but not those of our own stacks", () => {
    const taken = {
      ...ready,
      "ecr describe-repositories": () => ({ repositories: [{}] }),
      "stepfunctions list-state-machines": () => ({ stateMachines: [{ name: "countersign-dev-lot" }] }),
      "cognito-idp describe-user-pool-domain": () => ({ DomainDescription: { UserPoolId: "p" } }),
    };
    const { problems } = preflight(account(taken).aws, config);
    expect(problems.map((line) => line.split(" is there already")[0])).toEqual([
      "the ECR repository countersign-dev-training",
      "the ECR repository countersign-dev-serving",
      "the ECR repository countersign-dev-admission",
      "the state machine countersign-dev-lot",
      "the sign-in domain countersign-dev-portal-123456789012",
    ]);
    const ours = { ...taken, "cloudformation describe-stacks": () => ({ Stacks: [{}] }) };
    expect(preflight(account(ours).aws, config).problems).toEqual([]);
  });
});

describe("images", () => {
  const images = (built: Set<string>, statuses: string[]) => ({
    "ecr describe-images": (args: readonly string[]) => {
      const name = (args[3] as string).replace("countersign-dev-", "");
      return built.has(name)
        ? { imageDetails: [{ imageDigest: `sha256:${name}` }] }
        : refuse(args, "ImageNotFoundException");
    },
    "codebuild start-build": (args: readonly string[]) => ({ build: { id: `${args[3]}:1` } }),
    "codebuild batch-get-builds": (args: readonly string[]) => {
      const buildStatus = statuses.shift() ?? "SUCCEEDED";
      if (buildStatus === "SUCCEEDED") built.add((args[3] as string).replace(/countersign-dev-|:1/g, ""));
      return { builds: [{ buildStatus, logs: { deepLink: "https://logs" } }] };
    },
  });
  const now = async () => {};

  test("what is there is not built again, the rest is built at the same time", async () => {
    vi.spyOn(console, "log").mockImplementation(() => {});
    const { aws, asked } = account(images(new Set(["training"]), ["IN_PROGRESS"]));
    expect(await builtImages(aws, config, "t", now)).toEqual({
      training: "sha256:training",
      serving: "sha256:serving",
      admission: "sha256:admission",
    });
    expect(asked.filter((one) => one.startsWith("codebuild start-build"))).toHaveLength(2);
  });

  test("a build that fails says where its log is", async () => {
    await expect(builtImages(account(images(new Set(), ["FAILED"])).aws, config, "t", now)).rejects.toThrow(
      "the build of the image training ended as FAILED; its log: https://logs",
    );
  });

  test("an image that is not there after its build is named", async () => {
    const lost = {
      ...images(new Set(), []),
      "codebuild batch-get-builds": () => ({ builds: [{ buildStatus: "SUCCEEDED" }] }),
    };
    await expect(builtImages(account(lost).aws, config, "t", now)).rejects.toThrow(
      "the image countersign-dev-training:t is not in its repository although its build ended well",
    );
  });

  test("every file that a build names is there, and gets a base where it asks for one", () => {
    for (const [image, { file, base }] of Object.entries(RECIPES)) {
      const text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
      expect([image, /^FROM \$\{BASE\}/m.test(text)]).toEqual([image, base !== undefined]);
    }
  });

  test("the tag is the sources' digest", () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-source-"));
    try {
      writeFileSync(join(folder, "a"), "1");
      const first = sourceTag(folder);
      expect(sourceTag(folder)).toBe(first);
      writeFileSync(join(folder, "a"), "2");
      expect(sourceTag(folder)).not.toBe(first);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("at the end", () => {
  const arn = (kind: string, name: string) => `arn:aws:sagemaker:eu-central-1:123456789012:${kind}/${name}`;

  test("what releases and jobs made goes, and only that; gone already is gone", () => {
    const { aws, asked } = account({
      "resourcegroupstaggingapi get-resources": () => ({
        ResourceTagMappingList: ["endpoint", "endpoint-config", "model", "training-job"].map((kind) => ({
          ResourceARN: arn(kind, "dev-parts-1-aa"),
        })),
      }),
      "sagemaker delete-endpoint": (args) => refuse(args, "ValidationException", "Could not find endpoint"),
      "logs delete-log-group": () => ({}),
      "sagemaker delete-endpoint-config": () => ({}),
      "sagemaker delete-model": () => ({}),
      "sagemaker stop-training-job": (args) => refuse(args, "ValidationException", "The job is already stopped"),
      "cloudwatch describe-alarms": (args) => {
        expect(args.at(-1)).toBe("countersign-dev-endpoint-");
        return {
          MetricAlarms: ["errors", "slow"].map((kind) => ({ AlarmName: `countersign-dev-endpoint-x-${kind}` })),
        };
      },
      "cloudwatch delete-alarms": () => ({}),
    });
    expect(removeRunTime(aws, config)).toEqual([
      "log group of dev-parts-1-aa",
      "endpoint configuration dev-parts-1-aa",
      "model dev-parts-1-aa",
      "alarms countersign-dev-endpoint-x-errors, countersign-dev-endpoint-x-slow",
    ]);
    expect(asked[0]).toContain("Key=application,Values=countersign Key=environment,Values=dev");
  });

  test("what waits for a person is stopped, of this environment only; what has ended meanwhile is no trouble", () => {
    const execution = (name: string) => `arn:aws:states:eu-central-1:123456789012:execution:${name}`;
    const machine = (name: string) => ({ name, stateMachineArn: `arn:machine:${name}` });
    const { aws, asked } = account({
      "stepfunctions list-state-machines": () => ({
        stateMachines: ["countersign-dev-lot", "countersign-dev-campaign", "countersign-staging-lot"].map(machine),
      }),
      "stepfunctions list-executions": (args) => ({
        executions: args.includes("arn:machine:countersign-dev-lot")
          ? ["l1", "gone"].map((name) => ({ executionArn: execution(`countersign-dev-lot:${name}`) }))
          : [{ executionArn: execution("countersign-dev-campaign:parts-1") }],
      }),
      "stepfunctions stop-execution": (args) =>
        args.some((one) => one.endsWith(":gone")) ? refuse(args, "ExecutionDoesNotExist", "does not exist") : {},
    });
    expect(stopExecutions(aws, config)).toEqual(["countersign-dev-campaign parts-1", "countersign-dev-lot l1"]);
    expect(asked.filter((one) => one.includes("staging"))).toEqual([]);
  });

  test("a bucket is emptied of versions and delete markers, page by page", () => {
    const left = Array.from({ length: 2500 }, (_, i) => ({ Key: `k${i}`, VersionId: `v${i}` }));
    const { aws } = account({
      "s3api list-object-versions": () => {
        const page = left.slice(0, 1000);
        return { Versions: page.slice(0, 600), DeleteMarkers: page.slice(600) };
      },
      "s3api delete-objects": (args) => {
        const address = args.at(-1) as string;
        expect(address).toMatch(/^file:\/\//);
        const { Objects } = JSON.parse(readFileSync(address.slice("file://".length), "utf8")) as { Objects: unknown[] };
        expect(Objects.length).toBeLessThanOrEqual(1000);
        expect(args).toContain("--bypass-governance-retention");
        left.splice(0, Objects.length);
        return {};
      },
    });
    expect(emptyBucket(aws, "b")).toBe(2500);
    expect(left).toEqual([]);
  });

  test("objects that nobody may delete end it with their reason, not for ever", () => {
    const locked = [{ Key: "approvals/1", VersionId: "v" }];
    const { aws } = account({
      "s3api list-object-versions": () => ({ Versions: locked }),
      "s3api delete-objects": () => ({ Errors: [{ Key: "approvals/1", Code: "AccessDenied", Message: "locked" }] }),
    });
    expect(() => emptyBucket(aws, "audit")).toThrow(
      "audit: 1 objects can't be deleted, the first is approvals/1: AccessDenied locked",
    );
  });

  test("buckets that receive logs are emptied last; a stack that is gone has none", () => {
    const bucket = (LogicalResourceId: string) => ({
      LogicalResourceId,
      PhysicalResourceId: LogicalResourceId.toLowerCase(),
      ResourceType: "AWS::S3::Bucket",
      ResourceStatus: "CREATE_COMPLETE",
    });
    const { aws } = account({
      "cloudformation list-stack-resources": () => ({
        StackResourceSummaries: [
          bucket("AccessLogs1"),
          bucket("Objects2"),
          bucket("Audit3"),
          { ...bucket("T"), ResourceType: "AWS::DynamoDB::Table" },
        ],
      }),
    });
    expect(bucketsOf(aws, "s")).toEqual(["objects2", "audit3", "accesslogs1"]);
    const gone = account({
      "cloudformation list-stack-resources": (args) =>
        refuse(args, "ValidationError", "Stack with id s does not exist"),
    });
    expect(bucketsOf(gone.aws, "s")).toEqual([]);
  });

  test("nothing is left but keys that wait and the list of finished jobs", () => {
    const states: Record<string, string> = {
      "arn:aws:kms:x:1:key/a": "PendingDeletion",
      "arn:aws:kms:x:1:key/b": "Enabled",
    };
    const { aws } = account({
      "resourcegroupstaggingapi get-resources": () => ({
        ResourceTagMappingList: [...Object.keys(states), arn("training-job", "t"), "arn:aws:s3:::left"].map(
          (ResourceARN) => ({ ResourceARN }),
        ),
      }),
      "kms describe-key": (args) => ({ KeyMetadata: { KeyState: states[args.at(-1) as string] } }),
    });
    expect(leftBehind(aws, config)).toEqual(["arn:aws:kms:x:1:key/b", "arn:aws:s3:::left"]);
  });
});
