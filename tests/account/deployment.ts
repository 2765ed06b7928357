/**
 * The synthesized templates, deployed into a moto server as far as it can: what it can't do is left out by type, and what
 * it does differently from CloudFormation is changed here, in one place, so that the list can be read.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Json, Stacks } from "../../infra/checks/resolve.ts";

/** moto knows no resource of these types, or keeps nothing of them that a stage could meet. */
const NOT_IN_MOTO = new Set([
  "AWS::S3::BucketPolicy",
  "AWS::SNS::TopicPolicy",
  "AWS::SQS::QueuePolicy",
  "AWS::Lambda::EventInvokeConfig",
  "AWS::Lambda::Permission",
  "AWS::StepFunctions::StateMachineVersion",
  "AWS::StepFunctions::StateMachineAlias",
  "AWS::CodeBuild::Project",
  "AWS::ApiGatewayV2::Api",
  "AWS::ApiGatewayV2::Integration",
  "AWS::ApiGatewayV2::Route",
  "AWS::ApiGatewayV2::Authorizer",
  "AWS::ApiGatewayV2::Stage",
  "AWS::CloudFront::ResponseHeadersPolicy",
  "AWS::CloudFront::Function",
  "AWS::CloudFront::OriginAccessControl",
  "AWS::CloudFront::Distribution",
  "AWS::Cognito::UserPool",
  "AWS::Cognito::UserPoolResourceServer",
  "AWS::Cognito::UserPoolDomain",
  "AWS::Cognito::UserPoolClient",
  "AWS::Lambda::LayerVersion",
  "Custom::CDKBucketDeployment",
]);
export const ACCOUNT = "123456789012";
export const REGION = "eu-central-1";
const ASSETS = `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`;
const DIGEST = `sha256:${"0".repeat(64)}`;

export interface DeployedFunction {
  /** `admit-images` */
  name: string;
  /** Folder of the code as it was packed. */
  folder: string;
  /** The environment as the deployment resolved it. */
  environment: Record<string, string>;
  memoryMb: number;
  timeoutSeconds: number;
}
export interface Deployment {
  functions: Record<string, DeployedFunction>;
  /** State machine's name -> its definition, substituted by the deployment. */
  machines: Record<string, Json>;
  /** Physical ids by stack and logical id. */
  resources: Record<string, { type: string; id: string }>;
  /** Types that were left out, and how many of each. */
  leftOut: Record<string, number>;
  deployed: number;
}

/** Deploys Data, Images, Pipeline and the portal's functions, in that order. `out`: the synthesized assembly's folder. */
export async function deployIntoMoto(
  endpoint: string,
  stacks: Stacks,
  out: string,
  functionFolder: (name: string) => string,
): Promise<Deployment> {
  const moto = client(endpoint);
  await moto.bytes(
    "s3",
    "PUT",
    `/${ASSETS}`,
    `<CreateBucketConfiguration><LocationConstraint>${REGION}</LocationConstraint></CreateBucketConfiguration>`,
  );
  const signKey = await moto.json("kms", "TrentService.CreateKey", {
    KeySpec: "HMAC_256",
    KeyUsage: "GENERATE_VERIFY_MAC",
  });
  const leftOut: Record<string, number> = {};
  const resources: Deployment["resources"] = {};
  let deployed = 0;
  for (const name of ["Data", "Images", "Pipeline", "Portal"]) {
    const template = forMoto(structuredClone(stacks[name]), String(signKey.KeyMetadata.Arn), leftOut);
    for (const { Properties } of Object.values(template.Resources) as Json[]) {
      const key = Properties?.Code?.S3Key;
      if (typeof key === "string") await moto.bytes("s3", "PUT", `/${ASSETS}/${key}`, packed(out, key));
    }
    await moto.createStack(`Countersign-dev-${name}`, template);
    for (const one of await moto.resources(`Countersign-dev-${name}`))
      resources[`${name}/${one.logical}`] = { type: one.type, id: one.physical };
    deployed += Object.keys(template.Resources).length;
  }
  const functions: Deployment["functions"] = {};
  for (const { id } of Object.values(resources).filter((one) => one.type === "AWS::Lambda::Function")) {
    const found = JSON.parse(await moto.bytes("lambda", "GET", `/2015-03-31/functions/${id}/configuration`)) as Json;
    const name = String(found.FunctionName).replace(/^countersign-[a-z]+-/, "");
    // The CDK's own functions, which copy the pages, have no folder of ours.
    if (existsSync(functionFolder(name)))
      functions[name] = {
        name,
        folder: functionFolder(name),
        environment: found.Environment?.Variables ?? {},
        memoryMb: found.MemorySize,
        timeoutSeconds: found.Timeout,
      };
  }
  const machines: Deployment["machines"] = {};
  for (const { id } of Object.values(resources).filter((one) => one.type === "AWS::StepFunctions::StateMachine")) {
    const found = await moto.json("states", "AWSStepFunctions.DescribeStateMachine", { stateMachineArn: id });
    machines[String(found.name)] = JSON.parse(String(found.definition));
  }
  return { functions, machines, resources, leftOut, deployed };
}

