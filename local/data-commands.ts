import { z } from "zod";
import { dataReportHtml } from "../lambdas/reports/data-report-html.ts";
import { BadInputError } from "../lambdas/stage.ts";
import { campaignReport } from "../lambdas/store/data-report.ts";
import { decideDataReview } from "../lambdas/store/data-reviews.ts";
import { decide } from "../lambdas/store/decisions.ts";
import { takeUpAgain } from "../lambdas/store/take-up.ts";
import { DecisionsRequest } from "../schemas/data-report.ts";
import { DataReviewRequest } from "../schemas/data-review.ts";
import { EXPORT_FORMATS, exportDataset } from "./formats/export.ts";
import type { Host } from "./host.ts";
import { addIntake } from "./intake.ts";

type Command = (host: Host, args: Record<string, unknown>) => Promise<unknown>;

/** What the command line asks about photos and labels as data: in, out, what is used, and going on with what there is. */
export const dataCommands: Readonly<Record<string, Command>> = {
  async add(host, args) {
    const { path, campaign, labels } = z
      .object({ path: z.string(), campaign: z.string(), labels: z.enum(["none", "folders", "list"]).optional() })
      .parse(args);
    return addIntake(host, campaign, path, labels === undefined ? {} : { labels });
  },

  /** Writes the newest frozen dataset to this computer in a form that other tools read. */
  async export(host, args) {
    const { campaign, format, out, sourcePrefix } = z
      .object({
        campaign: z.string(),
        format: z.enum(EXPORT_FORMATS),
        out: z.string(),
        sourcePrefix: z.string().optional(),
      })
      .parse(args);
    return exportDataset(host.ports, {
      campaign,
      format,
      out,
      ...(sourcePrefix === undefined ? {} : { sourcePrefix }),
    });
  },

  /** The data report, in full and as one file. */
  async "data-report"(host, args) {
    const { campaign } = z.object({ campaign: z.string().optional() }).parse(args);
    const { catalogue, report } = await campaignReport(host.ports, await theCampaign(host, campaign));
    return { report, html: await dataReportHtml(host.ports.objects, catalogue, report) };
  },

  /** What the data team says of images: use them, leave them out, take them back in. */
  async decide(host, args) {
    const { campaign, ...asked } = z
      .object({ campaign: z.string().optional(), ...DecisionsRequest.shape, by: z.string().default("data-team") })
      .parse(args);
    const result = await decide(host.ports, { campaign: await theCampaign(host, campaign), ...asked });
    if (result.kept.length === 0) return result;
    return { ...result, note: "images of the sealed test set stay: production sees such images too" };
  },

  /** What the data team says of the report as a whole: the step that waits goes on, or the cycle ends. */
  async "data-review"(host, args) {
    const { campaign, by, ...asked } = z
      .object({ campaign: z.string().optional(), ...DataReviewRequest.shape, by: z.string().default("data-team") })
      .parse(args);
    return decideDataReview(host.ports, { campaign: await theCampaign(host, campaign), by, how: "person", ...asked });
  },

  /** Goes on without new photos: with those of failed cycles, else with the last ones under the agreement in force. */
  async continue(host, args) {
    const { campaign } = z.object({ campaign: z.string() }).parse(args);
    return takeUpAgain(host.ports, campaign);
  },
};

/** The campaign that is named, or the only one. Throws BadInputError where that is not clear. */
async function theCampaign(host: Host, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const all = await host.campaigns();
  if (all.length === 1) return all[0] as string;
  throw new BadInputError(`say which campaign with --campaign: there are ${all.join(", ") || "none yet"}`);
}
