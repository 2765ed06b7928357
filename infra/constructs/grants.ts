/** A function's access, as IAM statements and environment: one call sets both, so they can't drift apart. */
import { Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { Access, PortName } from "../access.ts";
import type { Foundation } from "../foundation.ts";

const OBJECT_ACTIONS: Record<string, string[]> = {
  get: ["s3:GetObject"],
  getRange: ["s3:GetObject"],
  head: ["s3:GetObject"],
  put: ["s3:PutObject"],
  delete: ["s3:DeleteObject"],
  list: [],
};
const RECORD_ACTIONS: Record<string, string[]> = {
  get: ["dynamodb:GetItem"],
  put: ["dynamodb:UpdateItem"],
  delete: ["dynamodb:DeleteItem"],
  query: ["dynamodb:Query"],
  // A transaction is allowed by what it consists of.
  transact: ["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"],
};
const TOKEN_ACTIONS: Record<string, string[]> = {
  succeed: ["states:SendTaskSuccess"],
  fail: ["states:SendTaskFailure"],
  heartbeat: ["states:SendTaskHeartbeat"],
};

/** Lets a function do what its code was seen to do, and nothing else. */
export function bindAccess(target: LambdaFunction, access: Access, foundation: Foundation): void {
  const { partition, region, account } = Stack.of(target);
  const allow = (
    actions: string[],
    resources: string[],
    conditions?: Record<string, Record<string, string | string[]>>,
  ) => {
    const unique = [...new Set(actions)].sort();
    if (unique.length > 0)
      target.addToRolePolicy(
        new PolicyStatement({ actions: unique, resources, ...(conditions ? { conditions } : {}) }),
      );
  };
  const used = (port: PortName) => access.calls[port] ?? [];
  const actionsOf = (port: PortName, table: Record<string, string[]>) =>
    used(port).flatMap((method) => table[method] ?? []);

  if (used("objects").length > 0) {
    const places = ["campaigns/*", "weights/*", ...(access.sealedTruth ? ["sealed/*"] : [])];
    const { bucketArn, bucketName } = foundation.bucket;
    const objectActions = actionsOf("objects", OBJECT_ACTIONS);
    allow(
      objectActions.filter((action) => action !== "s3:PutObject"),
      places.map((place) => `${bucketArn}/${place}`),
    );
    const writable = places.filter((place) => place !== "weights/*");
    allow(
      objectActions.filter((action) => action === "s3:PutObject"),
      writable.map((place) => `${bucketArn}/${place}`),
    );
    // Without it S3 says 403 instead of 404 of a key that is not there.
    allow(["s3:ListBucket"], [bucketArn], { StringLike: { "s3:prefix": places } });
    target.addEnvironment("BUCKET", bucketName);
  }
  if (used("records").length > 0) {
    allow(actionsOf("records", RECORD_ACTIONS), [foundation.table.tableArn]);
    target.addEnvironment("TABLE", foundation.table.tableName);
  }
  allow(
    actionsOf("tokens", TOKEN_ACTIONS),
    Object.values(foundation.machines).map(({ arn }) => arn),
  );
  if (used("sealer").length > 0) {
    const sealing = [
      ...(used("sealer").includes("seal") ? ["kms:Encrypt"] : []),
      ...(used("sealer").includes("open") ? ["kms:Decrypt"] : []),
    ];
    allow(sealing, [foundation.sealKey.keyArn]);
    if (used("sealer").includes("sign")) allow(["kms:GenerateMac"], [foundation.signKey.keyArn]);
    target.addEnvironment("SEAL_KEY", foundation.sealKey.keyArn);
    target.addEnvironment("SIGN_KEY", foundation.signKey.keyArn);
  }
  if (used("notifier").length > 0) {
    const topics = foundation.topics;
    allow(
      ["sns:Publish"],
      Object.values(topics).map(({ topicArn }) => topicArn),
    );
    allow(["kms:Decrypt", "kms:GenerateDataKey"], [foundation.sealKey.keyArn], {
      StringEquals: { "kms:ViaService": `sns.${region}.amazonaws.com` },
    });
    target.addEnvironment("TOPIC_DATA_TEAM", topics["data-team"].topicArn);
    target.addEnvironment("TOPIC_VENDOR", topics.vendor.topicArn);
    target.addEnvironment("TOPIC_OWNER", topics.owner.topicArn);
  }
  if (used("workflows").length > 0) {
    const started = access.machines.map((name) => foundation.machines[name as keyof typeof foundation.machines]);
    if (started.length > 0) {
      allow(
        ["states:StartExecution"],
        started.flatMap(({ arn }) => [arn, `${arn}:live`]),
      );
    }
    const all = started.length > 0 ? started : Object.values(foundation.machines);
    const seen = ["states:DescribeExecution"];
    if (used("workflows").includes("history")) seen.push("states:GetExecutionHistory");
    if (used("workflows").includes("stop")) seen.push("states:StopExecution");
    const names = used("workflows").some((method) => method !== "start") ? Object.values(foundation.machines) : all;
    allow(
      seen,
      names.map(({ name }) => `arn:${partition}:states:${region}:${account}:execution:${name}:*`),
    );
    for (const [machine, { arn }] of Object.entries(foundation.machines))
      target.addEnvironment(`MACHINE_${machine.toUpperCase()}`, `${arn}:live`);
  }
  if (used("endpoints").length > 0)
    allow(["sagemaker:InvokeEndpoint"], [`arn:${partition}:sagemaker:${region}:${account}:endpoint/*`]);
}
