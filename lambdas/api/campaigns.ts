import { Hono } from "hono";
import {
  AdjudicationRequest,
  type CampaignSummary,
  HistoryQuery,
  ImageQuery,
  InviteRequest,
  ReplyRequest,
  RevokeRequest,
  RollbackRequest,
  StatusRequest,
} from "../../schemas/portal.ts";
import { BadInputError } from "../stage.ts";
import { pendingApproval } from "../store/approvals.ts";
import { campaignNames, readCampaign, readCycle } from "../store/campaigns.ts";
import { adjudicate } from "../store/disputes.ts";
import { imageHistory } from "../store/image-history.ts";
import { invite, members, revoke } from "../store/members.ts";
import { replyTo } from "../store/questions.ts";
import { rollBack } from "../store/rollback.ts";
import { setStatus } from "../store/status.ts";
import { askedByTeam, askedCampaign, only } from "./access.ts";
import { historyPage } from "./history.ts";
import type { ImageLinks } from "./image-links.ts";
import { type ApiOptions, inForm, type PortalEnv, readBody } from "./portal.ts";
import { watchView } from "./watch.ts";

/** What the data team (and, reading only, the owner) sees of its campaigns, and the few things it may do there. */
export function campaignRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const { ports } = options;
  const routes = new Hono<PortalEnv>();
  routes.use(only(options, "data-team", "owner"));

  routes.get("/", async (c) => {
    const { campaign } = c.get("session").member;
    const names = campaign === "*" ? await campaignNames(ports) : [campaign];
    return c.json(await Promise.all(names.map((name) => summary(options, name))));
  });

  routes.get("/:campaign", async (c) => c.json(await watchView(options, c.get("session"), askedCampaign(c))));

  routes.get("/:campaign/history", async (c) => {
    const campaign = askedCampaign(c);
    return c.json(await historyPage(options, campaign, inForm(HistoryQuery, c.req.query(), "the query")));
  });

  routes.get("/:campaign/images", async (c) => {
    const campaign = askedCampaign(c);
    const { image } = inForm(ImageQuery, c.req.query(), "the query");
    const history = await imageHistory(ports, campaign, image);
    if (history === undefined) {
      throw new BadInputError(
        `"${campaign}" knows no image "${image}"; give a file's name as it was dropped, or its sha256`,
      );
    }
    const there = (await images.catalogue(campaign))?.places.has(history.image) ?? false;
    return c.json({ ...history, url: there ? await images.link(c.get("session"), campaign, history.image) : null });
  });

  routes.post("/:campaign/status", async (c) => {
    const { campaign } = askedByTeam(c);
    const { status } = await readBody(c, StatusRequest);
    await setStatus(ports, campaign, status);
    return c.json({ campaign, status });
  });

  /** The owner who decided on the release, or whoever of the data team sees it break, goes back; a person's name stands with it. */
  routes.post("/:campaign/rollbacks", async (c) => {
    const order = await readBody(c, RollbackRequest);
    const { reason, to } = order;
    const by = c.get("session").member.subject;
    return c.json(await rollBack(ports, askedCampaign(c), { by, reason, ...(to === undefined ? {} : { to }) }));
  });

  routes.post("/:campaign/invitations", async (c) => {
    const { campaign } = askedByTeam(c);
    const body = await readBody(c, InviteRequest);
    const { agreement } = await readCampaign(ports, campaign);
    if (body.vendor !== undefined && !agreement.vendors.some(({ id }) => id === body.vendor)) {
      throw new BadInputError(
        `"${body.vendor}" is no vendor of "${campaign}"; its vendors are ${agreement.vendors.map(({ id }) => id).join(", ")}`,
      );
    }
    const { vendor, ...rest } = body;
    const secret = await invite(ports, { campaign, ...rest, ...(vendor === undefined ? {} : { vendor }) });
    return c.json({ link: `${options.origin()}/join#${secret}` });
  });

  routes.post("/:campaign/revocations", async (c) => {
    const { campaign } = askedByTeam(c);
    const { member } = await readBody(c, RevokeRequest);
    if (!(await members(ports, campaign)).some(({ id }) => id === member))
      throw new BadInputError(`"${member}" is no member of "${campaign}"`);
    const { revokedAt } = await revoke(ports, member);
    return c.json({ member, revokedAt });
  });

  routes.post("/:campaign/adjudications", async (c) => {
    const { campaign, by } = askedByTeam(c);
    return c.json(await adjudicate(ports, { campaign, by, ...(await readBody(c, AdjudicationRequest)) }));
  });

  routes.post("/:campaign/replies", async (c) => {
    const { campaign, by } = askedByTeam(c);
    return c.json(await replyTo(ports, campaign, { ...(await readBody(c, ReplyRequest)), by }));
  });

  return routes;
}

async function summary({ ports }: ApiOptions, campaign: string): Promise<CampaignSummary> {
  const { head } = await readCampaign(ports, campaign);
  const last = head.cycles === 0 ? undefined : await readCycle(ports, campaign, head.cycles);
  return {
    campaign,
    status: head.status,
    cycles: head.cycles,
    openCycle: head.openCycle,
    waiting: head.queue.length,
    ...(last === undefined ? {} : { lastOutcome: last.outcome }),
    needsDecision: (await pendingApproval(ports, campaign)) !== undefined,
  };
}
