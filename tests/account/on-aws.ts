/** The deployed environment as a scene for a campaign: its bucket, table, keys and machines by the stacks' own resources. */
import { type AwsConnection, awsPorts } from "../../adapters/aws/index.ts";
import { type Aws, awsIn } from "../../infra/aws-command.ts";
import type { EnvironmentConfig } from "../../infra/config.ts";
import { resourceName } from "../../infra/foundation.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { openSession } from "../../lambdas/store/members.ts";
import { MACHINES } from "../../workflow/definition.ts";
import type { Scene } from "./campaign.ts";

/** Looks again after so long; a campaign on AWS takes an hour or two, for its jobs start machines. */
const LOOK_EVERY_MS = 15_000;
const LONGEST_MS = 4 * 3_600_000;

interface Resource {
  ResourceType: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
}

/** The routes run here, on the deployed table and bucket; stages, workflows and jobs run in the account. */
export function deployedScene(
  config: EnvironmentConfig,
  aws: Aws = awsIn(config.region),
  connection: AwsConnection = {},
): Scene {
  const found = aws(["cloudformation", "describe-stack-resources", "--stack-name", `Countersign-${config.name}-Data`]);
  const resources = found.StackResources as Resource[];
  const physical = (type: string, begins: string) => {
    const [one, ...others] = resources.filter((r) => r.ResourceType === type && r.LogicalResourceId.startsWith(begins));
    if (one === undefined || others.length > 0)
      throw new Error(
        `${others.length === 0 ? "no" : "several"} ${type} ${begins} in the data stack: deploy "${config.name}" again`,
      );
    return one.PhysicalResourceId;
  };
  const account = String(aws(["sts", "get-caller-identity"]).Account);
  const arn = (machine: string) =>
    `arn:aws:states:${config.region}:${account}:stateMachine:${resourceName(config, machine)}:live`;
  const topic = (name: string) => physical("AWS::SNS::Topic", name);
  const ports = awsPorts(
    {
      environment: config.name,
      bucket: physical("AWS::S3::Bucket", "Objects"),
      table: physical("AWS::DynamoDB::Table", "Records"),
      sealKeyId: physical("AWS::KMS::Key", "SealKey"),
      signKeyId: physical("AWS::KMS::Key", "SignKey"),
      topics: { "data-team": topic("DataTeam"), vendor: topic("Vendors"), owner: topic("Owners") },
      machines: Object.fromEntries(MACHINES.map((machine) => [machine, arn(machine)])),
    },
    { region: config.region, ...connection },
  );
  const api = createApi({ ports, publicFiles: async () => undefined, origin: () => "http://127.0.0.1" });
  const latest = Date.now() + LONGEST_MS;
  return {
    ports,
    request: (request) => api.fetch(request),
    signIn: async (invitation) => (await openSession(ports, invitation)).session,
    rest: async () => {},
    busy: () => false,
    async wait() {
      if (Date.now() > latest) throw new Error("the smoke campaign has not ended in four hours; look at its execution");
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    },
  };
}

/** What carries the environment's tags and is still there, keys that wait for their end apart. */
export function leftBehind(aws: Aws, environment: string): string[] {
  const filters = ["Key=application,Values=countersign", `Key=environment,Values=${environment}`];
  const { ResourceTagMappingList = [] } = aws([
    "resourcegroupstaggingapi",
    "get-resources",
    "--tag-filters",
    ...filters,
  ]);
  return (ResourceTagMappingList as { ResourceARN: string }[])
    .map(({ ResourceARN }) => ResourceARN)
    .filter(
      (arn) =>
        !/:kms:/.test(arn) || aws(["kms", "describe-key", "--key-id", arn]).KeyMetadata?.KeyState !== "PendingDeletion",
    );
}
