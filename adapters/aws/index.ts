import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import type { Environment, Notice, Ports } from "../../lambdas/ports.ts";
import { sagemakerEndpoints } from "./endpoints.ts";
import { snsNotifier } from "./notifier.ts";
import { s3Objects } from "./objects.ts";
import { dynamoRecords } from "./records.ts";
import { kmsSealer } from "./sealer.ts";
import { sfnTokens } from "./tokens.ts";
import { sfnWorkflows } from "./workflows.ts";

/** Names of what was deployed. */
export interface AwsWorld {
  environment: Environment;
  bucket: string;
  table: string;
  sealKeyId: string;
  signKeyId: string;
  topics: Readonly<Record<Notice["audience"], string>>;
  /** Name in workflow/ -> ARN of the state machine's alias. */
  machines: Readonly<Record<string, string>>;
}

/** Where the SDK finds AWS; tests give a loopback endpoint. */
export interface AwsConnection {
  region?: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  maxAttempts?: number;
}

/** The AWS world. Clients are made once and kept: call this at module scope. */
export function awsPorts(world: AwsWorld, connection: AwsConnection = {}): Ports {
  return {
    environment: world.environment,
    objects: s3Objects(
      new S3Client({ ...connection, forcePathStyle: connection.endpoint !== undefined }),
      world.bucket,
    ),
    records: dynamoRecords(new DynamoDBClient(connection), world.table),
    tokens: sfnTokens(new SFNClient(connection)),
    sealer: kmsSealer(new KMSClient(connection), world),
    notifier: snsNotifier(new SNSClient(connection), world.topics),
    clock: { now: () => Date.now() },
    workflows: sfnWorkflows(new SFNClient(connection), world.machines),
    endpoints: sagemakerEndpoints(new SageMakerRuntimeClient(connection)),
  };
}
