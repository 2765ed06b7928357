import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { awsPorts } from "../../adapters/aws/index.ts";
import { openLocalPorts } from "../../adapters/local/index.ts";
import { memoryPorts } from "../../adapters/memory/index.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { openFront } from "../account/front.ts";
import { startMoto } from "./moto.ts";

export interface World {
  ports: Ports;
  /** What AWS's model or the SDK's schemas refuse of the requests so far, and how many there were of each. */
  requests?: { seen: Readonly<Record<string, number>>; findings: ReadonlySet<string> };
  close(): Promise<void>;
}

export const WORLDS: Record<string, () => Promise<World>> = {
  memory: async () => ({ ports: memoryPorts(), close: async () => {} }),
  local: localWorld,
  "aws on moto": awsWorld,
};

async function localWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-contract-"));
  // The host brings these three; the contract suites of their own rooms hold the engine's and the jobs' to them.
  const { tokens, workflows, endpoints } = memoryPorts();
  const ports = await openLocalPorts({ folder, clock: { now: () => Date.now() }, tokens, workflows, endpoints });
  return {
    ports,
    async close() {
      ports.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function awsWorld(): Promise<World> {
  const moto = await startMoto();
  const connection = {
    endpoint: moto.endpoint,
    region: "eu-central-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const bucket = "countersign-contract";
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
  );
  const table = "records";
  await new DynamoDBClient(connection).send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
      ],
    }),
  );
  const kms = new KMSClient(connection);
  const sealKey = await kms.send(new CreateKeyCommand({}));
  const signKey = await kms.send(new CreateKeyCommand({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }));
  const topic = await new SNSClient(connection).send(new CreateTopicCommand({ Name: "people" }));
  const definition = JSON.stringify({ StartAt: "Wait", States: { Wait: { Type: "Wait", Seconds: 1000, End: true } } });
  const machine = await new SFNClient(connection).send(
    new CreateStateMachineCommand({ name: "lot", definition, roleArn: "arn:aws:iam::123456789012:role/contract" }),
  );
  const arn = topic.TopicArn as string;
  const front = await openFront({ moto: moto.endpoint });
  const ports = awsPorts(
    {
      environment: "dev",
      bucket,
      table,
      sealKeyId: sealKey.KeyMetadata?.KeyId as string,
      signKeyId: signKey.KeyMetadata?.KeyId as string,
      topics: { "data-team": arn, vendor: arn, owner: arn },
      machines: { lot: machine.stateMachineArn as string },
    },
    { ...connection, endpoint: front.url },
  );
  return {
    ports,
    requests: { seen: front.requests, findings: front.findings },
    async close() {
      await front.close();
      await moto.stop();
    },
  };
}
