/** What a stack's deletion leaves behind: what workflows made while they ran, and everything in versioned buckets. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MACHINES } from "../workflow/definition.ts";
import { type Answer, type Aws, AwsCommandError } from "./aws-command.ts";
import type { EnvironmentConfig } from "./config.ts";
import { resourceName } from "./foundation.ts";

/** S3's own most of one request. */
const PER_REQUEST = 1000;
const tagged = (config: EnvironmentConfig) => [
  "--tag-filters",
  "Key=application,Values=countersign",
  `Key=environment,Values=${config.name}`,
];

/** Deletes endpoints, their configurations, models and alarms; stops jobs that run. Safe to run again. Returns what it did. */
export function removeRunTime(aws: Aws, config: EnvironmentConfig): string[] {
  const done: string[] = [];
  const act = (what: string, args: string[]) => {
    if (attempt(aws, args)) done.push(what);
  };
  const { ResourceTagMappingList = [] } = aws(["resourcegroupstaggingapi", "get-resources", ...tagged(config)]);
  const arns = (ResourceTagMappingList as { ResourceARN: string }[]).map(({ ResourceARN }) => ResourceARN);
  const named = (kind: string) =>
    arns.flatMap((arn) => {
      const name = new RegExp(`:sagemaker:[^:]*:[^:]*:${kind}/(.+)$`).exec(arn)?.[1];
      return name === undefined ? [] : [name];
    });
  for (const name of named("endpoint")) {
    act(`endpoint ${name}`, ["sagemaker", "delete-endpoint", "--endpoint-name", name]);
    act(`log group of ${name}`, ["logs", "delete-log-group", "--log-group-name", `/aws/sagemaker/Endpoints/${name}`]);
  }
  for (const name of named("endpoint-config"))
    act(`endpoint configuration ${name}`, ["sagemaker", "delete-endpoint-config", "--endpoint-config-name", name]);
  for (const name of named("model")) act(`model ${name}`, ["sagemaker", "delete-model", "--model-name", name]);
  for (const name of named("training-job"))
    act(`stopped training ${name}`, ["sagemaker", "stop-training-job", "--training-job-name", name]);
  for (const name of named("processing-job"))
    act(`stopped processing ${name}`, ["sagemaker", "stop-processing-job", "--processing-job-name", name]);
  const beginning = resourceName(config, "endpoint-");
  const { MetricAlarms = [] } = aws(["cloudwatch", "describe-alarms", "--alarm-name-prefix", beginning]);
  const raised = (MetricAlarms as { AlarmName: string }[]).map(({ AlarmName }) => AlarmName);
  if (raised.length > 0)
    act(`alarms ${raised.join(", ")}`, ["cloudwatch", "delete-alarms", "--alarm-names", ...raised]);
  return done;
}

/**
 * Stops every open execution, campaigns first, so that they start nothing more. A state machine is deleted only when its last
 * one has ended, and one that waits for a person may wait for months. Safe to run again. Returns their names.
 */
export function stopExecutions(aws: Aws, config: EnvironmentConfig): string[] {
  const { stateMachines = [] } = aws(["stepfunctions", "list-state-machines"]);
  const arns = new Map(
    (stateMachines as { name: string; stateMachineArn: string }[]).map((one) => [one.name, one.stateMachineArn]),
  );
  return MACHINES.flatMap((machine) => {
    const arn = arns.get(resourceName(config, machine));
    if (arn === undefined) return [];
    const listed = aws(["stepfunctions", "list-executions", "--state-machine-arn", arn, "--status-filter", "RUNNING"]);
    return ((listed.executions ?? []) as { executionArn: string }[])
      .filter(({ executionArn }) =>
        attempt(aws, [
          "stepfunctions",
          "stop-execution",
          "--execution-arn",
          executionArn,
          "--error",
          "TakenDown",
          "--cause",
          `${config.name} was taken down`,
        ]),
      )
      .map(({ executionArn }) => executionArn.split(":").slice(-2).join(" "));
  });
}

/** Physical names of the buckets of a stack; none where the stack is gone already. Those that receive access logs come last. */
export function bucketsOf(aws: Aws, stack: string): string[] {
  let found: Answer;
  try {
    found = aws(["cloudformation", "list-stack-resources", "--stack-name", stack]);
  } catch (error) {
    if (error instanceof AwsCommandError && /does not exist/.test(error.message)) return [];
    throw error;
  }
  return (found.StackResourceSummaries as Answer[])
    .filter(
      ({ ResourceType, ResourceStatus }) => ResourceType === "AWS::S3::Bucket" && ResourceStatus !== "DELETE_COMPLETE",
    )
    .sort(
      (a, b) =>
        Number(a.LogicalResourceId.startsWith("AccessLogs")) - Number(b.LogicalResourceId.startsWith("AccessLogs")),
    )
    .map(({ PhysicalResourceId }) => String(PhysicalResourceId));
}

/** Deletes every version and every delete marker, locked ones of the development's kind of lock too. Returns how many. */
export function emptyBucket(aws: Aws, bucket: string): number {
  let deleted = 0;
  for (;;) {
    const page = aws(["s3api", "list-object-versions", "--bucket", bucket, "--max-items", String(PER_REQUEST)]);
    const all = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])] as { Key: string; VersionId: string }[];
    if (all.length === 0) return deleted;
    const Objects = all.map(({ Key, VersionId }) => ({ Key, VersionId }));
    const { Errors = [] } = withFile(JSON.stringify({ Objects, Quiet: true }), (request) =>
      aws(["s3api", "delete-objects", "--bucket", bucket, "--bypass-governance-retention", "--delete", request]),
    ) as { Errors?: { Key: string; Code: string; Message: string }[] };
    const [first] = Errors;
    if (first !== undefined && Errors.length === all.length)
      throw new Error(
        `${bucket}: ${Errors.length} objects can't be deleted, the first is ${first.Key}: ${first.Code} ${first.Message}; delete them with a role that may, then run this again`,
      );
    deleted += all.length - Errors.length;
  }
}

/** A thousand keys are more than an argument of a command may hold: they go through a file. */
function withFile<T>(text: string, use: (address: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "countersign-"));
  try {
    writeFileSync(join(folder, "request.json"), text);
    return use(`file://${join(folder, "request.json")}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What still bears the environment's tags: nothing, but for keys that wait for their end. */
export function leftBehind(aws: Aws, config: EnvironmentConfig): string[] {
  const { ResourceTagMappingList = [] } = aws(["resourcegroupstaggingapi", "get-resources", ...tagged(config)]);
  return (ResourceTagMappingList as { ResourceARN: string }[])
    .map(({ ResourceARN }) => ResourceARN)
    .filter((arn) => !/:sagemaker:.*:(?:training|processing)-job\//.test(arn))
    .filter((arn) => !isWaitingForItsEnd(aws, arn));
}

function isWaitingForItsEnd(aws: Aws, arn: string): boolean {
  if (!arn.includes(":kms:")) return false;
  return aws(["kms", "describe-key", "--key-id", arn]).KeyMetadata?.KeyState === "PendingDeletion";
}

/** Whether it was done; what is gone already, or has ended, needs nothing. */
function attempt(aws: Aws, args: string[]): boolean {
  try {
    aws(args);
    return true;
  } catch (error) {
    if (
      error instanceof AwsCommandError &&
      /NotFound|Could not find|does not exist|ValidationException/i.test(error.message)
    )
      return false;
    throw error;
  }
}
