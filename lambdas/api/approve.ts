import { Hono } from "hono";
import { type ApprovalView, DecisionRequest } from "../../schemas/portal.ts";
import { decide, modelVersion, pendingApproval } from "../store/approvals.ts";
import { cycleAgreement, readCampaign } from "../store/campaigns.ts";
import type { Session } from "../store/members.ts";
import { releaseState } from "../store/release.ts";
import { askedCampaign, mustBeFresh, only } from "./access.ts";
import type { ImageLinks } from "./image-links.ts";
import { type ApiOptions, type PortalEnv, readBody } from "./portal.ts";

/** Most of the worst mistakes that are shown. */
const SHOWN_MISTAKES = 24;

/** The owner's page: reading never decides; a decision is signed by an owner who signed in lately. */
export function approveRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const { ports } = options;
  const routes = new Hono<PortalEnv>();

  routes.get("/:campaign", only(options, "owner", "data-team"), async (c) => {
    return c.json(await approvalView(options, images, c.get("session"), askedCampaign(c)));
  });

  routes.post("/:campaign", only(options, "owner"), async (c) => {
    const campaign = askedCampaign(c);
    const session = c.get("session");
    const call = await readBody(c, DecisionRequest);
    mustBeFresh(options, session);
    const by = session.member.subject;
    return c.json(await decide(ports, { ...call, campaign, by, how: "person" }));
  });

  return routes;
}

async function approvalView(
  options: ApiOptions,
  images: ImageLinks,
  session: Session,
  campaign: string,
): Promise<ApprovalView> {
  const { ports } = options;
  const { head, agreement } = await readCampaign(ports, campaign);
  const pending = await pendingApproval(ports, campaign);
  if (pending === undefined) return { campaign, currency: agreement.currency };
  const { cycle, record, evidence, needed } = pending;
  const terms = await cycleAgreement(ports, campaign, cycle);
  const { champion } = await releaseState(ports, campaign);
  const { subject, role } = session.member;
  const catalogue = await images.catalogue(campaign);
  const worst = evidence.evaluation.mistakes
    .filter(({ sha256 }) => catalogue?.places.has(sha256))
    .slice(0, SHOWN_MISTAKES);
  const mistakes = worst.map(async ({ sha256, truth, predicted, confidence }) => ({
    url: await images.link(session, campaign, sha256),
    truth,
    predicted,
    confidence,
  }));
  return {
    campaign,
    currency: agreement.currency,
    pending: {
      cycle,
      modelVersion: modelVersion(evidence.modelSha256),
      needed,
      evidence,
      decisions: record.decisions.map(({ by, decision, reason, at }) => ({ by, decision, reason, at })),
      mistakes: await Promise.all(mistakes),
      release: {
        firstRelease: champion === undefined,
        candidateShare: terms.release.candidateShare,
        minimumRequests: terms.release.minimumRequests,
        watchHours: terms.release.watchHours,
      },
      expertPriceMicros: Math.round(terms.expertPricePerAnswer * 1e6),
      mayDecide:
        role === "owner" &&
        !record.decisions.some(({ by }) => by === subject) &&
        !(terms.approvals.excludeRequester && head.requester === subject),
    },
  };
}
