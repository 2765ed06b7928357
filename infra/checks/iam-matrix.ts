/** Who must be able to do what, and who must not: asked of the synthesized policies, one row at a time. */

import { MACHINES } from "../../workflow/definition.ts";
import type { Access, PortName } from "../access.ts";
import { isAllowed, type Question, statementsOfRole } from "./iam.ts";
import { type Json, resolve, SAMPLE, type Stacks } from "./resolve.ts";

export interface Row extends Question {
  /** Function, workflow or job role. */
  who: string;
  must: "allow" | "deny";
  why: string;
}
export interface MatrixResult {
  allow: { rows: number; wrong: string[] };
  deny: { rows: number; wrong: string[] };
}

const at = (service: string, rest: string) =>
  `arn:${SAMPLE.partition}:${service}:${SAMPLE.region}:${SAMPLE.account}:${rest}`;

/** Asks every row. */
export function askMatrix(stacks: Stacks, access: Readonly<Record<string, Access>>): MatrixResult {
  const result: MatrixResult = { allow: { rows: 0, wrong: [] }, deny: { rows: 0, wrong: [] } };
  const world = worldOf(stacks);
  const statements = new Map<string, ReturnType<typeof statementsOfRole>>();
  for (const row of matrixRows(stacks, access)) {
    const role = world.roles.get(row.who);
    if (role === undefined) throw new Error(`${row.who} has no role in the templates`);
    const known = statements.get(row.who) ?? statementsOfRole(stacks, role.stack, role.id);
    statements.set(row.who, known);
    result[row.must].rows += 1;
    if (isAllowed(known, row) !== (row.must === "allow"))
      result[row.must].wrong.push(
        `${row.who} must ${row.must === "allow" ? "" : "not "}be allowed ${row.action} on ${row.resource} (${row.why})`,
      );
  }
  return result;
}

interface World {
  roles: Map<string, { stack: string; id: string }>;
  bucket: string;
  audit: string;
  table: string;
  sealKey: string;
  signKey: string;
  topics: string[];
  environment: string;
}

/** Roles by who bears them; the stateful resources' ARNs. */
function worldOf(stacks: Stacks): World {
  const roles: World["roles"] = new Map();
  let environment = "";
  for (const [stack, template] of Object.entries(stacks)) {
    for (const [id, resource] of Object.entries(template.Resources as Record<string, Json>)) {
      const name = resource.Properties?.FunctionName ?? resource.Properties?.StateMachineName;
      const role = resource.Properties?.Role?.["Fn::GetAtt"]?.[0] ?? resource.Properties?.RoleArn?.["Fn::GetAtt"]?.[0];
      if (typeof name === "string" && role) {
        const [, env = "", who = ""] = /^countersign-([a-z]+)-(.*)$/.exec(name) ?? [];
        environment = env;
        roles.set(resource.Type === "AWS::StepFunctions::StateMachine" ? `workflow ${who}` : who, { stack, id: role });
      }
      const job = /^Jobs(Training|Evaluation|Serving)[0-9A-F]{8}$/.exec(id)?.[1];
      if (resource.Type === "AWS::IAM::Role" && job) roles.set(`job ${job.toLowerCase()}`, { stack, id });
    }
  }
  const data = (type: string, id: RegExp) => {
    const found = Object.keys(stacks.Data.Resources).find(
      (name) => stacks.Data.Resources[name].Type === type && id.test(name),
    );
    if (found === undefined) throw new Error(`Data has no ${type}`);
    return found;
  };
  const arnOf = (type: string, id: RegExp) =>
    String(resolve(stacks, "Data", { "Fn::GetAtt": [data(type, id), "Arn"] }));
  return {
    roles,
    environment,
    bucket: arnOf("AWS::S3::Bucket", /^Objects/),
    audit: arnOf("AWS::S3::Bucket", /^Audit/),
    table: arnOf("AWS::DynamoDB::Table", /./),
    sealKey: arnOf("AWS::KMS::Key", /^SealKey/),
    signKey: arnOf("AWS::KMS::Key", /^SignKey/),
    topics: ["DataTeam", "Vendors", "Owners"].map((id) =>
      String(resolve(stacks, "Data", { Ref: data("AWS::SNS::Topic", new RegExp(`^${id}`)) })),
    ),
  };
}

