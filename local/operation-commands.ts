import { z } from "zod";
import { auditsOf } from "../lambdas/store/audits.ts";
import { readCampaign } from "../lambdas/store/campaigns.ts";
import { acceptProposal, endProposal, relabelProposal } from "../lambdas/store/monitor.ts";
import { releaseState } from "../lambdas/store/release.ts";
import { rollBack } from "../lambdas/store/rollback.ts";
import type { Host } from "./host.ts";

const OfCampaign = z.object({ campaign: z.string() });

/** What the data team does about a live model and its books. */
export const operationCommands = {
  /** What is proposed because real requests drift, if anything. */
  async proposal(host: Host, args: Record<string, unknown>) {
    const { campaign } = OfCampaign.parse(args);
    const { agreement } = await readCampaign(host.ports, campaign);
    const found = await relabelProposal(host.ports, campaign);
    if (found === undefined) return { campaign, proposal: null };
    const { status, openedAt, reasons, images, priceMicros } = found;
    const price = { price: priceMicros / 1e6, currency: agreement.currency };
    return { campaign, proposal: { status, openedAt, reasons, images: images.length, ...price } };
  },

  /** How right the models in production were, by labels that people gave for a sample of real requests; oldest first. */
  async audits(host: Host, args: Record<string, unknown>) {
    const { campaign } = OfCampaign.parse(args);
    const { agreement } = await readCampaign(host.ports, campaign);
    const audits = (await auditsOf(host.ports, campaign)).map(({ day, results }) => ({
      day,
      state: results === undefined ? "open" : results.length === 0 ? "over-budget" : "settled",
      models: results ?? [],
    }));
    return { campaign, asked: agreement.monitor ?? null, audits };
  },

  /** What is live, what is tried beside it, what somebody has ordered, and what became of all releases, oldest first. */
  async releases(host: Host, args: Record<string, unknown>) {
    const { campaign } = OfCampaign.parse(args);
    await readCampaign(host.ports, campaign);
    const { champion, candidate, order, history } = await releaseState(host.ports, campaign);
    const named = (model: typeof champion) =>
      model && { version: model.version, cycle: model.cycle, since: model.since };
    return { campaign, champion: named(champion) ?? null, candidate: named(candidate) ?? null, order, history };
  },

  /** A person takes a candidate out of its watch, or goes back to an earlier release. */
  async rollback(host: Host, args: Record<string, unknown>) {
    const { campaign, by, reason, to } = OfCampaign.extend({
      by: z.string().trim().min(1, "say who decides it with --by").max(80),
      reason: z.string().trim().min(1, "say why with --reason").max(500),
      to: z.string().optional(),
    }).parse(args);
    return rollBack(host.ports, campaign, { by, reason, ...(to === undefined ? {} : { to }) });
  },

  /** The proposed images become the next cycle. */
  async relabel(host: Host, args: Record<string, unknown>) {
    const { campaign } = OfCampaign.parse(args);
    await readCampaign(host.ports, campaign);
    return acceptProposal(host.ports, campaign);
  },

  async dismiss(host: Host, args: Record<string, unknown>) {
    const { campaign } = OfCampaign.parse(args);
    await readCampaign(host.ports, campaign);
    await endProposal(host.ports, campaign, "dismissed");
    return { campaign, proposal: "dismissed" };
  },
};
