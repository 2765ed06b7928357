/** Buckets, records, keys and images: what survives, and who can read it. */
import { readFileSync } from "node:fs";
import type { Json } from "../resolve.ts";
import { all, type Rule, text, when } from "./rule.ts";

export const buckets: Rule = (stacks) =>
  all(stacks, "AWS::S3::Bucket").flatMap(({ stack, id, properties: p }) => {
    const closed = p.PublicAccessBlockConfiguration ?? {};
    const policies = all(stacks, "AWS::S3::BucketPolicy").filter(
      (one) => one.stack === stack && one.properties.Bucket?.Ref === id,
    );
    const tls = policies.some((one) =>
      one.properties.PolicyDocument.Statement.some(
        (s: Json) => s.Effect === "Deny" && text(s.Condition).includes('"aws:SecureTransport":"false"'),
      ),
    );
    return [
      ...when(
        !["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"].every(
          (key) => closed[key] === true,
        ),
        `${id}: public access is not blocked`,
      ),
      ...when(p.BucketEncryption === undefined, `${id}: no encryption`),
      ...when(!tls, `${id}: plain HTTP is not refused`),
      ...when(p.VersioningConfiguration?.Status !== "Enabled" && !id.startsWith("AccessLogs"), `${id}: no versions`),
      ...when(p.LoggingConfiguration === undefined && !id.startsWith("AccessLogs"), `${id}: no access log`),
      ...when(
        id.startsWith("Objects") && p.NotificationConfiguration?.EventBridgeConfiguration === undefined,
        `${id}: tells EventBridge nothing, no intake ever starts`,
      ),
      ...when(id.startsWith("Audit") && p.ObjectLockEnabled !== true, `${id}: approvals can be changed`),
      ...when(
        id.startsWith("Audit") && p.ObjectLockConfiguration?.Rule?.DefaultRetention === undefined,
        `${id}: approvals are kept for no time`,
      ),
    ];
  });

export const records: Rule = (stacks) =>
  all(stacks, "AWS::DynamoDB::Table").flatMap(({ id, properties: p }) => [
    ...when(
      text(p.KeySchema) !== '[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]',
      `${id}: the key is not pk, sk`,
    ),
    ...when(p.BillingMode !== "PAY_PER_REQUEST", `${id}: capacity that is paid while idle`),
    ...when(p.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled !== true, `${id}: can't be restored`),
  ]);

export const keysAndTopics: Rule = (stacks) => [
  ...all(stacks, "AWS::KMS::Key").flatMap(({ id, properties: p }) => [
    ...when(
      id.startsWith("SignKey") && (p.KeyUsage !== "GENERATE_VERIFY_MAC" || p.KeySpec !== "HMAC_256"),
      `${id}: is no key that signs`,
    ),
    ...when(id.startsWith("SealKey") && p.EnableKeyRotation !== true, `${id}: does not rotate`),
  ]),
  ...all(stacks, "AWS::SNS::Topic").flatMap(({ id, properties: p }) =>
    when(p.KmsMasterKeyId === undefined, `${id}: notices lie in plain text`),
  ),
];

export const images: Rule = (stacks) => [
  ...Object.entries(stacks.Pipeline.Parameters ?? {})
    .filter(([name]) => name.endsWith("Digest"))
    .flatMap(([name, parameter]) =>
      when((parameter as Json).AllowedPattern !== "^sha256:[0-9a-f]{64}$", `${name}: takes what is no digest`),
    ),
  ...all(stacks, "AWS::ECR::Repository").flatMap(({ id, properties: p }) => [
    ...when(p.ImageTagMutability !== "IMMUTABLE", `${id}: an image can be replaced under its name`),
    ...when(p.ImageScanningConfiguration?.ScanOnPush !== true, `${id}: images are not scanned`),
  ]),
];

/** Logical ids of what survives, frozen: a changed one would be a new, empty table. */
export const statefulIds: Rule = (stacks) => {
  const frozen = JSON.parse(readFileSync(new URL("../stateful-ids.json", import.meta.url), "utf8")) as Record<
    string,
    string
  >;
  return Object.entries(frozen).flatMap(([id, type]) =>
    when(
      stacks.Data.Resources[id]?.Type !== type,
      `Data ${id}: the ${type} of this logical id is gone; its data would be left behind`,
    ),
  );
};