export function matrixRows(stacks: Stacks, access: Readonly<Record<string, Access>>): Row[] {
  const world = worldOf(stacks);
  const functions = Object.keys(access);
  return [
    ...functions.flatMap((who) => functionRows(who, access[who] as Access, world)),
    ...workflowRows(stacks, world),
    ...jobRows(world),
    ...[...world.roles.keys()].flatMap((who) => nobodyRows(who, world)),
  ];
}

/** Every port's method as AWS requests; unused ones must be denied. */
function functionRows(who: string, access: Access, world: World): Row[] {
  const object = `${world.bucket}/campaigns/parts/catalogues/a.json`;
  const machine = (name: string) => at("states", `stateMachine:countersign-${world.environment}-${name}`);
  const execution = at("states", `execution:countersign-${world.environment}-campaign:parts-1`);
  const requests: Record<PortName, Record<string, Question[]>> = {
    objects: {
      get: [
        { action: "s3:GetObject", resource: object },
        {
          action: "s3:ListBucket",
          resource: world.bucket,
          context: { "s3:prefix": "campaigns/parts/catalogues/a.json" },
        },
      ],
      getRange: [{ action: "s3:GetObject", resource: object }],
      head: [{ action: "s3:GetObject", resource: object }],
      put: [{ action: "s3:PutObject", resource: object }],
      delete: [{ action: "s3:DeleteObject", resource: object }],
      list: [{ action: "s3:ListBucket", resource: world.bucket, context: { "s3:prefix": "campaigns/parts/" } }],
    },
    records: {
      get: [{ action: "dynamodb:GetItem", resource: world.table }],
      put: [{ action: "dynamodb:UpdateItem", resource: world.table }],
      delete: [{ action: "dynamodb:DeleteItem", resource: world.table }],
      transact: ["UpdateItem", "DeleteItem", "ConditionCheckItem"].map((action) => ({
        action: `dynamodb:${action}`,
        resource: world.table,
      })),
      query: [{ action: "dynamodb:Query", resource: world.table }],
    },
    tokens: {
      succeed: MACHINES.map((name) => ({
        action: "states:SendTaskSuccess",
        resource: machine(name),
      })),
      fail: [{ action: "states:SendTaskFailure", resource: machine("lot") }],
      heartbeat: [{ action: "states:SendTaskHeartbeat", resource: machine("lot") }],
    },
    sealer: {
      seal: [{ action: "kms:Encrypt", resource: world.sealKey }],
      open: [{ action: "kms:Decrypt", resource: world.sealKey }],
      sign: [{ action: "kms:GenerateMac", resource: world.signKey }],
    },
    notifier: {
      notify: [
        ...world.topics.map((topic) => ({ action: "sns:Publish", resource: topic })),
        {
          action: "kms:GenerateDataKey",
          resource: world.sealKey,
          context: { "kms:ViaService": `sns.${SAMPLE.region}.amazonaws.com` },
        },
      ],
    },
    workflows: {
      start: access.machines.flatMap((name) => [
        { action: "states:StartExecution", resource: `${machine(name)}:live` },
      ]),
      stop: [{ action: "states:StopExecution", resource: execution }],
      describe: [{ action: "states:DescribeExecution", resource: execution }],
      history: [{ action: "states:GetExecutionHistory", resource: execution }],
    },
    endpoints: {
      invoke: [{ action: "sagemaker:InvokeEndpoint", resource: at("sagemaker", "endpoint/parts-1-0a1b2c3d") }],
    },
  };
  const wanted: Question[] = [];
  const unwanted: Question[] = [];
  for (const [port, methods] of Object.entries(requests) as [PortName, Record<string, Question[]>][]) {
    for (const [method, questions] of Object.entries(methods))
      (access.calls[port]?.includes(method) ? wanted : unwanted).push(...questions);
  }
  const key = ({ action, resource }: Question) => `${action} ${resource}`;
  const needed = new Set(wanted.map(key));
  // Starting an execution again asks what became of the first one.
  if (access.calls.workflows?.includes("start"))
    unwanted.splice(0, unwanted.length, ...unwanted.filter(({ action }) => action !== "states:DescribeExecution"));
  const forbiddenMachines = MACHINES.filter((name) => !access.machines.includes(name));
  const sealed: Question = { action: "s3:GetObject", resource: `${world.bucket}/sealed/parts/aa/test.json` };
  return [
    ...wanted.map((question): Row => ({ ...question, who, must: "allow", why: "its code calls it" })),
    ...unwanted
      .filter((question) => !needed.has(key(question)))
      .map((question): Row => ({ ...question, who, must: "deny", why: "its code does not call it" })),
    ...forbiddenMachines.map(
      (name): Row => ({
        who,
        must: "deny",
        why: "not its workflow",
        action: "states:StartExecution",
        resource: `${machine(name)}:live`,
      }),
    ),
    { ...sealed, who, must: access.sealedTruth ? "allow" : "deny", why: "the sealed test truth" },
    {
      who,
      must: "deny",
      why: "an endpoint is asked, never changed",
      action: "sagemaker:UpdateEndpoint",
      resource: at("sagemaker", "endpoint/parts-1-0a1b2c3d"),
    },
  ];
}

