/** Requests in the definitions against AWS's own model of its API: names, types, required members, enums, lengths, patterns. */
import { statesOf } from "./permissions.ts";

/** The part of botocore's service model that is used. */
export interface ServiceModel {
  metadata: { protocol: string; targetPrefix?: string };
  operations: Record<string, Operation>;
  shapes: Record<string, Shape>;
}
export interface Operation {
  input?: { shape: string };
  output?: { shape: string };
  errors?: { shape: string }[];
}
export interface Shape {
  type: string;
  required?: string[];
  /** Where a member travels in REST protocols, and under which name. */
  members?: Record<string, { shape: string; location?: string; locationName?: string }>;
  member?: { shape: string };
  key?: { shape: string };
  value?: { shape: string };
  enum?: string[];
  min?: number;
  max?: number;
  pattern?: string;
}

export interface RequestCheck {
  /** Requests that were looked at. */
  checked: number;
  failed: string[];
}

/** `sagemaker:createTrainingJob` of a Task's resource; undefined for Lambda, which is checked by the stages' own forms. */
export function apiCall(resource: string): { service: string; operation: string } | undefined {
  const match =
    /:states:::(?:aws-sdk:)?(sagemaker|states|dynamodb|s3|sfn|cloudwatch):(\w+?)(?:\.(?:sync(?::2)?|waitForTaskToken))?$/.exec(
      resource,
    );
  if (!match) return undefined;
  const [, service = "", action = ""] = match;
  return { service, operation: action.charAt(0).toUpperCase() + action.slice(1) };
}

/** Every AWS request of a definition in the API's own members, placeholders filled; what is computed stands as its expression. */
export function requestsOf(
  definition: Record<string, unknown>,
): { state: string; service: string; operation: string; input: unknown }[] {
  return statesOf(definition).flatMap(({ name, state }) => {
    const call = apiCall(String(state.Resource ?? ""));
    return call === undefined
      ? []
      : [{ state: name, ...call, input: inApiCase(call.service, sample(state.Arguments ?? {})) }];
  });
}

/** Checks every AWS request of a definition. `models`: service -> model; a service without one is a failure. */
export function requestFindings(
  definition: Record<string, unknown>,
  models: Readonly<Record<string, ServiceModel>>,
): RequestCheck {
  const result: RequestCheck = { checked: 0, failed: [] };
  for (const { state, service, operation, input } of requestsOf(definition)) {
    result.checked += 1;
    const model = models[service];
    const shape = model?.operations[operation]?.input?.shape;
    if (model === undefined || shape === undefined) result.failed.push(`${state}: AWS has no ${service}:${operation}`);
    else result.failed.push(...checkValue(model, shape, input, state));
  }
  return result;
}

/** A value against a shape; `at` says where it stands. Values that only exist at run time (JSONata) are taken as they come. */
export function checkValue(model: ServiceModel, shapeName: string, value: unknown, at: string): string[] {
  const shape = model.shapes[shapeName];
  if (shape === undefined || isExpression(value)) return [];
  switch (shape.type) {
    case "structure":
      return checkStructure(model, shape, value, at);
    case "list":
      if (!Array.isArray(value)) return [`${at}: expected a list, got ${show(value)}`];
      return [
        ...bounds(shape, value.length, at, "members"),
        ...value.flatMap((item, i) => checkValue(model, shape.member?.shape ?? "", item, `${at}[${i}]`)),
      ];
    case "map":
      if (!isObject(value)) return [`${at}: expected a map, got ${show(value)}`];
      return Object.entries(value).flatMap(([key, item]) => [
        ...checkValue(model, shape.key?.shape ?? "", key, `${at} key "${key}"`),
        ...checkValue(model, shape.value?.shape ?? "", item, `${at}.${key}`),
      ]);
    case "string":
      return checkString(shape, value, at);
    case "integer":
    case "long":
      if (typeof value !== "number" || !Number.isInteger(value))
        return [`${at}: expected a whole number, got ${show(value)}`];
      return bounds(shape, value, at, "");
    case "float":
    case "double":
      return typeof value === "number"
        ? bounds(shape, value, at, "")
        : [`${at}: expected a number, got ${show(value)}`];
    case "blob":
      return checkBlob(shape, value, at);
    case "boolean":
      return typeof value === "boolean" ? [] : [`${at}: expected true or false, got ${show(value)}`];
    default:
      return [];
  }
}

