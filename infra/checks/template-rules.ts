/** What the synthesized templates must do, as rules: each says what is wrong, where, in words. */
import { readFileSync } from "node:fs";
import {
  definitionText,
  MACHINES,
  type MachineName,
  placeholders,
  stageName,
  stagePlaceholders,
} from "../../workflow/definition.ts";
import type { Access, PortName } from "../access.ts";
import { type Json, resolve, type Stacks } from "./resolve.ts";

type Rule = (stacks: Stacks, access: Readonly<Record<string, Access>>) => string[];

/** Actions that AWS has no resource for. */
const WITHOUT_RESOURCE =
  /^(?:xray:|ecr:GetAuthorizationToken$|cloudwatch:PutMetricData$|logs:(?:\w*LogDelivery|ListLogDeliveries|Describe\w+|PutResourcePolicy)$|cloudfront:(?:Create|Get)Invalidation$|dynamodb:ListStreams$)/;
/** CachingDisabled, AWS's own policy. */
const NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
/** Types that cost by the hour while nobody works. */
const IDLE =
  /^AWS::(?:EC2::(?:Instance|NatGateway|VPC)|RDS::|SageMaker::(?:Endpoint|NotebookInstance|Domain)|ECS::|EKS::|OpenSearch|ElastiCache::|Kinesis::|WAFv2::WebACL)/;

/** Everything that is wrong with one environment's templates. `access`: what each function's code was seen to call. */
export function templateFindings(stacks: Stacks, access: Readonly<Record<string, Access>>): string[] {
  return RULES.flatMap((rule) => rule(stacks, access));
}

function all(stacks: Stacks, type: string): { stack: string; id: string; properties: Json; resource: Json }[] {
  return Object.entries(stacks).flatMap(([stack, template]) =>
    Object.entries(template.Resources as Record<string, Json>)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => ({ stack, id, properties: resource.Properties ?? {}, resource })),
  );
}
const text = (value: Json) => JSON.stringify(value) ?? "";
const ownFunctions = (stacks: Stacks) =>
  all(stacks, "AWS::Lambda::Function").filter(({ properties }) => typeof properties.FunctionName === "string");
const shortName = (functionName: string) => functionName.replace(/^countersign-[a-z]+-/, "");
const when = (wrong: boolean, what: string) => (wrong ? [what] : []);

const buckets: Rule = (stacks) =>
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

const records: Rule = (stacks) =>
  all(stacks, "AWS::DynamoDB::Table").flatMap(({ id, properties: p }) => [
    ...when(
      text(p.KeySchema) !== '[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]',
      `${id}: the key is not pk, sk`,
    ),
    ...when(p.BillingMode !== "PAY_PER_REQUEST", `${id}: capacity that is paid while idle`),
    ...when(p.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled !== true, `${id}: can't be restored`),
  ]);

