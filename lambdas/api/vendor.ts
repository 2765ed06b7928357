import { Hono } from "hono";
import { z } from "zod";
import { withAmounts } from "../../domain/pricing/amounts.ts";
import { DisputeRequest, type VendorBoard } from "../../schemas/portal.ts";
import { readCampaign } from "../store/campaigns.ts";
import { openDispute } from "../store/disputes.ts";
import { statement } from "../store/ledger.ts";
import { vendorBoard } from "../store/lots.ts";
import type { Session } from "../store/members.ts";
import { only } from "./access.ts";
import { type ApiOptions, inForm, type PortalEnv, readBody } from "./portal.ts";
import { statementCsv } from "./statement-csv.ts";

const Query = z.strictObject({ format: z.enum(["json", "csv"]).default("json") });

/** What a vendor's manager sees: its own lots, why work came back, what is owed. Nobody else's. */
export function vendorRoutes(options: ApiOptions): Hono<PortalEnv> {
  const { ports } = options;
  const routes = new Hono<PortalEnv>();
  routes.use(only(options, "vendor"));

  routes.get("/board", async (c) => {
    const { campaign, vendor } = firm(c.get("session"));
    const { agreement } = await readCampaign(ports, campaign);
    const view: VendorBoard = {
      campaign,
      vendor,
      name: agreement.vendors.find((one) => one.id === vendor)?.name ?? vendor,
      currency: agreement.currency,
      lots: await vendorBoard(ports, { campaign, vendor }),
      statement: await statement(ports, { campaign, party: vendor }),
    };
    return c.json(view);
  });

  /** Objects to a verdict; a third expert looks at its defects, blind, and a person of the data team decides. */
  routes.post("/disputes", async (c) => {
    const objection = await readBody(c, DisputeRequest);
    return c.json(await openDispute(ports, { ...firm(c.get("session")), ...objection }));
  });

  routes.get("/statement", async (c) => {
    const { format } = inForm(Query, c.req.query(), "the query");
    const { campaign, vendor } = firm(c.get("session"));
    const account = await statement(ports, { campaign, party: vendor });
    if (format === "json") return c.json(withAmounts(account, account.currency));
    return c.body(statementCsv(account), 200, {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="statement-${campaign}-${vendor}.csv"`,
    });
  });

  return routes;
}

function firm({ member }: Session): { campaign: string; vendor: string } {
  return { campaign: member.campaign, vendor: member.vendor ?? "" };
}