function checkStructure(model: ServiceModel, shape: Shape, value: unknown, at: string): string[] {
  if (!isObject(value)) return [`${at}: expected an object, got ${show(value)}`];
  const members = shape.members ?? {};
  return [
    ...(shape.required ?? [])
      .filter((member) => value[member] === undefined)
      .map((member) => `${at}: "${member}" is required`),
    ...Object.entries(value).flatMap(([member, item]) => {
      const known = members[member];
      return known === undefined
        ? [`${at}: "${member}" is not known; known are ${Object.keys(members).join(", ")}`]
        : checkValue(model, known.shape, item, `${at}.${member}`);
    }),
  ];
}

/** Bytes, as they are or in base64. */
function checkBlob(shape: Shape, value: unknown, at: string): string[] {
  if (value instanceof Uint8Array) return bounds(shape, value.length, at, "bytes");
  if (typeof value !== "string") return [`${at}: expected bytes, got ${show(value)}`];
  return bounds(shape, Buffer.from(value, "base64").length, at, "bytes");
}

function checkString(shape: Shape, value: unknown, at: string): string[] {
  // Step Functions hands an object over as its JSON where the API wants a text (StartExecution's Input).
  if (typeof value !== "string")
    return isObject(value) && at.endsWith(".input") ? [] : [`${at}: expected a text, got ${show(value)}`];
  if (shape.enum !== undefined && !shape.enum.includes(value))
    return [`${at}: "${value}" is none of ${shape.enum.slice(0, 12).join(", ")}`];
  const found = bounds(shape, value.length, at, "characters");
  if (shape.pattern !== undefined && !matches(shape.pattern, value))
    found.push(`${at}: "${value}" does not match ${shape.pattern}`);
  return found;
}

function bounds({ min, max }: Shape, size: number, at: string, unit: string): string[] {
  if (min !== undefined && size < min) return [`${at}: ${size} ${unit} is less than ${min}`];
  return max !== undefined && size > max ? [`${at}: ${size} ${unit} is more than ${max}`] : [];
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "su").test(value);
  } catch {
    // A few patterns are Java's own; what they say can't be told here.
    return true;
  }
}

/** Step Functions writes members in Pascal case; its own API's models have them in camel case. */
function inApiCase(service: string, value: unknown): unknown {
  if (service !== "states" || !isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name.charAt(0).toLowerCase() + name.slice(1), item]),
  );
}

/** Placeholders filled with values of the right form. */
function sample(value: unknown): unknown {
  const text = JSON.stringify(value).replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    if (name.endsWith("RoleArn")) return "arn:aws:iam::123456789012:role/sample";
    if (name.endsWith("Image"))
      return `123456789012.dkr.ecr.eu-central-1.amazonaws.com/sample@sha256:${"0".repeat(64)}`;
    if (name.endsWith("StateMachineArn")) return "arn:aws:states:eu-central-1:123456789012:stateMachine:sample:live";
    if (name.endsWith("InstanceType")) return "ml.m5.xlarge";
    if (name.endsWith("TopicArn")) return "arn:aws:sns:eu-central-1:123456789012:sample";
    return "sample";
  });
  return JSON.parse(text);
}

const isExpression = (value: unknown) => typeof value === "string" && /^\{%[\s\S]*%\}$/.test(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const show = (value: unknown) => JSON.stringify(value)?.slice(0, 80);
