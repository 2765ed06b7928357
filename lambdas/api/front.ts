import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ConflictError, StorageFullError, ThrottledError } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { LotRefusedError } from "../store/lots.ts";
import { type AccessCode, AccessError } from "../store/members.ts";
import { sameOrigin } from "./access.ts";
import { ImageLinks } from "./image-links.ts";
import type { ApiOptions, PortalContext, PortalEnv } from "./portal.ts";

/** Most bytes of a JSON body: 500 answers with a note of 500 characters each. */
const JSON_BYTES = 1024 * 1024;
/** Most bytes of an image to predict: what a serverless endpoint takes. */
const IMAGE_BYTES = 4 * 1024 * 1024;

/** Content security policy of every page. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const ACCESS_STATUS: Record<AccessCode, 401 | 403> = {
  "signed-out": 401,
  "wrong-token": 401,
  "expired-link": 401,
  "expired-session": 401,
  "stale-session": 401,
  revoked: 403,
  "wrong-role": 403,
  "wrong-origin": 403,
};

/** Pages that the one bundle draws; anything else that is no file is not found. */
const PAGES =
  /^\/(?:|join|signed-in|annotate|review|vendor|practice|approve(?:\/[a-z0-9-]+)?|data(?:\/[a-z0-9-]+)?|watch(?:\/[a-z0-9-]+)?)$/;

/** Some of the portal's routes, and where they stand. */
export interface Part {
  at: string;
  routes: (options: ApiOptions, images: ImageLinks) => Hono<PortalEnv>;
}

/** Pages and the given parts of the API as one function from Request to Response: what every host and audience has around them. */
export function createFront(
  options: ApiOptions,
  parts: readonly Part[],
): { fetch(request: Request): Promise<Response> } {
  const images = new ImageLinks(options.ports);
  const app = new Hono<PortalEnv>();

  app.use(async (c, next) => {
    const started = performance.now();
    await next();
    c.header("content-security-policy", POLICY);
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    c.header("x-frame-options", "DENY");
    c.header("cross-origin-opener-policy", "same-origin");
    c.header("cross-origin-resource-policy", "same-origin");
    c.header("permissions-policy", "camera=(), microphone=(), geolocation=()");
    c.header("countersign-now", new Date(options.ports.clock.now()).toISOString());
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
    // The first two parts say what was asked; the rest may hold a signed address.
    const route = c.req.path.split("/").slice(0, 3).join("/");
    options.log?.({
      method: c.req.method,
      route,
      status: c.res.status,
      milliseconds: Math.round(performance.now() - started),
    });
  });
  const tooLarge = (c: PortalContext, most: number) =>
    c.json({ error: "too-large", message: `the body is larger than ${most} bytes` }, 413);
  app.use("/api/*", bodyLimit({ maxSize: JSON_BYTES, onError: (c) => tooLarge(c as PortalContext, JSON_BYTES) }));
  app.use("/predict/*", bodyLimit({ maxSize: IMAGE_BYTES, onError: (c) => tooLarge(c as PortalContext, IMAGE_BYTES) }));
  app.use(sameOrigin(options));

  for (const { at, routes } of parts) app.route(at, routes(options, images));

  app.get("*", async (c) => {
    const { path } = c.req;
    if (path.startsWith("/api/")) return notThere(c);
    const asset = path.startsWith("/assets/");
    const file = await options.publicFiles(asset ? path : PAGES.test(path) ? "/index.html" : path);
    if (file === undefined) return notThere(c);
    return c.body(Buffer.from(file.bytes), 200, {
      "content-type": file.contentType,
      "cache-control": asset ? "public, max-age=31536000, immutable" : "no-cache",
    });
  });
  app.notFound((c) => notThere(c));
  app.onError((error, c) => failure(error, c, options));

  return { fetch: async (request) => app.fetch(request) };
}

function notThere(c: PortalContext): Response {
  return c.json(
    { error: "not-found", message: `there is nothing at ${c.req.method} ${c.req.path.slice(0, 200)}` },
    404,
  );
}

/** Errors as JSON that a person can act on; what is inside a broken world stays inside. */
function failure(error: Error, c: PortalContext, options: ApiOptions): Response {
  if (error instanceof AccessError)
    return c.json({ error: error.code, message: error.message }, ACCESS_STATUS[error.code]);
  if (error instanceof BadInputError) return c.json({ error: "bad-input", message: error.message }, 400);
  if (error instanceof LotRefusedError) {
    // Another vendor's lot and no lot at all are told apart by nobody.
    return error.reason === "unknown-lot" || error.reason === "not-yours"
      ? c.json({ error: "not-found", message: "there is no such lot for you" }, 404)
      : c.json({ error: error.reason, message: error.message }, 409);
  }
  if (error instanceof StorageFullError) {
    return c.json(
      {
        error: "storage-full",
        message: "there is no room left to write; nothing was changed. Free some space and try again",
      },
      507,
    );
  }
  if (error instanceof ThrottledError || error instanceof ConflictError) {
    return c.json({ error: "busy", message: "too many at once; nothing was changed. Try again in a second" }, 503, {
      "retry-after": "1",
    });
  }
  options.log?.({
    method: c.req.method,
    route: c.req.path.split("/").slice(0, 3).join("/"),
    error: error.name,
    message: error.message,
  });
  return c.json(
    {
      error: "internal",
      message: "something broke on our side; nothing was lost. Try again, and tell the data team if it stays",
    },
    500,
  );
}
