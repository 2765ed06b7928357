/** The functions' own code: what stands between AWS's events and the stages. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { keepApproval } from "../../infra/lambda/keep-approval.ts";
import { output } from "../../infra/lambda/log-line.ts";
import { portalHandler } from "../../infra/lambda/portal.ts";
import { stageHandler } from "../../infra/lambda/stage-handler.ts";
import { startCycle } from "../../infra/lambda/start-cycle.ts";
import { world } from "../../infra/lambda/world.ts";
import { PARTS } from "../../lambdas/api/app.ts";
import { stage } from "../../lambdas/stage.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import { sweep } from "../../lambdas/sweep.ts";
import { Campaign } from "../../schemas/campaign.ts";

let lines: Record<string, unknown>[] = [];
beforeEach(() => {
  lines = [];
  vi.spyOn(output, "log").mockImplementation((line) => void lines.push(JSON.parse(String(line))));
  vi.stubEnv("ENVIRONMENT", "dev");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const campaign = Campaign.parse({
  name: "parts",
  classes: ["ok", "bad"],
  guideline: {},
  vendors: [{ id: "v1", name: "V", pricePerAnswer: 0.01 }],
});
async function withCampaign() {
  const ports = memoryPorts();
  await createCampaign(ports, campaign, "anna");
  return ports;
}
const sealed = (key: string) => ({ detail: { bucket: { name: "b" }, object: { key } } });

test("a sealed intake starts one cycle, however often it is announced", async () => {
  const ports = await withCampaign();
  const handler = startCycle(ports);
  expect(await handler(sealed("campaigns/parts/intakes/0a/_SUCCESS"))).toEqual({ cycle: 1 });
  expect(await handler(sealed("campaigns/parts/intakes/0a/_SUCCESS"))).toEqual({ cycle: 1 });
  expect(ports.workflows.started()).toEqual([
    { machine: "campaign", name: "parts-1", input: { campaign: "parts", cycle: 1, intake: "0a" } },
  ]);
});

test("a second intake waits, and an event out of order changes nothing", async () => {
  const ports = await withCampaign();
  const handler = startCycle(ports);
  await handler(sealed("campaigns/parts/intakes/0a/_SUCCESS"));
  expect(await handler(sealed("campaigns/parts/intakes/0b/_SUCCESS"))).toEqual({ cycle: null });
  expect(await handler(sealed("campaigns/parts/intakes/0a/_SUCCESS"))).toEqual({ cycle: 1 });
  expect((await ports.records.get<{ queue: string[] }>(recordKeys.campaign("parts")))?.body.queue).toEqual(["0b"]);
});

test.each([
  "campaigns/parts/intakes/0a/manifest.jsonl",
  "x/campaigns/parts/intakes/0a/_SUCCESS",
  "campaigns/parts/intakes/0a/b/_SUCCESS",
])("%s is no seal", async (key) => {
  const ports = await withCampaign();
  await expect(startCycle(ports)(sealed(key))).rejects.toThrow("is no seal of an intake");
  expect(ports.workflows.started()).toEqual([]);
});

test("a port that a function was built without is refused by name", () => {
  const ports = world({});
  expect(() => ports.records).toThrow('built without the port "records"');
  expect(ports.environment).toBe("dev");
});

const half = stage({
  name: "half",
  input: z.strictObject({ n: z.number() }),
  output: z.strictObject({ n: z.number() }),
  async run({ n }) {
    if (n < 0) throw Object.assign(new Error("no"), { name: "NegativeError" });
    return { n: n / 2 };
  },
});

test("a stage's log line is its metric, with its name and whether it failed", async () => {
  // Lambda wraps what the global console says, and a metric in it is found by nobody.
  const wrapped = vi.spyOn(console, "log");
  const handler = stageHandler(half, {});
  expect(await handler({ n: 4 })).toEqual({ n: 2 });
  await expect(handler({ n: -1 })).rejects.toThrow("no");
  expect(lines.map(({ stage: name, outcome, failed }) => [name, outcome, failed])).toEqual([
    ["half", "ok", 0],
    ["half", "NegativeError", 1],
  ]);
  expect(wrapped).not.toHaveBeenCalled();
  const line = lines[0] as { _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] } };
  const [metrics] = line._aws.CloudWatchMetrics;
  expect(metrics?.Dimensions).toEqual([["stage"], []]);
  for (const { Name } of metrics?.Metrics ?? []) expect(lines[0]?.[Name]).toBeTypeOf("number");
});

test("no line says a task's token or a secret, whether a stage succeeds, refuses its input or breaks", async () => {
  const token = "AQCEAAAAKgAAAAMAAAAAtask-token";
  const secret = stage({
    name: "secret",
    input: z.strictObject({ token: z.string().min(1), wrong: z.boolean() }),
    output: z.strictObject({}),
    async run({ token: held, wrong }) {
      if (wrong) throw new Error(`could not wake ${held}`);
      return {};
    },
  });
  const handler = stageHandler(secret, {});
  await handler({ token, wrong: false });
  await expect(handler({ token, wrong: true })).rejects.toThrow("could not wake");
  await expect(handler({ token, wrong: token })).rejects.toThrow("is not of its form");
  expect(lines.length).toBeGreaterThan(0);
  expect(JSON.stringify(lines)).not.toContain(token);
  await expect(handler({ token, wrong: token })).rejects.not.toThrow(token);

  // The portal: neither the bearer, the invitation nor an image's address.
  vi.stubEnv("ORIGIN", "https://portal.example");
  const portal = portalHandler(["/api/session", "/api/media"], memoryPorts(), PARTS) as unknown as (
    event: unknown,
  ) => Promise<Answer>;
  const invitation = "inv.secret-invitation";
  const asked = request("POST", "/api/session", JSON.stringify({ invitation }));
  const headers = { ...asked.headers, origin: "https://portal.example", authorization: "Bearer secret-bearer" };
  await portal({ ...asked, headers });
  await portal({ ...request("GET", `/api/media/parts/web/${"a".repeat(80)}`), headers });
  expect(lines.filter(({ route }) => route !== undefined)).toHaveLength(2);
  expect(JSON.stringify(lines)).not.toMatch(/secret-bearer|secret-invitation|aaaa/);
});

const request = (method: string, path: string, body?: string) => ({
  version: "2.0",
  routeKey: `${method} ${path}`,
  rawPath: path,
  rawQueryString: "",
  headers: { host: "portal.example", "content-type": "application/json" },
  requestContext: {
    http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "t" },
    domainName: "portal.example",
    requestId: "1",
    stage: "$default",
    timeEpoch: 0,
  },
  isBase64Encoded: false,
  ...(body === undefined ? {} : { body }),
});
type Answer = { statusCode: number; body: string };

test("an audience's function answers its own routes, and every other is not there", async () => {
  vi.stubEnv("ORIGIN", "https://portal.example");
  const handler = portalHandler(["/api/annotate", "/api/vendor"], memoryPorts(), PARTS) as unknown as (
    event: unknown,
  ) => Promise<Answer>;
  expect((await handler(request("GET", "/api/vendor/lots"))).statusCode).toBe(401);
  for (const path of [
    "/api/approve/parts",
    "/api/campaigns",
    "/api/annotates",
    "/api/review/tasks",
    "/predict/parts",
    "/",
  ]) {
    const answer = await handler(request("GET", path));
    expect([path, answer.statusCode, JSON.parse(answer.body).message]).toEqual([path, 404, "there is nothing here"]);
  }
});

test("an approval is copied once, and its copy is never written over", async () => {
  const ports = memoryPorts();
  const audit = memoryPorts().objects;
  const key = "campaigns/parts/approvals/1-aa.json";
  await ports.objects.put(key, Buffer.from("{}"), "absent");
  const handler = keepApproval(ports, audit);
  await handler({ detail: { object: { key } } });
  await ports.objects.put(key, Buffer.from("altered"), "any");
  await handler({ detail: { object: { key } } });
  expect(Buffer.from((await audit.get(key))?.bytes as Uint8Array).toString()).toBe("{}");
  await expect(handler({ detail: { object: { key: "campaigns/parts/approvals/2-bb.json" } } })).rejects.toThrow(
    "is not there",
  );
});

test("the sweep starts again what was recorded but not started", async () => {
  const ports = await withCampaign();
  await startCycle(ports)(sealed("campaigns/parts/intakes/0a/_SUCCESS"));
  const { workflows } = memoryPorts();
  await sweep({ ...ports, workflows });
  expect(workflows.started()).toHaveLength(1);
  await sweep({ ...ports, workflows });
  expect(workflows.started()).toHaveLength(1);
});

test("the sweep tells a decision again whose token may not have been sent", async () => {
  const ports = await withCampaign();
  await startCycle(ports)(sealed("campaigns/parts/intakes/0a/_SUCCESS"));
  ports.tokens.issue("waiting");
  const sealedToken = await ports.sealer.seal("waiting", "approval#parts#1");
  const zeros = "0".repeat(64);
  const record = {
    evidenceKey: "e",
    evidenceDigest: zeros,
    modelSha256: zeros,
    status: "decided",
    decision: "reject",
    decisions: [],
    sealedToken,
  };
  await ports.records.put(recordKeys.approval("parts", 1), record, "absent");
  expect(await sweep(ports)).toMatchObject({ campaigns: 1, approvals: 1 });
  expect(ports.tokens.answerOf("waiting")).toEqual({ output: { decision: "reject" } });
  await sweep(ports);
});