function workflowRows(stacks: Stacks, world: World): Row[] {
  const fn = (name: string) => at("lambda", `function:countersign-${world.environment}-${name}`);
  const job = (kind: string) => at("sagemaker", `${kind}/parts-0a1b2c3d-0`);
  const rule = (name: string) => at("events", `rule/${name}`);
  const passed = { "iam:PassedToService": "sagemaker.amazonaws.com" };
  const roleArn = (who: string) => `arn:aws:iam::${SAMPLE.account}:role/${world.roles.get(who)?.id}`;
  const rows: Row[] = [];
  const allow = (who: string, action: string, resource: string, context?: Record<string, string>) =>
    rows.push({ who, must: "allow", why: "its definition does it", action, resource, ...(context ? { context } : {}) });
  const deny = (who: string, action: string, resource: string, why: string, context?: Record<string, string>) =>
    rows.push({ who, must: "deny", why, action, resource, ...(context ? { context } : {}) });

  for (const resource of Object.values(stacks.Pipeline.Resources) as Json[]) {
    if (resource.Type !== "AWS::StepFunctions::StateMachine") continue;
    const who = `workflow ${resource.Properties.StateMachineName.replace(/^countersign-[a-z]+-/, "")}`;
    const text = String(resource.Properties.DefinitionString);
    const called = new Set(
      [...text.matchAll(/"FunctionName":\s*"\$\{(\w+)\}"/g)].map((match) =>
        (match[1] as string).replaceAll(/(?<!^)([A-Z])/g, "-$1").toLowerCase(),
      ),
    );
    for (const name of called) allow(who, "lambda:InvokeFunction", fn(name));
    for (const other of world.roles.keys())
      if (!other.includes(" ") && !called.has(other))
        deny(who, "lambda:InvokeFunction", fn(other), "it does not call it");
  }
  for (const kind of ["Training", "Processing"]) {
    const arn = job(`${kind.toLowerCase()}-job`);
    for (const verb of ["Create", "Describe", "Stop"]) allow("workflow campaign", `sagemaker:${verb}${kind}Job`, arn);
    for (const verb of ["PutRule", "PutTargets", "DescribeRule"])
      allow("workflow campaign", `events:${verb}`, rule(`StepFunctionsGetEventsForSageMaker${kind}JobsRule`));
  }
  for (const verb of ["PutRule", "PutTargets", "DescribeRule"])
    allow("workflow campaign", `events:${verb}`, rule("StepFunctionsGetEventsForStepFunctionsExecutionRule"));
  allow("workflow campaign", "iam:PassRole", roleArn("job training"), passed);
  allow("workflow campaign", "iam:PassRole", roleArn("job evaluation"), passed);
  allow("workflow release", "iam:PassRole", roleArn("job serving"), passed);
  const machine = (name: string) => at("states", `stateMachine:countersign-${world.environment}-${name}`);
  allow("workflow campaign", "states:StartExecution", machine("campaign"));
  allow(
    "workflow campaign",
    "states:DescribeExecution",
    at("states", `execution:countersign-${world.environment}-campaign/AdmitImages:0a`),
  );
  allow("workflow campaign", "states:StartExecution", `${machine("release")}:live`);
  allow(
    "workflow campaign",
    "states:DescribeExecution",
    at("states", `execution:countersign-${world.environment}-release:parts-1`),
  );
  allow("workflow campaign", "s3:GetObject", `${world.bucket}/campaigns/parts/intakes/a/manifest.jsonl`);
  for (const verb of ["PutObject", "GetObject", "AbortMultipartUpload", "ListMultipartUploadParts"])
    allow("workflow campaign", `s3:${verb}`, `${world.bucket}/campaigns/parts/cycles/1/admission/map/0.jsonl`);
  for (const [verb, kind] of [
    ["CreateModel", "model"],
    ["CreateEndpointConfig", "endpoint-config"],
    ["CreateEndpoint", "endpoint"],
    ["DescribeEndpoint", "endpoint"],
    ["UpdateEndpoint", "endpoint"],
    ["DeleteEndpoint", "endpoint"],
    ["AddTags", "endpoint"],
  ]) {
    allow("workflow release", `sagemaker:${verb}`, at("sagemaker", `${kind}/parts-1-0a1b2c3d`));
  }
  deny("workflow campaign", "iam:PassRole", roleArn("job training"), "to SageMaker only", {
    "iam:PassedToService": "lambda.amazonaws.com",
  });
  deny("workflow campaign", "iam:PassRole", roleArn("job serving"), "it serves nothing", passed);
  deny("workflow release", "iam:PassRole", roleArn("job training"), "it trains nothing", passed);
  deny("workflow lot", "iam:PassRole", roleArn("job training"), "it trains nothing", passed);
  deny("workflow campaign", "iam:PassRole", `arn:aws:iam::${SAMPLE.account}:role/Admin`, "a foreign role", passed);
  deny("workflow lot", "states:StartExecution", machine("campaign"), "it starts nothing");
  deny("workflow release", "states:StartExecution", machine("campaign"), "it starts nothing");
  deny("workflow campaign", "s3:GetObject", `${world.bucket}/sealed/parts/aa/test.json`, "the sealed test truth");
  const alarm = (name: string) => at("cloudwatch", `alarm:${name}`);
  const own = alarm(`countersign-${world.environment}-endpoint-${world.environment}-parts-1-0a1b2c3d-errors`);
  for (const verb of ["PutMetricAlarm", "DescribeAlarms", "DeleteAlarms"])
    allow("workflow release", `cloudwatch:${verb}`, own);
  for (const verb of ["PutMetricAlarm", "DeleteAlarms"]) {
    deny("workflow release", `cloudwatch:${verb}`, alarm("somebody-elses"), "not our alarm");
    deny(
      "workflow release",
      `cloudwatch:${verb}`,
      alarm(`countersign-${world.environment}-portal-errors`),
      "the stacks' alarms are deployed",
    );
    deny("workflow campaign", `cloudwatch:${verb}`, own, "it watches nothing");
  }
  for (const kind of ["Model", "EndpointConfig"])
    deny("workflow release", `sagemaker:Delete${kind}`, job(kind.toLowerCase()), "it takes down endpoints only");
  deny(
    "workflow campaign",
    "sagemaker:DeleteEndpoint",
    at("sagemaker", "endpoint/parts-1-0a1b2c3d"),
    "it serves nothing",
  );
  return rows;
}

