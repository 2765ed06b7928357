/**
 * Values against the schemas that the SDK's own clients carry and serialise by: names, types, required members. CloudWatch is
 * called by definitions only, so its client is not here: botocore's model alone checks it.
 */
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as kms from "@aws-sdk/client-kms";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sfn from "@aws-sdk/client-sfn";
import * as sns from "@aws-sdk/client-sns";

const CLIENTS: Record<string, Record<string, unknown>> = {
  dynamodb,
  kms,
  s3,
  sagemaker,
  "sagemaker-runtime": runtime,
  states: sfn,
  sfn,
  sns,
} as unknown as Record<string, Record<string, unknown>>;

/** Schemas are tuples: kind, namespace, name, traits, then what the kind needs. Numbers stand for simple types. */
type Schema = number | readonly unknown[] | (() => Schema);
const SIMPLE = 0;
const LIST = 1;
const MAP = 2;
const UNION = 4;
const TYPES: Record<number, string> = { 0: "string", 1: "number", 2: "boolean" };
const LIST_OF = 64;
const MAP_OF = 128;

/** What is wrong with an operation's input (or output), by the SDK. An operation that the client lacks is a finding. */
export function sdkFindings(
  service: string,
  operation: string,
  value: unknown,
  side: "input" | "output" = "input",
): string[] {
  const client = CLIENTS[service];
  if (client === undefined) return [];
  const schema = client[`${operation}$`] as readonly unknown[] | undefined;
  if (schema === undefined) return [`the SDK has no ${service}:${operation}`];
  return check(schema[side === "input" ? 4 : 5] as Schema, value, operation);
}

function check(given: Schema, value: unknown, at: string): string[] {
  const schema = typeof given === "function" ? given() : given;
  if (value === undefined || isExpression(value)) return [];
  if (typeof schema === "number") return checkSimple(schema, value, at);
  const tuple = schema as readonly unknown[];
  // Two members: a schema and traits of its own.
  if (tuple.length === 2) return check(tuple[0] as Schema, value, at);
  const [kind] = tuple;
  if (kind === SIMPLE) return check(tuple[4] as Schema, value, at);
  if (kind === LIST) {
    if (!Array.isArray(value)) return [`${at}: expected a list, got ${show(value)}`];
    return value.flatMap((item, i) => check(tuple[4] as Schema, item, `${at}[${i}]`));
  }
  if (kind === MAP) {
    if (!isObject(value)) return [`${at}: expected a map, got ${show(value)}`];
    return Object.entries(value).flatMap(([key, item]) => check(tuple[5] as Schema, item, `${at}.${key}`));
  }
  return checkMembers(tuple, value, at);
}

function checkMembers(schema: readonly unknown[], value: unknown, at: string): string[] {
  if (!isObject(value)) return [`${at}: expected an object, got ${show(value)}`];
  const names = schema[4] as string[];
  const schemas = schema[5] as Schema[];
  const required = schema[0] === UNION ? [] : names.slice(0, (schema[6] as number | undefined) ?? 0);
  return [
    ...required.filter((name) => value[name] === undefined).map((name) => `${at}: "${name}" is required`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const index = names.indexOf(name);
      return index < 0
        ? [`${at}: "${name}" is not known to the SDK`]
        : check(schemas[index] as Schema, item, `${at}.${name}`);
    }),
  ];
}

function checkSimple(code: number, value: unknown, at: string): string[] {
  if ((code & MAP_OF) !== 0 && code < 256) {
    if (!isObject(value)) return [`${at}: expected a map, got ${show(value)}`];
    return Object.entries(value).flatMap(([key, item]) => checkSimple(code & ~MAP_OF, item, `${at}.${key}`));
  }
  if ((code & LIST_OF) !== 0) {
    if (!Array.isArray(value)) return [`${at}: expected a list, got ${show(value)}`];
    return value.flatMap((item, i) => checkSimple(code & ~LIST_OF, item, `${at}[${i}]`));
  }
  const type = TYPES[code];
  // A JSON integration hands an object over where the API wants its text (StartExecution's input).
  if (type === "string" && isObject(value) && at.endsWith(".input")) return [];
  return type === undefined || typeof value === type ? [] : [`${at}: expected a ${type}, got ${show(value)}`];
}

const isExpression = (value: unknown) => typeof value === "string" && /^\{%[\s\S]*%\}$/.test(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const show = (value: unknown) => JSON.stringify(value)?.slice(0, 80);
