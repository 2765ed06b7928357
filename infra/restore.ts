/**
 * `npm run restore -- --env dev [--parts 8]`: rebuilds the table from the journal in the objects bucket. The table must be
 * there (deploy makes an empty one under its old logical id); what stands in it stays.
 */
import { parseArgs } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { s3Objects } from "../adapters/aws/objects.ts";
import { dynamoRecords } from "../adapters/aws/records.ts";
import { restoreRecords } from "../lambdas/store/journal.ts";
import { type Answer, awsIn } from "./aws-command.ts";
import { ConfigError, readConfig } from "./config.ts";

try {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: { env: { type: "string" }, parts: { type: "string" }, yes: { type: "boolean" } },
  });
  if (values.env === undefined) throw new ConfigError("say which environment: npm run restore -- --env dev");
  const parts = Number(values.parts ?? 1);
  if (!Number.isInteger(parts) || parts < 1 || parts > 1000)
    throw new ConfigError(`--parts is "${values.parts}"; expected a whole number from 1 to 1000`);
  const { region, name } = readConfig(values.env);
  const { StackResourceSummaries } = awsIn(region)([
    "cloudformation",
    "list-stack-resources",
    "--stack-name",
    `Countersign-${name}-Data`,
  ]);
  const physical = (type: string, id: string): string => {
    const found = (StackResourceSummaries as Answer[]).find(
      ({ ResourceType, LogicalResourceId }) => ResourceType === type && LogicalResourceId.startsWith(id),
    );
    if (found === undefined) throw new Error(`the stack Countersign-${name}-Data has no ${type}; deploy it first`);
    return found.PhysicalResourceId;
  };
  const restored = await restoreRecords(
    {
      objects: s3Objects(new S3Client({ region }), physical("AWS::S3::Bucket", "Objects")),
      records: dynamoRecords(new DynamoDBClient({ region }), physical("AWS::DynamoDB::Table", "Records")),
    },
    parts,
  );
  console.log(
    `${restored.changes} changes in ${restored.objects} objects: ${restored.written} records written, ${restored.there} stood there already, ${restored.deleted} had ended.`,
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
