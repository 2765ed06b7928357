import { type Json, properties, resources, statement, statements, type TemplateFault } from "./fault.ts";

const template = (name: string, expect: string, edit: (stacks: Record<string, Json>) => void): TemplateFault => ({
  kind: "template",
  name,
  expect,
  edit,
});
const iam = (name: string, expect: string, edit: (stacks: Record<string, Json>) => void): TemplateFault => ({
  kind: "iam",
  name,
  expect,
  edit,
});

export const templateFaults: TemplateFault[] = [
  template(
    "public access allowed",
    "nag",
    ({ Data }) => delete properties(Data, "AWS::S3::Bucket", /^Objects/).PublicAccessBlockConfiguration,
  ),
  template(
    "no encryption of objects",
    "assert",
    ({ Data }) => delete properties(Data, "AWS::S3::Bucket", /^Objects/).BucketEncryption,
  ),
  template(
    "no versions of objects",
    "assert",
    ({ Data }) => delete properties(Data, "AWS::S3::Bucket", /^Objects/).VersioningConfiguration,
  ),
  template("no events from the bucket", "assert", ({ Data }) => {
    for (const [id, resource] of Object.entries(Data.Resources as Record<string, Json>))
      if (resource.Type === "Custom::S3BucketNotifications") delete Data.Resources[id];
    delete properties(Data, "AWS::S3::Bucket", /^Objects/).NotificationConfiguration;
  }),
  template("plain HTTP to the bucket", "assert", ({ Data }) => {
    for (const policy of resources(Data, "AWS::S3::BucketPolicy"))
      policy.Properties.PolicyDocument.Statement = policy.Properties.PolicyDocument.Statement.filter(
        (s: Json) => s.Effect !== "Deny",
      );
  }),
  template(
    "no access log",
    "nag",
    ({ Data }) => delete properties(Data, "AWS::S3::Bucket", /^Objects/).LoggingConfiguration,
  ),
  template(
    "approvals can be changed",
    "assert",
    ({ Data }) => delete properties(Data, "AWS::S3::Bucket", /^Audit/).ObjectLockEnabled,
  ),
  template(
    "approvals are kept for no time",
    "assert",
    ({ Data }) => delete properties(Data, "AWS::S3::Bucket", /^Audit/).ObjectLockConfiguration,
  ),
  template(
    "records can't be restored",
    "nag",
    ({ Data }) => delete properties(Data, "AWS::DynamoDB::Table").PointInTimeRecoverySpecification,
  ),
  template("records without sort key", "assert", ({ Data }) =>
    properties(Data, "AWS::DynamoDB::Table").KeySchema.pop(),
  ),
  template(
    "records at fixed capacity",
    "assert",
    ({ Data }) => (properties(Data, "AWS::DynamoDB::Table").BillingMode = "PROVISIONED"),
  ),
  template(
    "a key that signs can encrypt",
    "assert",
    ({ Data }) => (properties(Data, "AWS::KMS::Key", /^SignKey/).KeyUsage = "ENCRYPT_DECRYPT"),
  ),
  template(
    "the sealing key does not rotate",
    "nag",
    ({ Data }) => delete properties(Data, "AWS::KMS::Key", /^SealKey/).EnableKeyRotation,
  ),
  template("a topic in plain text", "assert", ({ Data }) => delete properties(Data, "AWS::SNS::Topic").KmsMasterKeyId),
  template("the table's logical id changes", "assert", ({ Data }) => {
    const id = Object.keys(Data.Resources).find(
      (name) => Data.Resources[name].Type === "AWS::DynamoDB::Table",
    ) as string;
    Data.Resources.RecordsNew = Data.Resources[id];
    delete Data.Resources[id];
  }),
  template(
    "an old runtime",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Lambda::Function", /^offerlot/).Runtime = "nodejs20.x"),
  ),
  template(
    "the wrong processor",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Lambda::Function", /^offerlot/).Architectures = ["x86_64"]),
  ),
  template(
    "a handler that is not there",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Lambda::Function", /^offerlot/).Handler = "main.handler"),
  ),
  template(
    "a function that gives up before its state",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Lambda::Function", /^settlewave/).Timeout = 3),
  ),
  template(
    "a function without its table",
    "assert",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Lambda::Function", /^offerlot/).Environment.Variables.TABLE,
  ),
  template(
    "a function without its key",
    "assert",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Lambda::Function", /^offerlot/).Environment.Variables.SEAL_KEY,
  ),
  template(
    "the admission image by tag",
    "assert",
    ({ Pipeline }) =>
      (properties(Pipeline, "AWS::Lambda::Function", /^admitimages/).Code = {
        ImageUri: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/countersign-dev-admission:latest",
      }),
  ),
  template(
    "admission in 128 MB",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Lambda::Function", /^admitimages/).MemorySize = 128),
  ),
  template(
    "logs for ever",
    "assert",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Logs::LogGroup", /^offerlot/).RetentionInDays,
  ),
  template("the definition is not the file's", "assert", ({ Pipeline }) => {
    const machine = properties(Pipeline, "AWS::StepFunctions::StateMachine", /^lot/);
    machine.DefinitionString = machine.DefinitionString.replace('"Next": "InspectLot"', '"Next": "AcceptLot"');
  }),
  template("a placeholder filled with another stage", "assert", ({ Pipeline }) => {
    const { DefinitionSubstitutions: values } = properties(Pipeline, "AWS::StepFunctions::StateMachine", /^lot/);
    values.AcceptLot = values.CloseLot;
  }),
  template(
    "a placeholder left empty",
    "assert",
    ({ Pipeline }) =>
      delete properties(Pipeline, "AWS::StepFunctions::StateMachine", /^campaign/).DefinitionSubstitutions.Bucket,
  ),
  template("training under the serving role", "assert", ({ Pipeline }) => {
    const serving = properties(Pipeline, "AWS::StepFunctions::StateMachine", /^release/).DefinitionSubstitutions
      .ServingRoleArn;
    properties(Pipeline, "AWS::StepFunctions::StateMachine", /^campaign/).DefinitionSubstitutions.TrainingRoleArn =
      serving;
  }),
  template(
    "states logged with people's data",
    "assert",
    ({ Pipeline }) =>
      (properties(Pipeline, "AWS::StepFunctions::StateMachine").LoggingConfiguration.IncludeExecutionData = true),
  ),
  template(
    "no trace",
    "nag",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::StepFunctions::StateMachine").TracingConfiguration,
  ),
  template(
    "the alias follows no version",
    "assert",
    ({ Pipeline }) =>
      (properties(Pipeline, "AWS::StepFunctions::StateMachineAlias").DeploymentPreference.StateMachineVersionArn =
        "arn:aws:states:eu-central-1:123456789012:stateMachine:x:1"),
  ),
  template(
    "intake listens to another bucket's events",
    "assert",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Events::Rule", /^Intake/).EventPattern.detail.bucket,
  ),
  template(
    "intake starts on every object",
    "assert",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Events::Rule", /^Intake/).EventPattern.detail.object,
  ),
  template(
    "a lost intake event is lost",
    "assert",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Events::Rule", /^Intake/).Targets[0].DeadLetterConfig,
  ),
  template(
    "the sweep runs yearly",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Events::Rule", /^Sweep/).ScheduleExpression = "rate(365 days)"),
  ),
  template(
    "the sweep is off",
    "assert",
    ({ Pipeline }) => (properties(Pipeline, "AWS::Events::Rule", /^Sweep/).State = "DISABLED"),
  ),
  template("any digest will do", "assert", ({ Pipeline }) => delete Pipeline.Parameters.trainingDigest.AllowedPattern),
  template(
    "images can be overwritten",
    "assert",
    ({ Images }) => (properties(Images, "AWS::ECR::Repository").ImageTagMutability = "MUTABLE"),
  ),
  template("predict open to the world", "assert", ({ Portal }) => {
    for (const route of resources(Portal, "AWS::ApiGatewayV2::Route"))
      if (String(route.Properties.RouteKey).includes("/predict")) route.Properties.AuthorizationType = "NONE";
  }),
  template("predict without its scope", "assert", ({ Portal }) => {
    for (const route of resources(Portal, "AWS::ApiGatewayV2::Route")) delete route.Properties.AuthorizationScopes;
  }),
  template(
    "the portal takes any number of requests",
    "assert",
    ({ Portal }) => delete properties(Portal, "AWS::ApiGatewayV2::Stage").DefaultRouteSettings,
  ),
  template(
    "pages over plain HTTP",
    "assert",
    ({ Portal }) =>
      (properties(
        Portal,
        "AWS::CloudFront::Distribution",
      ).DistributionConfig.DefaultCacheBehavior.ViewerProtocolPolicy = "allow-all"),
  ),
  template(
    "pages without a content security policy",
    "assert",
    ({ Portal }) =>
      delete properties(Portal, "AWS::CloudFront::ResponseHeadersPolicy").ResponseHeadersPolicyConfig
        .SecurityHeadersConfig.ContentSecurityPolicy,
  ),
  template(
    "answers of the API are cached",
    "assert",
    ({ Portal }) =>
      (properties(Portal, "AWS::CloudFront::Distribution").DistributionConfig.CacheBehaviors[0].CachePolicyId =
        "658327ea-f89d-4fab-a63d-7e88639e58f6"),
  ),
  template(
    "anybody can sign up",
    "assert",
    ({ Portal }) =>
      (properties(Portal, "AWS::Cognito::UserPool").AdminCreateUserConfig.AllowAdminCreateUserOnly = false),
  ),
  template(
    "an alarm that tells nobody",
    "assert",
    ({ Observability }) => delete properties(Observability, "AWS::CloudWatch::Alarm").AlarmActions,
  ),
  template(
    "an alarm that never rings",
    "assert",
    ({ Observability }) => (properties(Observability, "AWS::CloudWatch::Alarm", /^campaignfailed/).Threshold = 1e9),
  ),
  template(
    "an alarm without a page in the runbook",
    "assert",
    ({ Observability }) => (properties(Observability, "AWS::CloudWatch::Alarm").AlarmDescription = "something"),
  ),
  template("a workflow without an alarm", "assert", ({ Observability }) => {
    const id = Object.keys(Observability.Resources).find((name) => name.startsWith("lotfailed")) as string;
    delete Observability.Resources[id];
  }),
  template(
    "a silent sweep rings no alarm",
    "assert",
    ({ Observability }) =>
      (properties(Observability, "AWS::CloudWatch::Alarm", /^sweepsilent/).TreatMissingData = "notBreaching"),
  ),
  template("no budget", "assert", ({ Observability }) => {
    const id = Object.keys(Observability.Resources).find(
      (name) => Observability.Resources[name].Type === "AWS::Budgets::Budget",
    ) as string;
    delete Observability.Resources[id];
  }),
  template(
    "an instance that idles",
    "assert",
    ({ Pipeline }) =>
      (Pipeline.Resources.Idle = { Type: "AWS::SageMaker::Endpoint", Properties: { EndpointConfigName: "x" } }),
  ),
  template(
    "provisioned concurrency",
    "assert",
    ({ Pipeline }) =>
      (Pipeline.Resources.Warm = {
        Type: "AWS::Lambda::Alias",
        Properties: { ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 } },
      }),
  ),

  iam("a stage may do everything", "iam", ({ Pipeline }) =>
    statements(Pipeline, /^offerlot/).push({ Effect: "Allow", Action: "*", Resource: "*" }),
  ),
  iam(
    "a stage may do all of S3",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^offerlot/, "s3:GetObject").Action = "s3:*"),
  ),
  iam(
    "a stage may read the sealed truth",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^offerlot/, "s3:GetObject").Resource = "arn:aws:s3:::*/*"),
  ),
  iam("a stage may not read its records", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^offerlot/, "dynamodb:GetItem");
    one.Action = one.Action.filter((action: string) => action !== "dynamodb:GetItem");
  }),
  iam("a stage may not write its objects", "iam", ({ Pipeline }) => {
    const document = properties(Pipeline, "AWS::IAM::Policy", /^plan?wave/).PolicyDocument;
    for (const one of document.Statement)
      one.Action = [one.Action].flat().filter((action: string) => action !== "s3:PutObject");
    document.Statement = document.Statement.filter((one: Json) => one.Action.length > 0);
  }),
  iam("a stage may not answer tokens", "iam", ({ Pipeline }) => {
    const document = properties(Pipeline, "AWS::IAM::Policy", /^closelot/).PolicyDocument;
    document.Statement = document.Statement.filter((one: Json) => one.Action !== "states:SendTaskSuccess");
  }),
  iam("a stage may not look into the bucket: 403 instead of 404", "iam", ({ Pipeline }) => {
    const document = properties(Pipeline, "AWS::IAM::Policy", /^offerlot/).PolicyDocument;
    document.Statement = document.Statement.filter((one: Json) => one.Action !== "s3:ListBucket");
  }),
  iam("a stage may delete the table", "iam", ({ Pipeline }) =>
    statement(Pipeline, /^offerlot/, "dynamodb:GetItem").Action.push("dynamodb:DeleteTable"),
  ),
  iam(
    "a stage may read other tables",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^offerlot/, "dynamodb:GetItem").Resource = "*"),
  ),
  iam("a stage may pass roles", "iam", ({ Pipeline }) =>
    statements(Pipeline, /^offerlot/).push({ Effect: "Allow", Action: "iam:PassRole", Resource: "*" }),
  ),
  iam(
    "a stage may use every key",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^offerlot/, "kms:Decrypt").Resource = "*"),
  ),
  iam(
    "a stage may start any workflow",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^dispatchlots/, "states:StartExecution").Resource = "*"),
  ),
  iam("the workflow may not start its stage", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^lotWorkflow/, "lambda:InvokeFunction");
    one.Resource = one.Resource.slice(1);
  }),
  iam(
    "the workflow may start any function",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^lotWorkflow/, "lambda:InvokeFunction").Resource = "*"),
  ),
  iam(
    "the workflow may pass any role",
    "iam",
    ({ Pipeline }) => (statement(Pipeline, /^campaignWorkflow/, "iam:PassRole").Resource = "*"),
  ),
  iam(
    "the workflow may pass its role to any service",
    "iam",
    ({ Pipeline }) => delete statement(Pipeline, /^campaignWorkflow/, "iam:PassRole").Condition,
  ),
  iam("the workflow may not hear of finished jobs", "iam", ({ Pipeline }) => {
    const document = properties(Pipeline, "AWS::IAM::Policy", /^campaignWorkflow/).PolicyDocument;
    document.Statement = document.Statement.filter((one: Json) => ![one.Action].flat().includes("events:PutRule"));
  }),
  iam("the workflow may not stop its jobs", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^campaignWorkflow/, "sagemaker:StopTrainingJob");
    one.Action = one.Action.filter((action: string) => action !== "sagemaker:StopTrainingJob");
  }),
  iam("the map may not start its children", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^campaignWorkflow/, "states:StartExecution");
    one.Resource = [one.Resource].flat().slice(1);
  }),
  iam("the map may not write its results", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^campaignWorkflow/, "s3:PutObject");
    one.Action = one.Action.filter((action: string) => action !== "s3:PutObject");
  }),
  iam("training may read the sealed truth", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^JobsTraining/, "s3:GetObject");
    one.Resource.push(JSON.parse(JSON.stringify(one.Resource[0]).replace("/campaigns/*", "/sealed/*")));
  }),
  iam("evaluation may not read the sealed truth", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^JobsEvaluation/, "s3:GetObject");
    one.Resource = one.Resource.filter((resource: Json) => !JSON.stringify(resource).includes("sealed"));
  }),
  iam("serving may write objects", "iam", ({ Pipeline }) => {
    const one = statement(Pipeline, /^JobsServing/, "s3:GetObject");
    one.Action = ["s3:GetObject", "s3:PutObject"];
  }),
  iam(
    "anybody may assume the training role",
    "iam",
    ({ Pipeline }) =>
      (properties(Pipeline, "AWS::IAM::Role", /^JobsTraining/).AssumeRolePolicyDocument.Statement[0].Principal = {
        AWS: "*",
      }),
  ),
  iam(
    "a stage's role for another account's service",
    "iam",
    ({ Pipeline }) =>
      delete properties(Pipeline, "AWS::IAM::Role", /^campaignWorkflow/).AssumeRolePolicyDocument.Statement[0]
        .Condition,
  ),
  iam("vendors' pages may read the sealed truth", "iam", ({ Portal }) => {
    const one = statement(Portal, /^vendors/, "s3:GetObject");
    one.Resource = [one.Resource]
      .flat()
      .concat(JSON.parse(JSON.stringify([one.Resource].flat()[0]).replace("/campaigns/*", "/sealed/*")));
  }),
  iam("vendors' pages may start workflows", "iam", ({ Portal }) =>
    statements(Portal, /^vendors/).push({ Effect: "Allow", Action: "states:StartExecution", Resource: "*" }),
  ),
  iam(
    "the predict front may write records of any table",
    "iam",
    ({ Portal }) => (statement(Portal, /^callers/, "dynamodb:UpdateItem").Resource = "arn:aws:dynamodb:*:*:table/*"),
  ),
  iam("people's pages may seal tokens", "iam", ({ Portal }) =>
    statements(Portal, /^people/).push({ Effect: "Allow", Action: "kms:Encrypt", Resource: "*" }),
  ),
  iam("anybody may write into the bucket", "iam", ({ Data }) =>
    properties(Data, "AWS::S3::BucketPolicy").PolicyDocument.Statement.push({
      Effect: "Allow",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: "*",
    }),
  ),
  iam("anybody may publish to a topic", "iam", ({ Data }) =>
    properties(Data, "AWS::SNS::TopicPolicy").PolicyDocument.Statement.push({
      Effect: "Allow",
      Principal: "*",
      Action: "sns:Publish",
      Resource: "*",
    }),
  ),
  iam("anybody may use the sealing key", "iam", ({ Data }) =>
    properties(Data, "AWS::KMS::Key", /^SealKey/).KeyPolicy.Statement.push({
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: "kms:Decrypt",
      Resource: "*",
    }),
  ),
  iam("the build may push to any repository", "iam", ({ Images }) => {
    for (const one of resources(Images, "AWS::IAM::Policy").flatMap(
      (policy) => policy.Properties.PolicyDocument.Statement,
    ))
      if ([one.Action].flat().includes("ecr:PutImage")) one.Resource = "*";
  }),
  iam(
    "any function may be invoked by any rule",
    "iam",
    ({ Pipeline }) => delete properties(Pipeline, "AWS::Lambda::Permission").SourceArn,
  ),
];