const keysAndTopics: Rule = (stacks) => [
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

/** Services that publish to topics, and what they publish of: their right stands in the topic's and the key's own policy. */
const heard: Rule = (stacks) => {
  const told = [
    ...all(stacks, "AWS::CloudWatch::Alarm").map((one) => ({
      ...one,
      service: "cloudwatch",
      topics: one.properties.AlarmActions ?? [],
    })),
    ...all(stacks, "AWS::Budgets::Budget").map((one) => ({
      ...one,
      service: "budgets",
      topics: (one.properties.NotificationsWithSubscribers ?? []).flatMap((each: Json) =>
        each.Subscribers.map(({ Address }: Json) => Address),
      ),
    })),
  ];
  const allows = (statements: Json[], action: string, service: string) =>
    statements.some(
      (s) =>
        s.Effect === "Allow" &&
        [s.Action].flat().includes(action) &&
        [s.Principal?.Service].flat().includes(`${service}.amazonaws.com`),
    );
  return told.flatMap(({ stack, id, service, topics }) => {
    const wanted = topics.map((topic: Json) => text(resolve(stacks, stack, topic)));
    const published = all(stacks, "AWS::SNS::TopicPolicy").filter(({ stack: at, properties: p }) =>
      p.Topics.some((topic: Json) => wanted.includes(text(resolve(stacks, at, topic)))),
    );
    const keys = all(stacks, "AWS::KMS::Key").filter(({ id: key }) => key.startsWith("SealKey"));
    return [
      ...when(
        published.length === 0 ||
          !published.every(({ properties: p }) => allows(p.PolicyDocument.Statement, "sns:Publish", service)),
        `${id}: its topic does not let ${service} publish, nobody is told`,
      ),
      ...when(
        !keys.every(({ properties: p }) => allows(p.KeyPolicy.Statement, "kms:GenerateDataKey", service)),
        `${id}: its topic's key does not let ${service} encrypt, nobody is told`,
      ),
    ];
  });
};

/** Policies that let somebody in from outside: each names who, and from where. */
const resourcePolicies: Rule = (stacks) => {
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

const identityPolicies: Rule = (stacks) =>
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

const SETTINGS: Record<PortName, string[]> = {
  objects: ["BUCKET"],
  records: ["TABLE"],
  tokens: [],
  sealer: ["SEAL_KEY", "SIGN_KEY"],
  notifier: ["TOPIC_DATA_TEAM", "TOPIC_VENDOR", "TOPIC_OWNER"],
  workflows: MACHINES.map((machine) => `MACHINE_${machine.toUpperCase()}`),
  endpoints: [],
};

const functions: Rule = (stacks, access) =>
  ownFunctions(stacks).flatMap(({ id, properties: p }) => {
    const name = shortName(p.FunctionName);
    const image = p.PackageType === "Image";
    const needed = (Object.keys(access[name]?.calls ?? {}) as PortName[]).flatMap((port) => SETTINGS[port]);
    return [
      ...when(!image && p.Runtime !== "nodejs24.x", `${id}: runs on ${p.Runtime}`),
      ...when(text(p.Architectures) !== '["arm64"]', `${id}: is not on arm64`),
      ...when(!image && p.Handler !== "index.handler", `${id}: ${p.Handler} is not in its bundle`),
      ...when(image && !text(p.Code.ImageUri).includes('"@",{"Ref":"'), `${id}: its image is not named by digest`),
      ...when(image && Number(p.MemorySize) < 1769, `${id}: ${p.MemorySize} MB are too few to decode in`),
      ...when(p.TracingConfig?.Mode !== "Active", `${id}: leaves no trace`),
      ...needed
        .filter((setting) => p.Environment?.Variables?.[setting] === undefined)
        .map((setting) => `${id}: ${setting} is not set`),
      ...when(p.LoggingConfig?.LogGroup === undefined, `${id}: logs into a group that is kept for ever`),
    ];
  });

const logs: Rule = (stacks) =>
  all(stacks, "AWS::Logs::LogGroup").flatMap(({ id, properties: p }) =>
    when(p.RetentionInDays === undefined, `${id}: is kept for ever`),
  );

const workflows: Rule = (stacks) =>
  all(stacks, "AWS::StepFunctions::StateMachine").flatMap(({ stack, id, properties: p }) => {
    const machine = shortName(p.StateMachineName) as MachineName;
    const file = definitionText(machine);
    const values = resolve(stacks, stack, p.DefinitionSubstitutions ?? {}) as Record<string, string>;
    const stages = stagePlaceholders(file);
    const environment = /^countersign-([a-z]+)-/.exec(p.StateMachineName)?.[1];
    const role = (name: string) => String(values[name] ?? "");
    const timeouts = Object.fromEntries(
      ownFunctions(stacks).map(({ properties }) => [shortName(properties.FunctionName), Number(properties.Timeout)]),
    );
    const invoked = stageTimeouts(JSON.parse(file));
    return [
      ...when(p.DefinitionString !== file, `${id}: the definition is not the file's text`),
      ...placeholders(file)
        .filter((name) => !values[name])
        .map((name) => `${id}: \${${name}} is left empty`),
      ...stages
        .filter(
          (name) => values[name] && !values[name]?.endsWith(`:function:countersign-${environment}-${stageName(name)}`),
        )
        .map((name) => `${id}: \${${name}} is ${values[name]}`),
      ...["Training", "Evaluation", "Serving"]
        .filter((kind) => values[`${kind}RoleArn`] && !role(`${kind}RoleArn`).includes(`/Jobs${kind}`))
        .map((kind) => `${id}: \${${kind}RoleArn} is another job's role`),
      ...["Training", "Serving"]
        .filter((kind) => values[`${kind}Image`] && !/@sha256:[0-9a-f]{64}$/.test(role(`${kind}Image`)))
        .map((kind) => `${id}: \${${kind}Image} is not named by digest`),
      ...when(p.LoggingConfiguration?.IncludeExecutionData !== false, `${id}: what people said is logged`),
      ...when(p.TracingConfiguration?.Enabled !== true, `${id}: leaves no trace`),
      ...Object.entries(invoked)
        .filter(([name, seconds]) => (timeouts[name] ?? 0) < Math.min(seconds, 900))
        .map(
          ([name, seconds]) => `${name}: its function gives up after ${timeouts[name]} s, its state waits ${seconds}`,
        ),
    ];
  });

/** Seconds that each stage's state waits for it, where the file says a number. */
function stageTimeouts(definition: Json): Record<string, number> {
  const found: Record<string, number> = {};
  const visit = (states: Json): void => {
    for (const state of Object.values(states) as Json[]) {
      const name = /^\$\{(\w+)\}$/.exec(state.Arguments?.FunctionName ?? "")?.[1];
      if (name)
        found[stageName(name)] = Math.max(
          found[stageName(name)] ?? 0,
          typeof state.TimeoutSeconds === "number" ? state.TimeoutSeconds : 60,
        );
      if (state.ItemProcessor) visit(state.ItemProcessor.States);
    }
  };
  visit(definition.States);
  return found;
}

const aliases: Rule = (stacks) =>
  all(stacks, "AWS::StepFunctions::StateMachineAlias").flatMap(({ stack, id, properties: p }) => {
    const version = p.DeploymentPreference?.StateMachineVersionArn?.["Fn::GetAtt"]?.[0];
    return when(
      stacks[stack].Resources[version]?.Type !== "AWS::StepFunctions::StateMachineVersion" || p.Name !== "live",
      `${id}: follows no version of its state machine`,
    );
  });

const RATES = [
  ["Sweep", "rate(1 hour)"],
  ["Watch", "rate(5 minutes)"],
  ["Monitor", "rate(1 day)"],
] as const;

const reactions: Rule = (stacks) =>
  all(stacks, "AWS::Events::Rule").flatMap(({ id, properties: p }) => {
    const key = p.EventPattern?.detail?.object?.key?.[0]?.wildcard;
    const wantedKey = id.startsWith("Intake") ? "campaigns/*/intakes/*/_SUCCESS" : "campaigns/*/approvals/*";
    const wantedRate = RATES.find(([name]) => id.startsWith(name))?.[1];
    return [
      ...when(p.State !== undefined && p.State !== "ENABLED", `${id}: is off`),
      ...p.Targets.flatMap((target: Json) =>
        when(target.DeadLetterConfig === undefined, `${id}: an event that fails is lost`),
      ),
      ...when(
        p.EventPattern !== undefined && p.EventPattern.detail?.bucket?.name === undefined,
        `${id}: hears every bucket of the account`,
      ),
      ...when(p.EventPattern !== undefined && key !== wantedKey, `${id}: answers ${String(key)}, not ${wantedKey}`),
      ...when(
        p.EventPattern === undefined && p.ScheduleExpression !== wantedRate,
        `${id}: runs at ${p.ScheduleExpression}, not at ${wantedRate}`,
      ),
    ];
  });

const images: Rule = (stacks) => [
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

const portal: Rule = (stacks) => [
  ...when(
    !all(stacks, "AWS::ApiGatewayV2::Route").some(({ properties }) =>
      String(properties.RouteKey).startsWith("POST /predict/"),
    ),
    "nothing splits the requests: there is no /predict, and no candidate is ever promoted",
  ),
  ...all(stacks, "AWS::ApiGatewayV2::Route")
    .filter(({ properties }) => String(properties.RouteKey).includes("/predict"))
    .flatMap(({ id, properties: p }) => [
      ...when(!["JWT", "AWS_IAM"].includes(p.AuthorizationType), `${id}: anybody may ask the model`),
      ...when(
        p.AuthorizationType === "JWT" && text(p.AuthorizationScopes) !== '["countersign/predict"]',
        `${id}: any token may ask the model`,
      ),
    ]),
  ...all(stacks, "AWS::ApiGatewayV2::Route").flatMap(({ stack, id, properties: p }) => {
    const authorizer = stacks[stack].Resources[p.AuthorizerId?.Ref]?.Properties;
    const callers = String(p.RouteKey).includes("/predict");
    const client = /"Ref":"(\w+)"/.exec(text(authorizer?.JwtConfiguration?.Audience))?.[1] ?? "";
    return [
      ...when(
        p.AuthorizationType !== "JWT" && !(callers && p.AuthorizationType === "AWS_IAM"),
        `${id}: ${p.RouteKey} asks nobody who they are`,
      ),
      ...when(
        p.AuthorizationType === "JWT" && !client.startsWith(callers ? "UsersCallers" : "UsersPeople"),
        `${id}: ${p.RouteKey} takes tokens of ${client}`,
      ),
    ];
  }),
  ...all(stacks, "AWS::Cognito::UserPoolClient").flatMap(({ id, properties: p }) => {
    const people = id.startsWith("UsersPeople");
    return [
      ...when(
        people && text(p.AllowedOAuthFlows) !== '["code"]',
        `${id}: a page signs in by ${text(p.AllowedOAuthFlows)}`,
      ),
      ...when(people && p.GenerateSecret !== false, `${id}: a secret in a page is none`),
      ...when(
        people && !(p.CallbackURLs as Json[]).every((url) => /^\{"Fn::Join":\["",\["https:\/\/"/.test(text(url))),
        `${id}: people come back to ${text(p.CallbackURLs)}`,
      ),
    ];
  }),
  ...all(stacks, "AWS::ApiGatewayV2::Stage").flatMap(({ id, properties: p }) => [
    ...when(!(Number(p.DefaultRouteSettings?.ThrottlingRateLimit) <= 1000), `${id}: takes any number of requests`),
    ...when(p.AccessLogSettings === undefined, `${id}: keeps no access log`),
  ]),
  ...all(stacks, "AWS::CloudFront::Distribution").flatMap(({ id, properties: p }) => {
    const { DefaultCacheBehavior: pages, CacheBehaviors: others = [] } = p.DistributionConfig;
    return [
      ...[pages, ...others].flatMap((one: Json) =>
        when(
          !["redirect-to-https", "https-only"].includes(one.ViewerProtocolPolicy),
          `${id}: ${one.PathPattern ?? "pages"} over plain HTTP`,
        ),
      ),
      ...others.flatMap((one: Json) =>
        when(one.CachePolicyId !== NO_CACHE, `${id}: answers of ${one.PathPattern} are cached for others`),
      ),
      ...when(pages.ResponseHeadersPolicyId === undefined, `${id}: pages without security headers`),
    ];
  }),
  ...all(stacks, "AWS::CloudFront::ResponseHeadersPolicy").flatMap(({ id, properties: p }) => {
    const policy = text(
      p.ResponseHeadersPolicyConfig.SecurityHeadersConfig?.ContentSecurityPolicy?.ContentSecurityPolicy ?? "",
    );
    const reached = /connect-src 'self' https:\/\/countersign-[a-z]+-portal-.*?(?:;|$)/.exec(policy)?.[0] ?? "";
    return [
      ...when(
        !policy.includes("default-src 'none'") || policy.includes("unsafe-inline"),
        `${id}: no strict content security policy`,
      ),
      ...when(
        !/\.amazoncognito\.com;/.test(reached) || (reached.match(/https:/g) ?? []).length !== 1,
        `${id}: pages may reach more than the API and the sign-in`,
      ),
    ];
  }),
  ...all(stacks, "AWS::Cognito::UserPool").flatMap(({ id, properties: p }) =>
    when(p.AdminCreateUserConfig?.AllowAdminCreateUserOnly !== true, `${id}: anybody can sign up`),
  ),
];

/** Alarm -> the most that its threshold may be and still mean something. */
const alarms: Rule = (stacks) => {
  const found = all(stacks, "AWS::CloudWatch::Alarm");
  const runbook = new Set(
    [...readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8").matchAll(/^## (.+)$/gm)].map(
      (match) => match[1],
    ),
  );
  // Alarms that a release raises beside its endpoint name their section too.
  const raised = MACHINES.flatMap((machine) => [
    ...definitionText(machine).matchAll(/docs\/runbook\.md#([\w-]+)/g),
  ]).map((match) => match[1] as string);
  const metrics = found.map(
    ({ properties }) => `${properties.MetricName} ${text(properties.Dimensions ?? properties.Metrics)}`,
  );
  const watched = (metric: string, id: string) => metrics.some((one) => one.startsWith(metric) && one.includes(id));
  return [
    ...raised
      .filter((section) => !runbook.has(section))
      .map((section) => `docs/runbook.md has no section "${section}"`),
    ...found.flatMap(({ id, properties: p }) => {
      const section = /docs\/runbook\.md#([\w-]+)/.exec(String(p.AlarmDescription))?.[1] ?? "";
      const silent = /silent/i.test(id);
      return [
        ...when((p.AlarmActions ?? []).length === 0, `${id}: tells nobody`),
        ...when(!runbook.has(section), `${id}: docs/runbook.md has no section "${section}"`),
        ...when(
          Number(p.Threshold) > 5000 || (/Executions(?:Failed|TimedOut)/.test(p.MetricName) && p.Threshold !== 1),
          `${id}: never rings at ${p.Threshold}`,
        ),
        ...when(silent && p.TreatMissingData !== "breaching", `${id}: takes silence for health`),
      ];
    }),
    ...all(stacks, "AWS::StepFunctions::StateMachine").flatMap(({ id }) =>
      ["ExecutionsFailed", "ExecutionsTimedOut"]
        .filter((metric) => !watched(metric, id))
        .map((metric) => `${id}: no alarm on ${metric}`),
    ),
    ...all(stacks, "AWS::SQS::Queue").flatMap(({ id }) =>
      when(!watched("ApproximateNumberOfMessagesVisible", id), `${id}: no alarm on dead letters`),
    ),
    ...when(all(stacks, "AWS::Budgets::Budget").length === 0, "there is no budget"),
    ...when(
      !all(stacks, "AWS::CloudWatch::Dashboard").some(({ properties: p }) =>
        found.every(({ properties: alarm }) =>
          text(p.DashboardBody).includes(String(alarm.AlarmName).replace(/^countersign-[a-z]+-/, "")),
        ),
      ),
      "no dashboard shows what every alarm watches",
    ),
  ];
};

const nothingIdles: Rule = (stacks) =>
  Object.entries(stacks).flatMap(([stack, template]) =>
    Object.entries(template.Resources as Record<string, Json>).flatMap(([id, { Type, Properties }]) => [
      ...when(IDLE.test(Type), `${stack} ${id}: a ${Type} costs while nobody works`),
      ...when(
        Properties?.ProvisionedConcurrencyConfig !== undefined,
        `${stack} ${id}: provisioned concurrency costs while nobody works`,
      ),
    ]),
  );

/** Logical ids of what survives, frozen: a changed one would be a new, empty table. */
const statefulIds: Rule = (stacks) => {
  const frozen = JSON.parse(readFileSync(new URL("./stateful-ids.json", import.meta.url), "utf8")) as Record<
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

const sizes: Rule = (stacks) =>
  Object.entries(stacks).flatMap(([stack, template]) => {
    const resources = Object.keys(template.Resources).length;
    return when(resources > 400, `${stack}: ${resources} resources; at most 400, or the next one does not fit`);
  });

const RULES: Rule[] = [
  buckets,
  records,
  keysAndTopics,
  heard,
  resourcePolicies,
  identityPolicies,
  functions,
  logs,
  workflows,
  aliases,
  reactions,
  images,
  portal,
  alarms,
  nothingIdles,
  statefulIds,
  sizes,
];
