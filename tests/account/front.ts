/** One loopback address for all of AWS: executions by the engine, endpoints by the job runner, the rest by moto. Everything is checked. */
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { type ApiRequest, answerErrors, apiRequest, requestErrors, serviceOf } from "../../infra/checks/wire.ts";
import type { Objects } from "../../lambdas/ports.ts";
import { answerS3 } from "./s3-face.ts";
import type { StatesAnswer } from "./step-functions.ts";

export interface FrontOptions {
  /** Where S3, DynamoDB, KMS and SNS are. */
  moto: string;
  /** S3's objects; without it moto keeps them. */
  objects?: Objects;
  /** Without it moto keeps executions, and runs none. */
  states?: (operation: string, input: Record<string, unknown>) => StatesAnswer;
  invokeEndpoint?: (
    name: string,
    body: Uint8Array,
    contentType: string,
  ) => Promise<{ status: number; body: Uint8Array }>;
  /** S3 tells of an object that was written. */
  onObjectCreated?: (bucket: string, key: string) => void;
}

export interface Front {
  url: string;
  /** `s3:GetObject` -> how often. */
  requests: Record<string, number>;
  /** What AWS's model or the SDK's schemas refuse, each once. */
  findings: Set<string>;
  close(): Promise<void>;
}

export async function openFront(options: FrontOptions): Promise<Front> {
  const models = serviceModels();
  const requests: Front["requests"] = {};
  const findings: Front["findings"] = new Set();
  const note = (call: ApiRequest) => {
    const name = `${call.service}:${call.operation}`;
    requests[name] = (requests[name] ?? 0) + 1;
    for (const finding of requestErrors(call, models)) findings.add(`${name}: ${finding}`);
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const { method = "GET", url = "/", headers } = request;
    const service = serviceOf(headers);
    const call = apiRequest({ service, method, url, headers, body }, models);
    note(call);
    if (service === "states" && options.states !== undefined) {
      const said = options.states(call.operation, call.input);
      for (const finding of answerErrors(call, said, models)) findings.add(`answer of ${service}:${finding}`);
      const refused = "error" in said;
      const text = JSON.stringify(refused ? { __type: said.error, message: said.message } : said.output);
      response.writeHead(refused ? 400 : 200, { "content-type": "application/x-amz-json-1.0" }).end(text);
    } else if (call.service === "sagemaker-runtime" && options.invokeEndpoint !== undefined) {
      const { EndpointName, ContentType } = call.input as { EndpointName: string; ContentType: string };
      const said = await options.invokeEndpoint(EndpointName, body, ContentType);
      response.writeHead(said.status, { "content-type": "application/json" }).end(said.body);
    } else {
      const status =
        service === "s3" && options.objects !== undefined
          ? await answerS3(options.objects, call.operation, call.input, response)
          : await passOn(options.moto, request, body, response);
      if (call.operation === "PutObject" && status === 200)
        options.onObjectCreated?.(String(call.input.Bucket), String(call.input.Key));
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      findings.add(`${request.method} ${request.url?.split("?")[0]}: ${error.message}`);
      response.writeHead(500).end(error.message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    requests,
    findings,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Sends the same bytes to moto and its answer back; resolves with the status. */
function passOn(to: string, request: IncomingMessage, body: Uint8Array, response: ServerResponse): Promise<number> {
  return new Promise((resolve, reject) => {
    const onward = send(
      `${to}${request.url}`,
      { method: request.method ?? "GET", headers: request.headers },
      (answered) => {
        response.writeHead(answered.statusCode ?? 500, answered.headers);
        answered.pipe(response);
        answered.once("end", () => resolve(answered.statusCode ?? 500));
        answered.once("error", reject);
      },
    );
    onward.once("error", reject);
    onward.end(body);
  });
}
