/** A real browser on the built pages. Chromium is Debian's package `chromium`, or what COUNTERSIGN_CHROMIUM names. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { type Invitation, invite } from "../../lambdas/store/members.ts";
import { buildWeb } from "../../web/build.ts";
import { portalWorld, type World, type WorldOptions } from "../api/world.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where Chromium is; undefined where there is none. */
export const CHROMIUM = [process.env.COUNTERSIGN_CHROMIUM, ...PLACES].find(
  (place) => place !== undefined && existsSync(place),
);

/** Says in a test's name why it can't run here. On CI a missing browser is a failure, not a gap. */
export const NO_BROWSER =
  "needs Chromium: install it with `apt-get install chromium`, or name one in COUNTERSIGN_CHROMIUM";

export async function openBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error(NO_BROWSER);
  // Chromium refuses its sandbox to root; elsewhere it stays on.
  return chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

export interface Portal {
  world: World;
  url: string;
  close(): Promise<void>;
}

/** The portal of a memory world on a free loopback port, with freshly built pages. */
export async function openPortal(options: WorldOptions = {}): Promise<Portal> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-web-"));
  await buildWeb(folder);
  let url = "";
  const world = await portalWorld({ ...options, publicFolder: folder, origin: () => url });
  const server = await new Promise<Server>((resolve) => {
    const made = serve({ fetch: (request) => world.api.fetch(request), hostname: "127.0.0.1", port: 0 }, () =>
      resolve(made as Server),
    ) as Server;
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    world,
    url,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        (server as unknown as { closeAllConnections(): void }).closeAllConnections();
      });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Who = Omit<Invitation, "campaign" | "ttlSeconds"> & { campaign?: string };

/** Lets a person into a browser through an invitation link; returns their page, where their role works. */
export async function joinAs(portal: Portal, context: BrowserContext, who: Who): Promise<Page> {
  const secret = await invite(portal.world.ports, {
    campaign: portal.world.agreement.name,
    ttlSeconds: 86_400,
    ...who,
  });
  const page = await context.newPage();
  await page.goto(`${portal.url}/join#${secret}`);
  await page.waitForURL((url) => url.pathname !== "/join");
  return page;
}
