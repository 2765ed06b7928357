/** The functions' own clients, made as they are made on Lambda, before an AWS that says "too fast". */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { PortName } from "../../infra/access.ts";
import { CLIENT } from "../../infra/lambda/client-settings.ts";
import { ThrottledError } from "../../lambdas/ports.ts";

let server: Server;
const asked = new Map<string, number>();
/** Answers left that say "too fast", by service. */
const busy = new Map<string, number>();

const SERVICES: [service: string, is: RegExp][] = [
  ["dynamodb", /^DynamoDB_/],
  ["states", /^AWSStepFunctions/],
  ["kms", /^TrentService/],
];

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const target = String(request.headers["x-amz-target"] ?? "");
      const service =
        SERVICES.find(([, is]) => is.test(target))?.[0] ??
        (request.url?.startsWith("/endpoints/") ? "sagemaker" : request.method === "POST" ? "sns" : "s3");
      asked.set(service, (asked.get(service) ?? 0) + 1);
      const left = busy.get(service) ?? Number.POSITIVE_INFINITY;
      busy.set(service, left - 1);
      if (left <= 0) {
        response.writeHead(200, { "content-type": "application/x-amz-json-1.0", etag: '"e"' });
        return response.end("{}");
      }
      if (service === "s3") {
        response.writeHead(503, { "content-type": "application/xml" });
        return response.end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
      }
      if (service === "sns") {
        response.writeHead(400, { "content-type": "text/xml" });
        return response.end(
          "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
        );
      }
      response.writeHead(400, {
        "content-type": "application/x-amz-json-1.0",
        "x-amzn-errortype": "ThrottlingException",
      });
      return response.end(JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const settings: Record<string, string> = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    BUCKET: "bucket",
    TABLE: "table",
    SEAL_KEY: "seal",
    SIGN_KEY: "sign",
    TOPIC_DATA_TEAM: "arn:aws:sns:eu-central-1:123456789012:data",
    TOPIC_VENDOR: "arn:aws:sns:eu-central-1:123456789012:vendor",
    TOPIC_OWNER: "arn:aws:sns:eu-central-1:123456789012:owner",
    MACHINE_CAMPAIGN: "arn:aws:states:eu-central-1:123456789012:stateMachine:c:live",
    MACHINE_LOT: "arn:aws:states:eu-central-1:123456789012:stateMachine:l:live",
    MACHINE_RELEASE: "arn:aws:states:eu-central-1:123456789012:stateMachine:r:live",
    MACHINE_MONITOR: "arn:aws:states:eu-central-1:123456789012:stateMachine:m:live",
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

/** One call by every port's own client. */
const CALLS: Record<PortName, { service: string; call: () => Promise<unknown> }> = {
  objects: {
    service: "s3",
    call: async () => (await import("../../infra/lambda/ports/objects.ts")).objects.put("a", Buffer.from("x"), "any"),
  },
  records: {
    service: "dynamodb",
    call: async () => (await import("../../infra/lambda/ports/records.ts")).records.get({ pk: "p", sk: "s" }),
  },
  tokens: {
    service: "states",
    call: async () => (await import("../../infra/lambda/ports/tokens.ts")).tokens.succeed("t", {}),
  },
  workflows: {
    service: "states",
    call: async () => (await import("../../infra/lambda/ports/workflows.ts")).workflows.start("lot", "n", {}),
  },
  sealer: {
    service: "kms",
    call: async () => (await import("../../infra/lambda/ports/sealer.ts")).sealer.sign("t"),
  },
  notifier: {
    service: "sns",
    call: async () =>
      (await import("../../infra/lambda/ports/notifier.ts")).notifier.notify({
        audience: "owner",
        subject: "s",
        text: "t",
      }),
  },
  endpoints: {
    service: "sagemaker",
    call: async () =>
      (await import("../../infra/lambda/ports/endpoints.ts")).endpoints.invoke("e", Buffer.from("x"), "image/jpeg"),
  },
};

test("every port's client tries five times, then says it in the one word that workflows retry on", async () => {
  const ports = Object.entries(CALLS);
  const ended = await Promise.all(
    ports.map(async ([port, { call }]) => [port, await call().catch((error: unknown) => error)]),
  );
  for (const [port, error] of ended) expect([port, (error as Error).name]).toEqual([port, ThrottledError.name]);
  const tries = (service: string) => ports.filter(([, one]) => one.service === service).length * CLIENT.maxAttempts;
  for (const { service } of Object.values(CALLS))
    expect([service, asked.get(service)]).toEqual([service, tries(service)]);
}, 120_000);

test("what passes after two tries is no error at all", async () => {
  busy.set("dynamodb", 2);
  asked.delete("dynamodb");
  await expect(CALLS.records.call()).resolves.toBeUndefined();
  expect(asked.get("dynamodb")).toBe(3);
}, 60_000);
