import type { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import { createApi } from "../../lambdas/api/app.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { setting } from "./settings.ts";
import { world } from "./world.ts";

/** The portal's routes of one audience behind an HTTP API; every other path is not there. Pages come from S3. */
export function portalHandler(routes: readonly string[], given: Partial<Ports>) {
  const api = createApi({
    ports: world(given),
    publicFiles: async () => undefined,
    origin: () => setting("ORIGIN"),
    log: (line) => console.log(JSON.stringify(line)),
  });
  const mine = (path: string) => routes.some((route) => path === route || path.startsWith(`${route}/`));
  async function fetch(request: Request): Promise<Response> {
    if (!mine(new URL(request.url).pathname))
      return Response.json({ error: "not-found", message: "there is nothing here" }, { status: 404 });
    return api.fetch(request);
  }
  return handle({ fetch } as unknown as Hono);
}
