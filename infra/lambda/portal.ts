import type { Hono } from "hono";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { createFront, type Part } from "../../lambdas/api/front.ts";
import type { ApiOptions } from "../../lambdas/api/portal.ts";
import type { Ports } from "../../lambdas/ports.ts";
import type { Identity } from "../../lambdas/store/members.ts";
import { logLine } from "./log-line.ts";
import { setting } from "./settings.ts";
import { world } from "./world.ts";

/**
 * The portal's routes of one audience behind an HTTP API; every other path is not there. Pages come from S3. The API's JWT
 * authorizer has verified the token; who is a member of what is looked up by its subject on every request.
 */
export function portalHandler(routes: readonly string[], given: Partial<Ports>, parts: readonly Part[]) {
  const identities = new WeakMap<Request, Identity>();
  const options: ApiOptions = {
    ports: world(given),
    publicFiles: async () => undefined,
    origin: () => setting("ORIGIN"),
    identity: (request) => identities.get(request),
    log: logLine,
  };
  const api = createFront(options, parts);
  const mine = (path: string) => routes.some((route) => path === route || path.startsWith(`${route}/`));
  async function fetch(request: Request, { event }: { event: LambdaEvent }): Promise<Response> {
    if (!mine(new URL(request.url).pathname))
      return Response.json({ error: "not-found", message: "there is nothing here" }, { status: 404 });
    const identity = identityOf(event);
    if (identity !== undefined) identities.set(request, identity);
    return api.fetch(request);
  }
  return handle({ fetch } as unknown as Hono);
}

/** The verified claims of a person's access token; a program's token has no user behind it. */
function identityOf(event: unknown): Identity | undefined {
  const { requestContext } = event as {
    requestContext?: { authorizer?: { jwt?: { claims?: Record<string, unknown> } } };
  };
  const claims = requestContext?.authorizer?.jwt?.claims ?? {};
  const seconds = (name: string) => Number(claims[name]) * 1000;
  const subject = claims.sub;
  if (typeof subject !== "string" || subject === "" || claims.token_use !== "access" || claims.username === undefined)
    return undefined;
  if (!Number.isFinite(seconds("auth_time")) || !Number.isFinite(seconds("exp"))) return undefined;
  return { subject, signedInAt: seconds("auth_time"), expiresAt: seconds("exp") };
}
