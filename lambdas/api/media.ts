import { Hono } from "hono";
import { z } from "zod";
import { Role } from "../../schemas/member.ts";
import { CampaignName, Sha256 } from "../../schemas/names.ts";
import { BadInputError } from "../stage.ts";
import { sessionsOf } from "./access.ts";
import { type ImageLinks, imageType } from "./image-links.ts";
import { type ApiOptions, inForm, type PortalEnv } from "./portal.ts";

const Address = z.strictObject({
  campaign: CampaignName,
  variant: z.enum(["web", "thumbnail"]),
  image: Sha256,
  until: z.coerce.number().int().positive(),
  mac: Sha256,
});

/** Re-encoded images by signed address: whoever it was issued to, for 15 minutes, while they are a member. */
export function mediaRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const routes = new Hono<PortalEnv>();
  routes.get("/:campaign/:variant/:image/:until/:mac", async (c) => {
    const address = inForm(Address, c.req.param(), "the image's address");
    for (const session of await sessionsOf(options, c, Role.options)) {
      const bytes = await images.open(session, address);
      if (bytes === "expired")
        return c.json({ error: "expired-link", message: "this image's address has expired; load the page again" }, 410);
      if (bytes !== undefined) return c.body(Buffer.from(bytes), 200, { "content-type": imageType(bytes) });
    }
    throw new BadInputError("there is no such image for you");
  });
  return routes;
}