function jobRows(world: World): Row[] {
  const rows: Row[] = [];
  const ask = (must: Row["must"], who: string, action: string, key: string, why: string) =>
    rows.push({ must, who: `job ${who}`, action, resource: `${world.bucket}/${key}`, why });
  ask("allow", "training", "s3:GetObject", "campaigns/parts/shards/a.tar", "its input");
  ask("allow", "training", "s3:GetObject", "weights/vit/model.safetensors", "its input");
  ask("allow", "training", "s3:PutObject", "campaigns/parts/models/a/model.tar.gz", "its output");
  ask("allow", "training", "s3:PutObject", "campaigns/parts/embeddings/a/model.tar.gz", "its output");
  ask("allow", "evaluation", "s3:GetObject", "sealed/parts/aa/test.json", "the sealed test truth");
  ask("allow", "evaluation", "s3:PutObject", "campaigns/parts/evaluations/a/evaluation.json", "its output");
  ask("allow", "serving", "s3:GetObject", "campaigns/parts/models/a/model.tar.gz", "the model");
  ask("deny", "training", "s3:GetObject", "sealed/parts/aa/test.json", "the sealed test truth");
  ask("deny", "training", "s3:PutObject", "campaigns/parts/approvals/1.json", "not its output");
  ask("deny", "training", "s3:PutObject", "sealed/parts/aa/test.json", "the sealed test truth");
  ask("deny", "evaluation", "s3:PutObject", "campaigns/parts/models/a/model.tar.gz", "not its output");
  ask("deny", "evaluation", "s3:PutObject", "sealed/parts/aa/test.json", "read only");
  ask("deny", "serving", "s3:PutObject", "campaigns/parts/models/a/model.tar.gz", "read only");
  ask("deny", "serving", "s3:GetObject", "campaigns/parts/datasets/a/dataset.json", "models only");
  ask("deny", "serving", "s3:GetObject", "sealed/parts/aa/test.json", "the sealed test truth");
  for (const who of ["training", "evaluation", "serving"])
    ask("deny", who, "s3:DeleteObject", "campaigns/parts/models/a/model.tar.gz", "nothing is deleted");
  return rows;
}

