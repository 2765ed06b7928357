import { Hono } from "hono";
import { z } from "zod";
import { Role } from "../../schemas/member.ts";
import { CampaignName } from "../../schemas/names.ts";
import { BadInputError } from "../stage.ts";
import { sessionsOf } from "./access.ts";
import { type ImageLinks, imageType } from "./image-links.ts";
import { type ApiOptions, inForm, type PortalContext, type PortalEnv } from "./portal.ts";

const Address = z.strictObject({
  campaign: CampaignName,
  variant: z.enum(["web", "thumbnail", "tiles"]),
  address: z.string().regex(/^[\w-]{40,200}$/),
  tile: z
    .string()
    .regex(/^\d{1,3}-\d{1,3}$/)
    .optional(),
});

/** Re-encoded images by sealed address: whoever it was issued to, for 15 minutes, while they are a member. */
export function mediaRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const routes = new Hono<PortalEnv>();
  const answer = async (c: PortalContext) => {
    const { tile, ...address } = inForm(Address, c.req.param(), "the image's address");
    const [column = 0, row = 0] = tile?.split("-").map(Number) ?? [];
    const asked = { ...address, tile: tile === undefined ? undefined : { column, row } };
    for (const session of await sessionsOf(options, c, Role.options)) {
      const bytes = await images.open(session, asked);
      if (bytes === "expired")
        return c.json({ error: "expired-link", message: "this image's address has expired; load the page again" }, 410);
      if (bytes !== undefined) return c.body(Buffer.from(bytes), 200, { "content-type": imageType(bytes) });
    }
    throw new BadInputError("there is no such image for you");
  };
  routes.get("/:campaign/:variant/:address", answer);
  routes.get("/:campaign/:variant/:address/:tile", answer);
  return routes;
}
