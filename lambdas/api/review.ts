import { Hono } from "hono";
import { z } from "zod";
import { type ImageView, ReviewAnswersRequest, type ReviewImage } from "../../schemas/portal.ts";
import { openReviews, submitReviews } from "../store/reviews.ts";
import { only } from "./access.ts";
import { guideOf } from "./guide.ts";
import type { ImageLinks } from "./image-links.ts";
import { type ApiOptions, inForm, type PortalEnv, readBody } from "./portal.ts";

const Query = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) });

/** What experts do: gold, inspection samples, the expert queue; blind to what anybody said and to why they are asked. */
export function reviewRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const { ports } = options;
  const routes = new Hono<PortalEnv>();
  routes.use(only(options, "expert"));

  routes.get("/guide", async (c) => c.json(await guideOf(ports, c.get("session").member.campaign, [])));

  routes.get("/tasks", async (c) => {
    const { limit } = inForm(Query, c.req.query(), "the query");
    const session = c.get("session");
    const { campaign, subject } = session.member;
    const open = await openReviews(ports, { campaign, expert: subject, limit });
    const seen = open.map(({ image }) => image);
    const views = await images.views(session, campaign, seen);
    return c.json(open.map(({ task }, at): ReviewImage => ({ task, ...(views[at] as ImageView) })));
  });

  routes.post("/answers", async (c) => {
    const { answers } = await readBody(c, ReviewAnswersRequest);
    const { campaign, subject } = c.get("session").member;
    return c.json(await submitReviews(ports, { campaign, expert: subject, answers }));
  });

  return routes;
}