/** What nobody at run time may do. */
function nobodyRows(who: string, world: World): Row[] {
  const deny = (action: string, resource: string, why: string, context?: Record<string, string>): Row => ({
    who,
    must: "deny",
    action,
    resource,
    why,
    ...(context ? { context } : {}),
  });
  const canPass = who.startsWith("workflow ");
  return [
    deny("s3:DeleteBucket", world.bucket, "data survive"),
    deny("s3:PutBucketPolicy", world.bucket, "policies are deployed"),
    deny("s3:GetObject", "arn:aws:s3:::somebody-elses-bucket/campaigns/a", "not our bucket"),
    deny("s3:PutObject", `${world.bucket}/weights/vit/model.safetensors`, "weights are brought by people"),
    deny("s3:DeleteObject", `${world.audit}/campaigns/parts/approvals/1.json`, "approvals are kept"),
    deny("s3:BypassGovernanceRetention", `${world.audit}/campaigns/parts/approvals/1.json`, "approvals are kept"),
    deny("dynamodb:DeleteTable", world.table, "data survive"),
    deny("dynamodb:Scan", world.table, "nothing reads everything"),
    deny("dynamodb:GetItem", at("dynamodb", "table/somebody-elses"), "not our table"),
    deny("dynamodb:UpdateItem", at("dynamodb", "table/somebody-elses"), "not our table"),
    deny("kms:ScheduleKeyDeletion", world.sealKey, "keys survive"),
    deny("kms:Decrypt", at("kms", "key/somebody-elses"), "not our key"),
    deny("kms:Encrypt", world.signKey, "that key signs"),
    deny("iam:CreateRole", `arn:aws:iam::${SAMPLE.account}:role/new`, "roles are deployed"),
    deny(
      "iam:PassRole",
      `arn:aws:iam::${SAMPLE.account}:role/Admin`,
      "a foreign role",
      canPass ? { "iam:PassedToService": "ec2.amazonaws.com" } : {},
    ),
    deny("sts:AssumeRole", `arn:aws:iam::${SAMPLE.account}:role/Admin`, "nobody becomes another"),
    deny("lambda:UpdateFunctionCode", at("lambda", "function:anything"), "code is deployed"),
    deny("lambda:InvokeFunction", at("lambda", "function:somebody-elses"), "not our function"),
    deny("states:UpdateStateMachine", at("states", "stateMachine:anything"), "definitions are deployed"),
    deny("states:StartExecution", at("states", "stateMachine:somebody-elses"), "not our workflow"),
    deny("sns:Publish", at("sns", "somebody-elses"), "not our topic"),
    deny("secretsmanager:GetSecretValue", at("secretsmanager", "secret:any"), "there are no secrets"),
    deny("ec2:RunInstances", at("ec2", "instance/*"), "nothing starts machines"),
    deny("logs:DeleteLogGroup", at("logs", "log-group:/aws/lambda/any:*"), "logs are kept"),
  ];
}
