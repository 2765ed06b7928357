/** Deploy-time values of templates, as they would be in one sample account: so that policies can be read without deploying. */

// biome-ignore lint/suspicious/noExplicitAny: templates are as deep and as loose as CloudFormation.
export type Json = any;
/** Templates by stack: Data, Images, Pipeline, Portal, Observability. */
export type Stacks = Record<string, Json>;

export const SAMPLE = { account: "123456789012", region: "eu-central-1", partition: "aws" } as const;

/** A value with every Ref, GetAtt, ImportValue, Join and Sub resolved. Throws on what it does not know. */
export function resolve(stacks: Stacks, stack: string, value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => resolve(stacks, stack, item));
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value);
  if (keys.length === 1) {
    const [key] = keys as [string];
    const inner = value[key];
    if (key === "Ref") return refOf(stacks, stack, inner);
    if (key === "Fn::GetAtt") return attributeOf(stacks, stack, inner[0], inner[1]);
    if (key === "Fn::Join") return resolve(stacks, stack, inner[1]).join(inner[0]);
    if (key === "Fn::ImportValue") return imported(stacks, resolve(stacks, stack, inner));
    if (key === "Fn::Select") return resolve(stacks, stack, inner[1])[inner[0]];
    if (key === "Fn::Split") return String(resolve(stacks, stack, inner[1])).split(inner[0]);
    if (key === "Fn::Sub") return substitute(stacks, stack, inner);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(stacks, stack, item)]));
}

function substitute(stacks: Stacks, stack: string, inner: Json): string {
  const [text, values] = Array.isArray(inner) ? inner : [inner, {}];
  return String(text).replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
    if (name in values) return resolve(stacks, stack, values[name]);
    const [id, attribute] = name.split(".") as [string, string | undefined];
    return attribute === undefined ? refOf(stacks, stack, id) : attributeOf(stacks, stack, id, attribute);
  });
}

function imported(stacks: Stacks, name: string): Json {
  for (const [stack, template] of Object.entries(stacks)) {
    for (const output of Object.values(template.Outputs ?? {}) as Json[])
      if (output.Export?.Name === name) return resolve(stacks, stack, output.Value);
  }
  throw new Error(`no stack exports ${name}`);
}

const arn = (service: string, rest: string) =>
  `arn:${SAMPLE.partition}:${service}:${SAMPLE.region}:${SAMPLE.account}:${rest}`;

/** The name that a resource has, or would be given. */
function nameOf(stacks: Stacks, stack: string, id: string): string {
  const properties = stacks[stack].Resources[id]?.Properties ?? {};
  const given =
    properties.FunctionName ??
    properties.StateMachineName ??
    properties.RepositoryName ??
    properties.LogGroupName ??
    properties.Name;
  return typeof given === "string" ? given : id.toLowerCase();
}

function refOf(stacks: Stacks, stack: string, id: string): Json {
  const pseudo: Record<string, string> = {
    "AWS::AccountId": SAMPLE.account,
    "AWS::Region": SAMPLE.region,
    "AWS::Partition": SAMPLE.partition,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": "",
  };
  if (id in pseudo) return pseudo[id];
  if (stacks[stack].Parameters?.[id])
    return stacks[stack].Parameters[id].Type === "String" && id.endsWith("Digest")
      ? `sha256:${"0".repeat(64)}`
      : `parameter-${id}`;
  const type = stacks[stack].Resources[id]?.Type;
  if (type === undefined) throw new Error(`${stack}: ${id} is not there`);
  if (type === "AWS::SNS::Topic") return arn("sns", id);
  if (type === "AWS::StepFunctions::StateMachine") return arn("states", `stateMachine:${nameOf(stacks, stack, id)}`);
  return nameOf(stacks, stack, id);
}

function attributeOf(stacks: Stacks, stack: string, id: string, attribute: string): Json {
  const type = stacks[stack].Resources[id]?.Type;
  if (type === undefined) throw new Error(`${stack}: ${id} is not there`);
  if (attribute !== "Arn") return `${nameOf(stacks, stack, id)}.${attribute}`;
  const name = nameOf(stacks, stack, id);
  switch (type) {
    case "AWS::S3::Bucket":
      return `arn:${SAMPLE.partition}:s3:::${name}`;
    case "AWS::DynamoDB::Table":
      return arn("dynamodb", `table/${name}`);
    case "AWS::Lambda::Function":
      return arn("lambda", `function:${name}`);
    case "AWS::KMS::Key":
      return arn("kms", `key/${name}`);
    case "AWS::IAM::Role":
      return `arn:${SAMPLE.partition}:iam::${SAMPLE.account}:role/${id}`;
    case "AWS::ECR::Repository":
      return arn("ecr", `repository/${name}`);
    case "AWS::SQS::Queue":
      return arn("sqs", name);
    case "AWS::Logs::LogGroup":
      return arn("logs", `log-group:${name}:*`);
    case "AWS::Events::Rule":
      return arn("events", `rule/${name}`);
    case "AWS::StepFunctions::StateMachine":
      return arn("states", `stateMachine:${name}`);
    default:
      return arn(type.split("::")[1].toLowerCase(), name);
  }
}
