import { Hono } from "hono";
import { flaggedFor } from "../../domain/catalogue/report.ts";
import type { Catalogue, CatalogueEntry } from "../../schemas/catalogue.ts";
import {
  type DataImage,
  type DataReport,
  DataReportQuery,
  type DataReportView,
  DecisionsRequest,
  MOST_FLAGGED_SHOWN,
} from "../../schemas/data-report.ts";
import { DataReviewRequest } from "../../schemas/data-review.ts";
import type { Decision } from "../../schemas/decision.ts";
import { dataReportHtml } from "../reports/data-report-html.ts";
import { campaignReport } from "../store/data-report.ts";
import { decideDataReview, pendingDataReview } from "../store/data-reviews.ts";
import { decide } from "../store/decisions.ts";
import type { Session } from "../store/members.ts";
import { askedByTeam, askedCampaign, only } from "./access.ts";
import type { ImageLinks } from "./image-links.ts";
import { type ApiOptions, inForm, type PortalEnv, readBody } from "./portal.ts";

/** Duplicate groups of which the page shows images, and images of each. */
const GROUPS_SHOWN = 40;
const IMAGES_PER_GROUP = 12;
const EXCLUDED_SHOWN = 200;

/** The data team's report on its photos, and what it decides about them. The owner may look. */
export function dataRoutes(options: ApiOptions, images: ImageLinks): Hono<PortalEnv> {
  const { ports } = options;
  const routes = new Hono<PortalEnv>();
  routes.use(only(options, "data-team", "owner"));

  routes.get("/:campaign", async (c) => {
    const campaign = askedCampaign(c);
    const session = c.get("session");
    const { more } = inForm(DataReportQuery, c.req.query(), "the query");
    const { catalogue, beside, ...found } = await campaignReport(ports, campaign);
    const report = withMore(found.report, catalogue, more);
    const wanted = new Set(shownImages(report));
    const shown: Record<string, DataImage> = {};
    for (const entry of catalogue.entries) {
      if (wanted.has(entry.sha256))
        shown[entry.sha256] = await shownImage(images, session, campaign, entry, beside.decisions?.get(entry.sha256));
    }
    const view: DataReportView = {
      report,
      images: shown,
      mayAct: session.member.role === "data-team",
      waits: (await pendingDataReview(ports, campaign))?.cycle ?? null,
    };
    return c.json(view);
  });

  /** The same as one file to keep or to send: pictures inside, no script. */
  routes.get("/:campaign/report.html", async (c) => {
    const campaign = askedCampaign(c);
    const { catalogue, report } = await campaignReport(ports, campaign);
    return c.body(await dataReportHtml(ports.objects, catalogue, report), 200, {
      "content-type": "text/html; charset=utf-8",
      "content-disposition": `attachment; filename="${campaign}-images.html"`,
    });
  });

  routes.post("/:campaign/decisions", async (c) => {
    const { campaign, by } = askedByTeam(c);
    return c.json(await decide(ports, { campaign, by, ...(await readBody(c, DecisionsRequest)) }));
  });

  /** The report as a whole: labels may be bought, or not. */
  routes.post("/:campaign/review", async (c) => {
    const { campaign, by } = askedByTeam(c);
    const asked = await readBody(c, DataReviewRequest);
    return c.json(await decideDataReview(ports, { campaign, by, how: "person", ...asked }));
  });

  return routes;
}

/** The report with as many flagged images as were asked for, never fewer than its own examples. */
function withMore(report: DataReport, catalogue: Catalogue, more: string | undefined): DataReport {
  const asked = new Map((more ?? "").split(",").map((one) => one.split(":") as [string, string]));
  const flagged = report.flagged.map((one) => {
    const most = Math.min(Number(asked.get(one.code) ?? 0), MOST_FLAGGED_SHOWN);
    return most <= one.examples.length ? one : { ...one, examples: flaggedFor(catalogue, one.code).slice(0, most) };
  });
  return { ...report, flagged };
}

function shownImages({ flagged, groups, excluded }: DataReport): string[] {
  return [
    ...flagged.flatMap(({ examples }) => examples),
    ...groups.slice(0, GROUPS_SHOWN).flatMap((group) => group.images.slice(0, IMAGES_PER_GROUP)),
    ...excluded.slice(0, EXCLUDED_SHOWN).map(({ image }) => image),
  ];
}

async function shownImage(
  images: ImageLinks,
  session: Session,
  campaign: string,
  { sha256, names, facts, findings }: CatalogueEntry,
  decided: Decision | undefined,
): Promise<DataImage> {
  const { width, height } = facts;
  return {
    image: sha256,
    names,
    width,
    height,
    findings: findings.map(({ message }) => message),
    url: await images.link(session, campaign, sha256, "thumbnail"),
    ...(decided === undefined
      ? {}
      : {
          decision: { decision: decided.decision, reason: decided.reason, by: decided.by, at: decided.at },
        }),
  };
}
