/** Signing in with an identity provider, in a real browser: the code flow with PKCE against a provider on the same loopback. */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../../lambdas/api/app.ts";
import { type Identity, invite, members, revoke } from "../../lambdas/store/members.ts";
import { buildWeb, publicFilesIn } from "../../web/build.ts";
import { portalWorld, type World } from "../api/world.ts";
import { CHROMIUM, NO_BROWSER, openBrowser } from "./browser.ts";

/** An authorization server of one person, who is always willing; it holds codes to their challenge. */
class Provider {
  readonly tokens = new Map<string, Identity>();
  readonly codes = new Map<string, { challenge: string; subject: string }>();
  readonly asked: URLSearchParams[] = [];
  subject = "sub-ann";
  lifetimeSeconds = 3600;
  now: () => number = Date.now;

  async fetch(request: Request): Promise<Response | undefined> {
    const url = new URL(request.url);
    if (url.pathname === "/oauth2/authorize") {
      const { searchParams: asked } = url;
      this.asked.push(asked);
      const code = randomUUID();
      this.codes.set(code, { challenge: asked.get("code_challenge") ?? "", subject: this.subject });
      const back = new URL(asked.get("redirect_uri") ?? "");
      back.search = new URLSearchParams({ code, state: asked.get("state") ?? "" }).toString();
      return Response.redirect(back.href, 302);
    }
    if (url.pathname !== "/oauth2/token") return undefined;
    const given = new URLSearchParams(await request.text());
    const held = this.codes.get(given.get("code") ?? "");
    this.codes.delete(given.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(given.get("code_verifier") ?? "")
      .digest("base64url");
    if (held === undefined || held.challenge !== challenge)
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    const token = randomUUID();
    const now = this.now();
    this.tokens.set(token, { subject: held.subject, signedInAt: now, expiresAt: now + this.lifetimeSeconds * 1000 });
    return Response.json({ access_token: token, expires_in: this.lifetimeSeconds });
  }
}

describe.skipIf(CHROMIUM === undefined)(CHROMIUM === undefined ? NO_BROWSER : "people on AWS", () => {
  let browser: Browser;
  let world: World;
  let server: Server;
  let url = "";
  let folder = "";
  const provider = new Provider();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "countersign-sign-in-"));
    await buildWeb(folder);
    const files = publicFilesIn(folder);
    world = await portalWorld({ publicFolder: folder, origin: () => url });
    provider.now = () => world.ports.clock.now();
    const api = createApi({
      ports: world.ports,
      origin: () => url,
      publicFiles: async (path) =>
        path === "/sign-in.json"
          ? {
              bytes: Buffer.from(JSON.stringify({ authority: url, clientId: "pages" })),
              contentType: "application/json",
            }
          : files(path),
      identity: (request) => provider.tokens.get((request.headers.get("authorization") ?? "").replace("Bearer ", "")),
    });
    server = await new Promise<Server>((resolve) => {
      const handle = async (request: Request) => (await provider.fetch(request)) ?? api.fetch(request);
      const made = serve({ fetch: handle, hostname: "127.0.0.1", port: 0 }, () => resolve(made as Server)) as Server;
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await openBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    (server as unknown as { closeAllConnections(): void } | undefined)?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("an invitation opens after the sign-in, stays out of addresses, and the page works", async () => {
    const secret = await invite(world.ports, {
      campaign: world.agreement.name,
      role: "owner",
      subject: "olga",
      ttlSeconds: 3600,
    });
    const page = await (await browser.newContext()).newPage();
    const addresses: string[] = [];
    page.on("request", (request) => addresses.push(request.url()));
    await page.goto(`${url}/join#${secret}`);
    await page.waitForURL((at) => at.pathname.startsWith("/approve"));
    await page.waitForFunction(() => document.querySelector("main .loading, .loading") === null);
    if (process.env.COUNTERSIGN_PICTURES !== undefined)
      await page.screenshot({ path: join(process.env.COUNTERSIGN_PICTURES, "signed-in.png") });
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(addresses.filter((one) => one.split("#")[0]?.includes(secret.slice(0, 20)))).toEqual([]);
    expect(provider.asked).toHaveLength(1);
    expect(provider.asked[0]?.get("code_challenge_method")).toBe("S256");
    expect((await members(world.ports, world.agreement.name)).find(({ subject }) => subject === "olga")?.identity).toBe(
      "sub-ann",
    );
    // Nothing that opens the portal is left in a cookie.
    expect(await page.context().cookies()).toEqual([]);
    // Revoked, the next request is refused although the token still lives.
    const [olga] = (await members(world.ports, world.agreement.name)).filter(({ subject }) => subject === "olga");
    await revoke(world.ports, olga?.id as string);
    await page.reload();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("You can't see this page now");
  }, 60_000);

  it("an answer that nobody asked for is refused", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${url}/signed-in?code=stolen&state=guessed`);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("no answer to a sign-in that was begun in this tab");
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  }, 60_000);
});
