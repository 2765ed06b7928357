/** A deployed environment as ports, by its data stack's own resources: for commands that a person runs beside it. */
import { type AwsConnection, awsPorts } from "../adapters/aws/index.ts";
import type { Ports } from "../lambdas/ports.ts";
import { MACHINES } from "../workflow/definition.ts";
import type { Aws } from "./aws-command.ts";
import type { EnvironmentConfig } from "./config.ts";
import { resourceName } from "./foundation.ts";

interface Resource {
  ResourceType: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
}

/** Throws Error where the environment was not deployed. */
export function deployedPorts(config: EnvironmentConfig, aws: Aws, connection: AwsConnection = {}): Ports {
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
  return awsPorts(
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
}
