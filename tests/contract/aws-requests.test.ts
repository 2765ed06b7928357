/**
 * What moto can't do: Step Functions' task tokens, a busy AWS, a live endpoint. The real clients serialise and parse here,
 * against a tiny loopback server that answers as the services do; that AWS answers so is in docs/unproven.md.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { awsPorts } from "../../adapters/aws/index.ts";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { answerErrors, apiRequest, requestErrors, serviceOf } from "../../infra/checks/wire.ts";
import { ConflictError, type Ports, ThrottledError, TokenGoneError } from "../../lambdas/ports.ts";

interface Seen {
  target: string;
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}
let server: Server;
let ports: Ports;
let seen: Seen[] = [];
const models = serviceModels();
/** What AWS's model says against our requests, and against what this server makes up as answers. */
const wrong = new Set<string>();
let answer: (request: Seen) => { status: number; body?: string; headers?: Record<string, string> };

const json = (status: number, value: unknown) => ({
  status,
  body: JSON.stringify(value),
  headers: { "content-type": "application/x-amz-json-1.0" },
});
const refusal =
  (name: string, status = 400) =>
  () =>
    json(status, { __type: `com.amazonaws.states#${name}`, message: `${name} said no` });
const xml = (status: number, code: string) => () => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
});

function judged({ target, method, path, headers, body }: Seen, status: number, answered: string): string[] {
  const wire = { service: serviceOf(headers), method, url: path, headers, body: Buffer.from(body) };
  const call = apiRequest(wire, models);
  const findings = requestErrors(call, models);
  if (!target.startsWith("AWSStepFunctions")) return findings;
  const said = JSON.parse(answered) as { __type?: string };
  const output = status === 200 ? { output: said } : { error: String(said.__type).split("#").at(-1) as string };
  return [...findings, ...answerErrors(call, output, models)];
}

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one = {
        target: String(request.headers["x-amz-target"] ?? ""),
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(one);
      const { status, body = "", headers = {} } = answer(one);
      for (const finding of judged(one, status, body)) wrong.add(finding);
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const arn = (name: string) => `arn:aws:states:eu-central-1:123456789012:stateMachine:${name}:live`;
  const topic = "arn:aws:sns:eu-central-1:123456789012:people";
  ports = awsPorts(
    {
      environment: "dev",
      bucket: "bucket",
      table: "table",
      sealKeyId: "seal",
      signKeyId: "sign",
      topics: { "data-team": topic, vendor: topic, owner: topic },
      machines: { lot: arn("Lot"), campaign: arn("Campaign") },
    },
    {
      endpoint: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
      region: "eu-central-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      maxAttempts: 1,
    },
  );
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  seen = [];
});

describe("task tokens", () => {
  test("success, failure and heartbeat are sent as Step Functions reads them", async () => {
    answer = () => json(200, {});
    await ports.tokens.succeed("token-1", { lots: 3 });
    await ports.tokens.fail("token-1", "E".repeat(300), "c".repeat(40_000));
    await ports.tokens.heartbeat("token-1");
    expect(seen.map(({ target }) => target)).toEqual([
      "AWSStepFunctions.SendTaskSuccess",
      "AWSStepFunctions.SendTaskFailure",
      "AWSStepFunctions.SendTaskHeartbeat",
    ]);
    expect(JSON.parse(seen[0]?.body as string)).toEqual({ taskToken: "token-1", output: '{"lots":3}' });
    const failure = JSON.parse(seen[1]?.body as string);
    expect([failure.error.length, failure.cause.length]).toEqual([256, 32_768]);
  });

  test.each(["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"])(
    "%s means that nobody waits any more",
    async (name) => {
      answer = refusal(name);
      await expect(ports.tokens.succeed("token-1", {})).rejects.toThrow(TokenGoneError);
      await expect(ports.tokens.fail("token-1", "E", "c")).rejects.toThrow(TokenGoneError);
      await expect(ports.tokens.heartbeat("token-1")).rejects.toThrow(TokenGoneError);
    },
  );

  test("a throttled answer may be tried again, a refused form may not", async () => {
    answer = refusal("ThrottlingException");
    await expect(ports.tokens.succeed("token-1", {})).rejects.toThrow(ThrottledError);
    answer = refusal("InvalidOutput");
    await expect(ports.tokens.succeed("token-1", {})).rejects.not.toThrow(ThrottledError);
    await expect(ports.tokens.succeed("token-1", {})).rejects.not.toThrow(TokenGoneError);
  });
});

