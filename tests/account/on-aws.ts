/** The deployed environment as a scene for a campaign: its bucket, table, keys and machines by the stacks' own resources. */
import type { AwsConnection } from "../../adapters/aws/index.ts";
import { type Aws, awsIn } from "../../infra/aws-command.ts";
import type { EnvironmentConfig } from "../../infra/config.ts";
import { deployedPorts } from "../../infra/deployed.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { openSession } from "../../lambdas/store/members.ts";
import type { Scene } from "./campaign.ts";

/** Looks again after so long; a campaign on AWS takes an hour or two, for its jobs start machines. */
const LOOK_EVERY_MS = 15_000;
const LONGEST_MS = 4 * 3_600_000;

/** The routes run here, on the deployed table and bucket; stages, workflows and jobs run in the account. */
export function deployedScene(
  config: EnvironmentConfig,
  aws: Aws = awsIn(config.region),
  connection: AwsConnection = {},
): Scene {
  const ports = deployedPorts(config, aws, connection);
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
