import { z } from "zod";
import { takeUpAgain } from "../lambdas/store/take-up.ts";
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

  /** Goes on without new photos: with those of failed cycles, else with the last ones under the agreement in force. */
  async continue(host, args) {
    const { campaign } = z.object({ campaign: z.string() }).parse(args);
    return takeUpAgain(host.ports, campaign);
  },
};
