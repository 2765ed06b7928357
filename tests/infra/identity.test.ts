/** People on AWS: the API's authorizer says who they are, their membership what they may do, on every request. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { PORTAL_AUDIENCES } from "../../infra/functions.ts";
import { output } from "../../infra/lambda/log-line.ts";
import { portalHandler } from "../../infra/lambda/portal.ts";
import { PARTS } from "../../lambdas/api/app.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { invite, members, openSession, revoke } from "../../lambdas/store/members.ts";
import { Campaign } from "../../schemas/campaign.ts";
import type { Role } from "../../schemas/member.ts";

type World = ReturnType<typeof memoryPorts>;
type Claims = Record<string, string>;
let ports: World;

beforeEach(async () => {
  vi.stubEnv("ORIGIN", "https://portal.example");
  vi.stubEnv("ENVIRONMENT", "dev");
  vi.spyOn(output, "log").mockImplementation(() => {});
  ports = memoryPorts({ environment: "dev" });
  const agreement = Campaign.parse({
    name: "parts",
    classes: ["ok", "crack"],
    vendors: [
      { id: "alder", name: "Alder", pricePerAnswer: 0.03 },
      { id: "birch", name: "Birch", pricePerAnswer: 0.03 },
    ],
  });
  await createCampaign(ports, agreement, "anna");
});

const seconds = () => Math.floor(ports.clock.now() / 1000);
/** An access token's claims as the authorizer hands them over: texts. */
const person = (sub: string, change: Claims = {}): Claims => ({
  sub,
  token_use: "access",
  username: sub,
  auth_time: String(seconds()),
  exp: String(seconds() + 3600),
  ...change,
});