describe("executions", () => {
  test("an execution that closed with the same input counts as started, with another input as a conflict", async () => {
    answer = ({ target }) =>
      target.endsWith("StartExecution")
        ? refusal("ExecutionAlreadyExists")()
        : json(200, {
            status: "SUCCEEDED",
            input: '{"lot":"a"}',
            startDate: 1,
            executionArn: "x",
            stateMachineArn: "y",
          });
    await ports.workflows.start("lot", "lot-a", { lot: "a" });
    expect(JSON.parse(seen[0]?.body as string)).toMatchObject({
      stateMachineArn: expect.stringContaining(":stateMachine:Lot:live"),
      name: "lot-a",
    });
    expect(JSON.parse(seen[1]?.body as string)).toEqual({
      executionArn: "arn:aws:states:eu-central-1:123456789012:execution:Lot:lot-a",
    });
    await expect(ports.workflows.start("lot", "lot-a", { lot: "b" })).rejects.toThrow(ConflictError);
  });

  test("a machine that was not deployed is named, with those that were", async () => {
    await expect(ports.workflows.start("lots", "a", {})).rejects.toThrow(
      'no state machine "lots"; there are campaign, lot',
    );
  });

  test("history keeps states and failures over several pages", async () => {
    const pages = [
      {
        events: [
          { id: 1, previousEventId: 0, timestamp: 1, type: "ExecutionStarted" },
          {
            id: 2,
            previousEventId: 0,
            timestamp: 2.5,
            type: "TaskStateEntered",
            stateEnteredEventDetails: { name: "OfferLot" },
          },
        ],
        nextToken: "more",
      },
      {
        events: [
          {
            id: 3,
            previousEventId: 2,
            timestamp: 3,
            type: "LambdaFunctionFailed",
            lambdaFunctionFailedEventDetails: { error: "ThrottledError", cause: "busy" },
          },
        ],
      },
    ];
    answer = ({ body }) => json(200, JSON.parse(body).nextToken ? pages[1] : pages[0]);
    expect(await ports.workflows.history("lot", "lot-a")).toEqual([
      { id: 1, previousEventId: 0, timestamp: 1000, type: "ExecutionStarted" },
      {
        id: 2,
        previousEventId: 0,
        timestamp: 2500,
        type: "TaskStateEntered",
        state: "OfferLot",
        details: { name: "OfferLot" },
      },
      {
        id: 3,
        previousEventId: 2,
        timestamp: 3000,
        type: "LambdaFunctionFailed",
        error: "ThrottledError",
        cause: "busy",
        details: { error: "ThrottledError", cause: "busy" },
      },
    ]);
  });
});

