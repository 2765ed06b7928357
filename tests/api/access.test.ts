import { describe, expect, it } from "vitest";
import { invite } from "../../lambdas/store/members.ts";
import type { Lease } from "../../schemas/portal.ts";
import { client, memberOf, ORIGIN, portalWorld } from "./world.ts";

const ROLES = [
  { role: "annotator", vendor: "north", subject: "ann" },
  { role: "expert", subject: "eve" },
  { role: "vendor", vendor: "north", subject: "boss" },
  { role: "owner", subject: "olga" },
  { role: "data-team", subject: "team" },
] as const;

/** A GET of each audience and who may make it. */
const PLACES: Record<string, string[]> = {
  "/api/annotate/lots": ["annotator"],
  "/api/annotate/guide": ["annotator"],
  "/api/review/tasks": ["expert"],
  "/api/review/guide": ["expert"],
  "/api/vendor/board": ["vendor"],
  "/api/vendor/statement": ["vendor"],
  "/api/approve/parts": ["owner", "data-team"],
  "/api/campaigns": ["owner", "data-team"],
  "/api/campaigns/parts": ["owner", "data-team"],
};

describe("who may come in", () => {
  it("every role opens its own places and no other", async () => {
    const world = await portalWorld();
    for (const who of ROLES) {
      const { ask } = await memberOf(world, who);
      for (const [place, roles] of Object.entries(PLACES)) {
        expect((await ask("GET", place)).status, `${who.role} ${place}`).toBe(roles.includes(who.role) ? 200 : 403);
      }
    }
    for (const place of Object.keys(PLACES)) expect((await client(world)("GET", place)).status, place).toBe(401);
  });

  it("an invitation sets a cookie that scripts can't read and other sites can't send", async () => {
    const world = await portalWorld();
    const invitation = await invite(world.ports, { campaign: "parts", role: "owner", subject: "olga", ttlSeconds: 60 });
    const { status, headers, body } = await client(world)("POST", "/api/session", { invitation });
    expect(status).toBe(200);
    const cookie = headers.get("set-cookie") ?? "";
    for (const word of ["HttpOnly", "SameSite=Strict", "Path=/"]) expect(cookie).toContain(word);
    const jar = cookie.split(";")[0] ?? "";
    expect((await client(world, { cookie: jar })("GET", "/api/me")).body).toMatchObject({
      role: "owner",
      campaign: "parts",
      subject: "olga",
    });
    expect(body).toMatchObject({ role: "owner", session: expect.any(String) });
  });

  it("over https the cookie is for https only", async () => {
    const world = await portalWorld({ origin: () => "https://studio.example" });
    const invitation = await invite(world.ports, { campaign: "parts", role: "owner", subject: "olga", ttlSeconds: 60 });
    expect((await client(world)("POST", "/api/session", { invitation })).headers.get("set-cookie")).toContain("Secure");
  });

  it("a POST with a cookie needs our origin; a foreign origin is refused whatever it carries", async () => {
    const world = await portalWorld();
    const { session, ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const cookie = { cookie: `countersign-annotator=${session}` };
    const at = "/api/annotate/lots/0-north/lease";
    const post = (headers: Record<string, string>) => client(world)("POST", at, { count: 1 }, headers);
    expect((await post({ ...cookie })).status).toBe(403);
    expect((await post({ ...cookie, origin: "http://evil.example" })).status).toBe(403);
    expect((await post({ ...cookie, origin: "null" })).status).toBe(403);
    expect((await post({ ...cookie, origin: ORIGIN })).status).toBe(200);
    expect((await ask("POST", at, { count: 1 }, { origin: "http://evil.example" })).status).toBe(403);
    expect((await ask("POST", at, { count: 1 })).status).toBe(200);
    expect((await client(world)("POST", "/predict/parts", "x", { origin: "http://evil.example" })).status).toBe(403);
  });

  it("wrong, expired and revoked are said apart", async () => {
    const world = await portalWorld();
    const { ask, id, session } = await memberOf(world, { role: "expert", subject: "eve" });
    const team = await memberOf(world, { role: "data-team", subject: "team" });
    expect((await client(world)("POST", "/api/session", { invitation: "nonsense" })).body).toMatchObject({
      error: "wrong-token",
    });
    const short = await invite(world.ports, { campaign: "parts", role: "expert", subject: "eve", ttlSeconds: 60 });
    world.ports.advance(61_000);
    expect((await client(world)("POST", "/api/session", { invitation: short })).body).toMatchObject({
      error: "expired-link",
    });
    expect((await ask("GET", "/api/review/tasks")).status).toBe(200);
    await team.ask("POST", "/api/campaigns/parts/revocations", { member: id });
    expect(await ask("GET", "/api/review/tasks")).toMatchObject({ status: 403, body: { error: "revoked" } });
    world.ports.advance(31 * 24 * 3600 * 1000);
    expect((await client(world, { authorization: `Bearer ${session}` })("GET", "/api/me")).body).toMatchObject({
      error: "expired-session",
    });
  });

  it("an image's address works for the member it was issued to, for 15 minutes, untouched", async () => {
    const world = await portalWorld();
    const { ask, id } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const colleague = await memberOf(world, { role: "annotator", vendor: "north", subject: "bob" });
    const team = await memberOf(world, { role: "data-team", subject: "team" });
    const lease = (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 2 })).body as Lease;
    const url = lease.items[0]?.url ?? "";
    expect((await ask("GET", url)).status).toBe(200);
    expect((await colleague.ask("GET", url)).status).toBe(400);
    expect((await client(world)("GET", url)).status).toBe(400);
    const parts = url.split("/");
    const address = parts[5] ?? "";
    const changed = (at: number) => `${address.slice(0, at)}${address[at] === "A" ? "B" : "A"}${address.slice(at + 1)}`;
    const another = lease.items[1]?.url.split("/")[5] ?? "";
    for (const [at, other] of [
      [3, "other"],
      [4, "thumbnail"],
      [4, "tiles"],
      ...Array.from({ length: address.length - 1 }, (_, i) => [5, changed(i)] as const),
      [5, `${address.slice(0, 60)}${another.slice(60)}`],
      [5, address.slice(0, -4)],
    ] as const) {
      expect(
        (await ask("GET", parts.map((part, index) => (index === at ? other : part)).join("/"))).status,
        String(at),
      ).toBe(400);
    }
    // It says nothing of the image: neither its digest nor a part of it, and another address for everybody.
    const sealed = Buffer.from(address, "base64url").toString("hex");
    for (const { sha256 } of world.images) expect(sealed).not.toContain(sha256.slice(0, 12));
    world.ports.advance(15 * 60_000 + 1000);
    expect(await ask("GET", url)).toMatchObject({ status: 410, body: { error: "expired-link" } });
    const fresh = (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 2 })).body as Lease;
    await team.ask("POST", "/api/campaigns/parts/revocations", { member: id });
    expect((await ask("GET", fresh.items[0]?.url ?? "")).status).toBe(403);
  });

  it("the data team of one campaign has no say in another; that of all has", async () => {
    const world = await portalWorld();
    const stranger = await memberOf(world, { campaign: "other", role: "data-team", subject: "x" });
    const studio = await memberOf(world, { campaign: "*", role: "data-team", subject: "studio" });
    const owner = await memberOf(world, { role: "owner", subject: "olga" });
    for (const [method, path, body] of [
      ["GET", "/api/campaigns/parts", undefined],
      ["GET", "/api/approve/parts", undefined],
      ["POST", "/api/campaigns/parts/status", { status: "paused" }],
      ["POST", "/api/campaigns/parts/invitations", { role: "owner", subject: "me" }],
    ] as const) {
      expect((await stranger.ask(method, path, body)).status, path).toBe(403);
      if (method === "POST") expect((await owner.ask(method, path, body)).status, path).toBe(403);
    }
    expect((await studio.ask("GET", "/api/campaigns")).body).toMatchObject([{ campaign: "parts" }]);
    expect(
      (
        await studio.ask("POST", "/api/campaigns/parts/invitations", {
          role: "annotator",
          vendor: "east",
          subject: "a",
        })
      ).body,
    ).toMatchObject({
      message: expect.stringContaining("north, south, west"),
    });
    const made = (
      await studio.ask("POST", "/api/campaigns/parts/invitations", {
        role: "annotator",
        vendor: "west",
        subject: "wim",
      })
    ).body as { link: string };
    const invitation = made.link.split("/join#")[1] ?? "";
    expect((await client(world)("POST", "/api/session", { invitation })).body).toMatchObject({
      role: "annotator",
      vendor: "west",
    });
  });

  it("secrets reach neither log lines nor query strings, and pages forbid inline script", async () => {
    const world = await portalWorld();
    const { ask, session } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const lease = (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 2 })).body as Lease;
    const url = lease.items[0]?.url ?? "";
    await ask("GET", url);
    const logged = JSON.stringify(world.lines);
    expect(world.lines.length).toBeGreaterThan(1);
    for (const secret of [session, url.split("/").at(-1) ?? "", "?"]) expect(logged).not.toContain(secret);
    const { headers } = await ask("GET", "/api/annotate/lots");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });
});
