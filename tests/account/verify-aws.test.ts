/** The command that asks a real account, before one that answers here: it says what it does, asks, and finds what differs. */
import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import { SFNClient } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { answerErrors, apiRequest, requestErrors } from "../../infra/checks/wire.ts";
import { readConfig } from "../../infra/config.ts";
import { detailsKey, type HistoryEvent } from "../../local/engine/history-event.ts";
import { deployedScene, leftBehind } from "./on-aws.ts";
import { replay, type Visit, visitsOf } from "./replay.ts";

const PROGRAM = fileURLToPath(new URL("./verify-aws.ts", import.meta.url));
const models = serviceModels();
const wrong: string[] = [];
const asked: Record<string, unknown>[] = [];
let answer: (input: Record<string, unknown>) => Record<string, unknown> = () => ({});
let server: Server;
let endpoint = "";

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const wire = { service: "states", method: "POST", url: "/", headers: request.headers, body: Buffer.concat(chunks) };
    const call = apiRequest(wire, models);
    asked.push(call.input);
    const output = answer(call.input);
    wrong.push(...requestErrors(call, models), ...answerErrors(call, { output }, models));
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(output));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** The command's exit code and what it said; `typed` goes to its question. */
function command(args: string[], typed?: string): Promise<{ code: number | null; said: string }> {
  const env = { ...process.env, AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(typed === undefined ? "" : `${typed}\n`);
  let said = "";
  const hear = (chunk: Buffer) => {
    said += chunk;
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise((resolve) => child.once("exit", (code) => resolve({ code, said })));
}

describe("the command", () => {
  test("a dry run says what it would do and what it costs, and does nothing", async () => {
    const { code, said } = await command(["--env", "dev", "--dry-run"]);
    expect([code, asked.length]).toEqual([0, 0]);
    expect(said).toMatch(/replay:.*no charge[\s\S]*smoke:.*about 2 USD/);
  });

  test("without a yes nothing is done", async () => {
    for (const typed of [undefined, "y"]) {
      const { code, said } = await command(["--env", "dev"], typed);
      expect([code, asked.length]).toEqual([0, 0]);
      expect(said).toContain("Nothing was done.");
    }
  });

  test.each([
    [[], "say which environment"],
    [["--env", "prod"], 'there is no environment "prod"; choose one of dev, staging, production'],
    [["--env", "production", "--part", "smoke"], "no smoke campaign runs in production"],
    [["--env", "dev", "--part", "all"], '--part is "all"; choose one of replay, smoke, teardown'],
  ])("%j is refused in words", async (args, expected) => {
    const { code, said } = await command(args);
    expect(code).toBe(1);
    expect(said).toContain(expected);
  });
});

const event = (id: number, type: string, details: Record<string, unknown>) =>
  ({
    id,
    previousEventId: id - 1,
    timestamp: "2026-01-01T00:00:00Z",
    type,
    [String(detailsKey(type))]: details,
  }) as HistoryEvent;
const history = [
  event(1, "TaskStateEntered", { name: "Ask", input: "{}" }),
  event(2, "TaskSucceeded", { output: '{"Payload":{"n":1}}' }),
  event(3, "TaskStateExited", { name: "Ask", output: "{}", assignedVariables: { n: "1" } }),
  event(4, "ChoiceStateEntered", { name: "Which", input: "{}" }),
  event(5, "ChoiceStateExited", { name: "Which", output: "{}" }),
  event(6, "TaskStateEntered", { name: "Broken", input: "{}" }),
  event(7, "TaskFailed", { error: "E" }),
  event(8, "TaskStateExited", { name: "Broken", output: "{}" }),
];

describe("the replay", () => {
  test("keeps each state's input, variables, answer, output and next state; failed ones are left out", () => {
    expect(visitsOf("m", history)).toEqual([
      {
        machine: "m",
        state: "Ask",
        input: "{}",
        variables: {},
        result: '{"Payload":{"n":1}}',
        output: "{}",
        next: "Which",
      },
      { machine: "m", state: "Which", input: "{}", variables: { n: 1 }, output: "{}", next: "Broken" },
    ]);
  });

  test("what AWS says otherwise is told; the request and the answer are of the API's form", async () => {
    const client = new SFNClient({
      endpoint,
      region: "eu-central-1",
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      disableHostPrefix: true,
    });
    const [ask, which] = visitsOf("m", history) as [Visit, Visit];
    answer = () => ({ status: "SUCCEEDED", output: "{}", nextState: "Which" });
    expect(await replay(client, { StartAt: "Ask" }, ask)).toEqual([]);
    expect(asked.at(-1)).toMatchObject({ stateName: "Ask", mock: { result: '{"Payload":{"n":1}}' }, variables: "{}" });
    answer = () => ({ status: "SUCCEEDED", output: '{"a":1}', nextState: "Ask" });
    expect(await replay(client, {}, which)).toEqual([
      "m Which: goes to Ask, here to Broken",
      'm Which: gives {"a":1}, here {}',
    ]);
    expect(asked.at(-1)).not.toHaveProperty("mock");
    answer = () => ({ status: "FAILED", error: "States.QueryEvaluationError", cause: "no" });
    expect(await replay(client, {}, which)).toEqual(["m Which: FAILED States.QueryEvaluationError: no"]);
    expect(wrong).toEqual([]);
  });
});

test("the deployed names are the stack's own, and a half deployed stack is refused", () => {
  const id = (type: string, name: string) => ({
    ResourceType: type,
    LogicalResourceId: `${name}1234ABCD`,
    PhysicalResourceId: name.toLowerCase(),
  });
  const all = [
    id("AWS::S3::Bucket", "Objects"),
    id("AWS::DynamoDB::Table", "Records"),
    id("AWS::KMS::Key", "SealKey"),
    id("AWS::KMS::Key", "SignKey"),
    ...["DataTeam", "Vendors", "Owners"].map((name) => id("AWS::SNS::Topic", name)),
  ];
  const aws = (resources: unknown[]) => (args: readonly string[]) =>
    args[0] === "sts" ? { Account: "123456789012" } : { StackResources: resources };
  expect(deployedScene(readConfig("dev"), aws(all)).ports.environment).toBe("dev");
  expect(() => deployedScene(readConfig("dev"), aws(all.slice(1)))).toThrow(
    "no AWS::S3::Bucket Objects in the data stack",
  );
});

test("what is left behind is listed, keys that wait for their end apart", () => {
  const aws = (args: readonly string[]) =>
    args[0] === "kms"
      ? { KeyMetadata: { KeyState: String(args.at(-1)).endsWith("old") ? "PendingDeletion" : "Enabled" } }
      : {
          ResourceTagMappingList: ["arn:aws:s3:::left", "arn:aws:kms:r:a:key/old", "arn:aws:kms:r:a:key/new"].map(
            (ResourceARN) => ({ ResourceARN }),
          ),
        };
  expect(leftBehind(aws, "dev")).toEqual(["arn:aws:s3:::left", "arn:aws:kms:r:a:key/new"]);
});