/** A template that moto takes. `signKey`: the key that signs, which moto's CloudFormation would make one that encrypts. */
function forMoto(template: Json, signKey: string, leftOut: Record<string, number>): Json {
  delete template.Rules;
  delete template.Parameters?.BootstrapVersion;
  const replaced: Record<string, string> = {};
  for (const [id, resource] of Object.entries(template.Resources as Record<string, Json>)) {
    const { Type, Properties } = resource;
    if (NOT_IN_MOTO.has(Type)) {
      leftOut[Type] = (leftOut[Type] ?? 0) + 1;
      replaced[id] = `not-in-moto-${id.toLowerCase()}`;
      delete template.Resources[id];
    } else if (Type === "AWS::KMS::Key" && id.startsWith("SignKey")) {
      replaced[id] = signKey;
      delete template.Resources[id];
    } else if (Type === "AWS::KMS::Key") {
      // moto reads tags of keys in the form of KMS's own API.
      delete Properties.Tags;
    } else if (Type === "AWS::StepFunctions::StateMachine") {
      // moto does not know DefinitionSubstitutions; Fn::Sub means the same.
      Properties.DefinitionString = { "Fn::Sub": [Properties.DefinitionString, Properties.DefinitionSubstitutions] };
      delete Properties.DefinitionSubstitutions;
    }
  }
  for (const resource of Object.values(template.Resources as Record<string, Json>)) {
    if (resource.DependsOn) resource.DependsOn = [resource.DependsOn].flat().filter((id: string) => !(id in replaced));
  }
  return withLiterals(template, replaced);
}

function withLiterals(value: Json, replaced: Record<string, string>): Json {
  if (Array.isArray(value)) return value.map((item) => withLiterals(item, replaced));
  if (typeof value !== "object" || value === null) return value;
  const id = value.Ref ?? (Array.isArray(value["Fn::GetAtt"]) ? value["Fn::GetAtt"][0] : undefined);
  if (typeof id === "string" && id in replaced) return replaced[id];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withLiterals(item, replaced)]));
}

/** moto wants bytes under the asset's key and never opens them: functions run from their folders. */
function packed(out: string, key: string): string {
  const digest = key.replace(/\.zip$/, "");
  const folder = join(out, `asset.${digest}`);
  if (!existsSync(folder) && !existsSync(`${folder}.zip`)) throw new Error(`the assembly has no asset ${digest}`);
  return existsSync(join(folder, "index.mjs")) ? readFileSync(join(folder, "index.mjs"), "utf8") : digest;
}

/** The few calls that a deployment makes, in each service's own protocol. */
function client(endpoint: string) {
  const headers = (service: string) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=none`,
  });
  async function answer(what: string, response: Response): Promise<string> {
    const text = await response.text();
    if (!response.ok)
      throw new Error(`moto refuses ${what}: ${/<Message>([^<]*)/.exec(text)?.[1] ?? text.slice(0, 400)}`);
    return text;
  }
  const query = async (parameters: Record<string, string>) =>
    answer(
      `${parameters.Action} ${parameters.StackName}`,
      await fetch(endpoint, {
        method: "POST",
        headers: headers("cloudformation"),
        body: new URLSearchParams({ Version: "2010-05-15", ...parameters }),
      }),
    );
  return {
    async bytes(service: string, method: string, path: string, body?: string): Promise<string> {
      return answer(
        `${method} ${path}`,
        await fetch(`${endpoint}${path}`, {
          method,
          headers: headers(service),
          ...(body === undefined ? {} : { body }),
        }),
      );
    },
    async json(service: string, target: string, body: unknown): Promise<Json> {
      const sent = { ...headers(service), "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
      return JSON.parse(
        await answer(target, await fetch(endpoint, { method: "POST", headers: sent, body: JSON.stringify(body) })),
      ) as Json;
    },
    async createStack(name: string, template: Json): Promise<void> {
      const parameters = Object.keys(template.Parameters ?? {}).flatMap((key, i) => [
        [`Parameters.member.${i + 1}.ParameterKey`, key],
        [`Parameters.member.${i + 1}.ParameterValue`, DIGEST],
      ]);
      await query({
        Action: "CreateStack",
        StackName: name,
        TemplateBody: JSON.stringify(template),
        "Capabilities.member.1": "CAPABILITY_NAMED_IAM",
        ...Object.fromEntries(parameters),
      });
      const status = /<StackStatus>(\w+)/.exec(await query({ Action: "DescribeStacks", StackName: name }))?.[1];
      if (status !== "CREATE_COMPLETE") throw new Error(`the stack ${name} is ${status} in moto`);
    },
    async resources(name: string): Promise<{ logical: string; physical: string; type: string }[]> {
      const text = await query({ Action: "DescribeStackResources", StackName: name });
      const member = (part: string, tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(part)?.[1] ?? "";
      return text
        .split("<member>")
        .slice(1)
        .map((part) => ({
          logical: member(part, "LogicalResourceId"),
          physical: member(part, "PhysicalResourceId"),
          type: member(part, "ResourceType"),
        }));
    },
  };
}