async function ask(
  method: string,
  path: string,
  claims?: Claims,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const audience = Object.values(PORTAL_AUDIENCES).find(({ routes }) =>
    routes.some((route) => path === route || path.startsWith(`${route}/`)),
  );
  const handler = portalHandler(audience?.routes ?? [], ports, PARTS) as unknown as (
    event: unknown,
  ) => Promise<{ statusCode: number; body: string }>;
  const answer = await handler({
    version: "2.0",
    routeKey: `${method} ${path}`,
    rawPath: path,
    rawQueryString: "",
    headers: { host: "portal.example", "content-type": "application/json", authorization: "Bearer x", ...headers },
    requestContext: {
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "t" },
      domainName: "portal.example",
      requestId: "1",
      ...(claims === undefined ? {} : { authorizer: { jwt: { claims, scopes: null } } }),
    },
    isBase64Encoded: false,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

/** Somebody who was invited, signed in and took the invitation up. */
async function member(sub: string, role: Role, vendor?: string): Promise<string> {
  const secret = await invite(ports, {
    campaign: "parts",
    role,
    subject: sub,
    ttlSeconds: 3600,
    ...(vendor === undefined ? {} : { vendor }),
  });
  expect((await ask("POST", "/api/session", person(sub), { invitation: secret })).status).toBe(200);
  return secret;
}

test("an invitation is taken up once, by whoever is signed in, and gives no other session", async () => {
  const secret = await member("sub-ann", "annotator", "alder");
  const again = await ask("POST", "/api/session", person("sub-ann"), { invitation: secret });
  expect(again).toMatchObject({ status: 200, body: { role: "annotator", vendor: "alder" } });
  expect(again.body).not.toHaveProperty("session");
  expect(await ask("POST", "/api/session", person("sub-eve"), { invitation: secret })).toMatchObject({
    status: 401,
    body: { error: "wrong-token" },
  });
  expect((await ask("POST", "/api/session", undefined, { invitation: secret })).status).toBe(401);
  expect((await ask("GET", "/api/me", person("sub-ann"))).body).toMatchObject({ role: "annotator" });
});

test("who is signed in but a member of nothing is let in nowhere", async () => {
  expect(await ask("GET", "/api/me", person("sub-stranger"))).toMatchObject({
    status: 403,
    body: { error: "revoked" },
  });
});

test("a laptop's session opens nothing here, in a header or in a cookie", async () => {
  const secret = await invite(ports, { campaign: "parts", role: "owner", subject: "olga", ttlSeconds: 3600 });
  const { session } = await openSession(ports, secret);
  const headers = { authorization: `Bearer ${session}`, cookie: `countersign-owner=${session}` };
  expect((await ask("GET", "/api/approve/parts", undefined, undefined, headers)).status).toBe(401);
  expect((await ask("GET", "/api/approve/parts", person("sub-eve"), undefined, headers)).status).toBe(403);
});

describe("every audience by every role", () => {
  const doors = {
    "/api/annotate/work": ["annotator"],
    "/api/review/tasks": ["expert"],
    "/api/vendor/lots": ["vendor"],
    "/api/approve/parts": ["owner", "data-team"],
    "/api/campaigns": ["data-team", "owner"],
  };
  test.each(["annotator", "expert", "vendor", "owner", "data-team"] as const)("%s", async (role) => {
    const ofVendor = role === "annotator" || role === "vendor";
    await member(`sub-${role}`, role, ofVendor ? "alder" : undefined);
    for (const [path, roles] of Object.entries(doors)) {
      const { status, body } = await ask("GET", path, person(`sub-${role}`));
      if (roles.includes(role)) expect([path, status === 401 || status === 403]).toEqual([path, false]);
      else expect([path, status, body.error]).toEqual([path, 403, "wrong-role"]);
    }
  });

  test("a vendor decides nothing", async () => {
    await member("sub-vendor", "vendor", "alder");
    for (const path of ["/api/approve/parts", "/api/campaigns/parts/pause", "/api/review/tasks/1"])
      expect([path, (await ask("POST", path, person("sub-vendor"), {})).status]).toEqual([path, 403]);
  });
});

test("revoking ends it at once, and the next holder of the place needs an invitation of their own", async () => {
  await member("sub-ann", "annotator", "alder");
  const [ann] = await members(ports, "parts");
  await revoke(ports, ann?.id as string);
  expect((await ask("GET", "/api/me", person("sub-ann"))).status).toBe(403);
  const secret = await invite(ports, {
    campaign: "parts",
    role: "annotator",
    vendor: "alder",
    subject: "sub-ann",
    ttlSeconds: 3600,
  });
  // A new invitation alone gives the old holder nothing back.
  expect((await ask("GET", "/api/me", person("sub-ann"))).status).toBe(403);
  expect((await ask("POST", "/api/session", person("sub-new"), { invitation: secret })).status).toBe(200);
  expect((await ask("GET", "/api/me", person("sub-ann"))).status).toBe(403);
});

test("a decision asks for a sign-in within the hour", async () => {
  await member("sub-olga", "owner");
  const decision = {
    cycle: 1,
    evidenceDigest: "0".repeat(64),
    modelVersion: "aaaaaaaa",
    decision: "approve",
    reason: "",
  };
  const early = person("sub-olga", { auth_time: String(seconds() - 3601) });
  expect(await ask("POST", "/api/approve/parts", early, decision)).toMatchObject({
    status: 401,
    body: { error: "stale-session" },
  });
  expect((await ask("POST", "/api/approve/parts", person("sub-olga"), decision)).body.error).not.toBe("stale-session");
});

test.each([
  ["a program's token", { username: undefined }],
  ["an identity token", { token_use: "id" }],
  ["no time of the sign-in", { auth_time: undefined }],
])("%s is nobody", async (_, change) => {
  await member("sub-olga", "owner");
  const claims = Object.fromEntries(
    Object.entries({ ...person("sub-olga"), ...change }).filter(([, value]) => value !== undefined),
  ) as Claims;
  expect((await ask("GET", "/api/me", claims)).status).toBe(401);
});
