/** Who is let in, and what roles may do. */
import { type Json, resolve } from "../resolve.ts";
import { all, type Rule, text, when } from "./rule.ts";

/** Actions that AWS has no resource for. */
const WITHOUT_RESOURCE =
  /^(?:xray:|ecr:GetAuthorizationToken$|cloudwatch:PutMetricData$|logs:(?:\w*LogDelivery|ListLogDeliveries|Describe\w+|PutResourcePolicy)$|cloudfront:(?:Create|Get)Invalidation$|dynamodb:ListStreams$)/;

/** Policies that let somebody in from outside: each names who, and from where. */
export const resourcePolicies: Rule = (stacks) => {
  const documents: [string, Json][] = [
    ...all(stacks, "AWS::S3::BucketPolicy").map(({ id, properties }): [string, Json] => [
      id,
      properties.PolicyDocument,
    ]),
    ...all(stacks, "AWS::SNS::TopicPolicy").map(({ id, properties }): [string, Json] => [
      id,
      properties.PolicyDocument,
    ]),
    ...all(stacks, "AWS::SQS::QueuePolicy").map(({ id, properties }): [string, Json] => [
      id,
      properties.PolicyDocument,
    ]),
    ...all(stacks, "AWS::KMS::Key").map(({ id, properties }): [string, Json] => [id, properties.KeyPolicy]),
    ...all(stacks, "AWS::IAM::Role").map(({ id, properties }): [string, Json] => [
      id,
      properties.AssumeRolePolicyDocument,
    ]),
  ];
  const open = documents.flatMap(([id, document]) =>
    document.Statement.filter(
      (s: Json) => s.Effect === "Allow" && (s.Principal === "*" || [s.Principal?.AWS].flat().includes("*")),
    ).map(() => `${id}: anybody is let in`),
  );
  const confused = all(stacks, "AWS::IAM::Role").flatMap(({ id, properties }) =>
    properties.AssumeRolePolicyDocument.Statement.filter(
      (s: Json) =>
        /"(?:states|sagemaker)\.amazonaws\.com"/.test(text(s.Principal)) &&
        !text(s.Condition).includes("aws:SourceAccount"),
    ).map(() => `${id}: another account's service may use it`),
  );
  const permissions = all(stacks, "AWS::Lambda::Permission").flatMap(({ id, properties: p }) =>
    when(p.SourceArn === undefined, `${id}: anything of ${p.Principal} may invoke the function`),
  );
  return [...open, ...confused, ...permissions];
};

export const identityPolicies: Rule = (stacks) =>
  all(stacks, "AWS::IAM::Policy").flatMap(({ stack, id, properties }) =>
    (resolve(stacks, stack, properties.PolicyDocument.Statement) as Json[]).flatMap((statement) => {
      if (statement.Effect !== "Allow") return [];
      const actions = [statement.Action].flat() as string[];
      const resources = [statement.Resource].flat() as string[];
      const everything =
        resources.includes("*") || resources.some((one) => /^arn:aws:\w+:\*|^arn:aws:s3:::\*/.test(one));
      return [
        ...actions
          .filter((action) => action === "*" || /^\w+:\*$/.test(action))
          .map((action) => `${id}: allows ${action}`),
        ...when(
          everything && !actions.every((action) => WITHOUT_RESOURCE.test(action)),
          `${id}: ${actions.join(", ")} on everything`,
        ),
      ];
    }),
  );