describe("a busy AWS is ThrottledError by every port", () => {
  test.each([
    [503, "SlowDown"],
    [409, "ConditionalRequestConflict"],
    [500, "InternalError"],
  ])("S3 %i %s", async (status, code) => {
    answer = xml(status, code);
    await expect(ports.objects.put("a", Buffer.from("x"), "absent")).rejects.toThrow(ThrottledError);
    await expect(ports.objects.get("a")).rejects.toThrow(ThrottledError);
    await expect(ports.objects.list("a")[Symbol.asyncIterator]().next()).rejects.toThrow(ThrottledError);
  });

  test("S3 403 is not mistaken for an object that is not there", async () => {
    answer = xml(403, "AccessDenied");
    await expect(ports.objects.get("a")).rejects.toThrow(expect.objectContaining({ name: "AccessDenied" }));
  });

  test.each([
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "TransactionConflictException",
    "InternalServerError",
  ])("DynamoDB %s", async (name) => {
    answer = refusal(name);
    await expect(ports.records.get({ pk: "a", sk: "b" })).rejects.toThrow(ThrottledError);
    await expect(ports.records.put({ pk: "a", sk: "b" }, {}, "any")).rejects.toThrow(ThrottledError);
    await expect(ports.records.query("a")).rejects.toThrow(ThrottledError);
  });

  test.each([
    ["ConditionalCheckFailed", ConflictError],
    ["TransactionConflict", ThrottledError],
    ["ThrottlingError", ThrottledError],
    ["ProvisionedThroughputExceeded", ThrottledError],
  ])("a transaction cancelled for %s", async (code, expected) => {
    answer = () =>
      json(400, {
        __type: "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        Message: "no",
        CancellationReasons: [{ Code: "None" }, { Code: code, Message: "x" }],
      });
    const write = { op: "put" as const, body: {}, condition: "any" as const };
    await expect(ports.records.transact([{ ...write, key: { pk: "a", sk: "b" } }])).rejects.toThrow(expected);
  });

  test("KMS and SNS", async () => {
    answer = refusal("ThrottlingException");
    await expect(ports.sealer.seal("a", "b")).rejects.toThrow(ThrottledError);
    await expect(ports.sealer.sign("a")).rejects.toThrow(ThrottledError);
    answer = () => ({
      status: 400,
      body: "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>",
    });
    await expect(ports.notifier.notify({ audience: "owner", subject: "a", text: "b" })).rejects.toThrow(ThrottledError);
  });
});

test("every read of records asks for what was written last", async () => {
  answer = () => json(200, {});
  await ports.records.get({ pk: "a", sk: "b" });
  await ports.records.query("a");
  expect(seen.map(({ target, body }) => [target.split(".")[1], JSON.parse(body).ConsistentRead])).toEqual([
    ["GetItem", true],
    ["Query", true],
  ]);
});

describe("endpoints", () => {
  test("bytes go and come as they are", async () => {
    answer = ({ body }) => ({
      status: 200,
      body: `{"got":${body.length}}`,
      headers: { "content-type": "application/json" },
    });
    const { status, body } = await ports.endpoints.invoke("live", Buffer.from("image"), "image/jpeg");
    expect([status, Buffer.from(body).toString()]).toEqual([200, '{"got":5}']);
    expect(seen[0]).toMatchObject({
      method: "POST",
      path: "/endpoints/live/invocations",
      headers: { "content-type": "image/jpeg" },
    });
  });

  test("what the container refuses is its status and message", async () => {
    answer = () => ({
      status: 424,
      headers: { "x-amzn-errortype": "ModelError" },
      body: JSON.stringify({ message: "x", OriginalStatusCode: 415, OriginalMessage: "not an image" }),
    });
    const { status, body } = await ports.endpoints.invoke("live", Buffer.from("?"), "image/jpeg");
    expect([status, Buffer.from(body).toString()]).toEqual([415, "not an image"]);
  });

  test("an endpoint that is not there is EndpointUnavailable", async () => {
    answer = () => ({
      status: 400,
      headers: { "x-amzn-errortype": "ValidationError" },
      body: JSON.stringify({ message: "Endpoint live of account not found." }),
    });
    await expect(ports.endpoints.invoke("live", Buffer.from("?"), "image/jpeg")).rejects.toThrow(
      expect.objectContaining({ name: "EndpointUnavailable" }),
    );
  });
});

test("AWS's model takes every request, and every answer that this server made up", () => {
  expect([...wrong]).toEqual([]);
});
