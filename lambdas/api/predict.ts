import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { CampaignName } from "../../schemas/names.ts";
import { predict } from "../store/predict.ts";
import { type ApiOptions, inForm, type PortalEnv } from "./portal.ts";

/** Most requests per second and at once; a serverless endpoint takes 200 at a time. */
const RATE = { perSecond: 200, burst: 400 };

/** The predict front: an image in, probabilities out. An endpoint bears its campaign's name. */
export function predictRoutes(options: ApiOptions): Hono<PortalEnv> {
  const routes = new Hono<PortalEnv>();
  let tokens = RATE.burst;
  let filledAt = performance.now();

  routes.post("/:endpoint", async (c) => {
    const now = performance.now();
    tokens = Math.min(RATE.burst, tokens + ((now - filledAt) / 1000) * RATE.perSecond);
    filledAt = now;
    if (tokens < 1) {
      return c.json(
        { error: "too-many-requests", message: `at most ${RATE.perSecond} requests per second; wait a second` },
        429,
        { "retry-after": "1" },
      );
    }
    tokens -= 1;
    const campaign = inForm(CampaignName, c.req.param("endpoint"), "the endpoint's name");
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (body.length === 0)
      return c.json(
        { error: "bad-input", message: "the body is empty; send the bytes of one JPEG, PNG or WebP image" },
        400,
      );
    const contentType = c.req.header("content-type") ?? "application/octet-stream";
    const answer = await predict(options.ports, { campaign, body, contentType });
    return c.body(Buffer.from(answer.body), answer.status as ContentfulStatusCode, {
      "content-type": "application/json",
      "x-countersign-model-version": answer.version,
    });
  });
  return routes;
}
