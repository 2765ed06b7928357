/** What travelled, read back into the API's own members by AWS's model: so that requests of running code can be checked. */
import { checkValue, type Operation, type ServiceModel, type Shape } from "../../workflow/checks/requests.ts";
import { sdkFindings } from "./sdk-schemas.ts";

export interface WireRequest {
  /** By the signature's scope: s3, dynamodb, kms, sns, states, sagemaker. */
  service: string;
  method: string;
  /** Path and query. */
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Uint8Array;
}
export interface ApiRequest {
  service: string;
  operation: string;
  input: Record<string, unknown>;
}

/** `credential=.../s3/aws4_request` -> `s3`. */
export function serviceOf(headers: WireRequest["headers"]): string {
  return /\/([\w-]+)\/aws4_request/.exec(String(headers.authorization ?? ""))?.[1] ?? "";
}

/** The operation and its members. Throws an Error for what AWS's model has no operation or member for. */
export function apiRequest(wire: WireRequest, models: Readonly<Record<string, ServiceModel>>): ApiRequest {
  const service =
    wire.service === "sagemaker" && wire.url.startsWith("/endpoints/") ? "sagemaker-runtime" : wire.service;
  const model = models[service];
  if (model === undefined) throw new Error(`no model for the service "${service}"`);
  switch (model.metadata.protocol) {
    case "json":
      return {
        service,
        operation: String(wire.headers["x-amz-target"]).split(".").at(-1) as string,
        input: JSON.parse(Buffer.from(wire.body).toString("utf8") || "{}") as Record<string, unknown>,
      };
    case "query": {
      const {
        Action,
        Version: _,
        ...input
      } = Object.fromEntries(new URLSearchParams(Buffer.from(wire.body).toString("utf8")));
      return { service, operation: String(Action), input };
    }
    default:
      return restRequest(service, model, wire);
  }
}

/** The rest of a request is signature and transport; these headers carry no member. */
const TRANSPORT =
  /^(?:x-amz-(?:content-sha256|date|security-token|user-agent|decoded-content-length|trailer|sdk-.*|target)|amz-sdk-.*)$/;

function restRequest(service: string, model: ServiceModel, { method, url, headers, body }: WireRequest): ApiRequest {
  const { pathname, searchParams } = new URL(url, "http://aws");
  const path = pathname.split("/").slice(1).map(decodeURIComponent);
  const operation = service === "s3" ? s3Operation(method, path, searchParams) : "InvokeEndpoint";
  const places = service === "s3" ? { Bucket: path[0], Key: path.slice(1).join("/") } : { EndpointName: path[1] };
  const shape = model.shapes[(model.operations[operation] as Operation).input?.shape ?? ""] as Shape;
  const input: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [member, { shape: of, location, locationName = member }] of Object.entries(shape.members ?? {})) {
    const text =
      location === "uri"
        ? places[member as keyof typeof places]
        : location === "header"
          ? headers[locationName.toLowerCase()]
          : location === "querystring"
            ? (searchParams.get(locationName) ?? undefined)
            : undefined;
    if (location === "header") known.add(locationName.toLowerCase());
    if (text === undefined || (text === "" && location !== "querystring")) continue;
    input[member] = typed(model.shapes[of] as Shape, String(text));
  }
  if (body.length > 0 && "Body" in (shape.members ?? {})) input.Body = body;
  const unknown = Object.keys(headers).filter(
    (name) => /^(?:x-)?amz-/.test(name) && !known.has(name) && !TRANSPORT.test(name),
  );
  if (unknown.length > 0) throw new Error(`${service}:${operation} has no member for the header ${unknown.join(", ")}`);
  return { service, operation, input };
}

function s3Operation(method: string, path: readonly string[], query: URLSearchParams): string {
  const key = path.slice(1).join("/");
  const found =
    key === ""
      ? method === "GET" && query.get("list-type") === "2"
        ? "ListObjectsV2"
        : undefined
      : { GET: "GetObject", HEAD: "HeadObject", PUT: "PutObject", DELETE: "DeleteObject" }[method];
  if (found === undefined) throw new Error(`no S3 operation of ours is ${method} /${path.join("/")}?${query}`);
  return found;
}

function typed(shape: Shape, text: string): unknown {
  if (shape.type === "integer" || shape.type === "long") return Number(text);
  return shape.type === "boolean" ? text === "true" : text;
}

/** What is wrong with a request, by botocore's model and by the SDK's schemas. */
export function requestErrors(
  { service, operation, input }: ApiRequest,
  models: Readonly<Record<string, ServiceModel>>,
): string[] {
  const model = models[service];
  const shape = model?.operations[operation]?.input?.shape;
  if (model === undefined || shape === undefined) return [`AWS has no ${service}:${operation}`];
  return [...checkValue(model, shape, input, operation), ...sdkFindings(service, operation, input)];
}

/** What is wrong with an answer that a stand-in gave: its members, or the error that it named. */
export function answerErrors(
  { service, operation }: Pick<ApiRequest, "service" | "operation">,
  answer: { output?: unknown; error?: string },
  models: Readonly<Record<string, ServiceModel>>,
): string[] {
  const model = models[service];
  const known = model?.operations[operation];
  if (model === undefined || known === undefined) return [`AWS has no ${service}:${operation}`];
  if (answer.error !== undefined) {
    const named = (known.errors ?? []).map(({ shape }) => shape);
    return named.includes(answer.error) || COMMON.has(answer.error)
      ? []
      : [`${operation}: it never fails as ${answer.error}; known are ${named.join(", ")}`];
  }
  if (known.output === undefined) return [];
  return [
    ...checkValue(model, known.output.shape, answer.output, operation),
    ...sdkFindings(service, operation, answer.output, "output"),
  ];
}

/** Errors of every service, which its model does not list. */
const COMMON = new Set([
  "ThrottlingException",
  "Throttling",
  "ValidationException",
  "ValidationError",
  "AccessDenied",
  "AccessDeniedException",
  "InternalServerError",
  "InternalError",
  "SlowDown",
  "ServiceUnavailable",
]);
