import { z } from "zod";
import { scorecardsCsv } from "../domain/annotators/scorecard.ts";
import { withAmounts } from "../domain/pricing/amounts.ts";
import { checkInvoice } from "../domain/pricing/invoice.ts";
import { statementCsv } from "../lambdas/api/statement-csv.ts";
import { BadInputError } from "../lambdas/stage.ts";
import { readCampaign, readCycle } from "../lambdas/store/campaigns.ts";
import { immutableCatalogue } from "../lambdas/store/catalogues.ts";
import { costReport } from "../lambdas/store/cost-report.ts";
import { adjudicate, creditLot, disputeViews, openDispute } from "../lambdas/store/disputes.ts";
import { doubtedLabels } from "../lambdas/store/label-suspects.ts";
import { labelsSoFar } from "../lambdas/store/labels.ts";
import { statement, statementOfPeriod } from "../lambdas/store/ledger.ts";
import { vendorReview } from "../lambdas/store/proposals.ts";
import { askThird } from "../lambdas/store/reviews.ts";
import { setStanding, standings } from "../lambdas/store/standings.ts";
import type { Campaign } from "../schemas/campaign.ts";
import { Sha256, Slug } from "../schemas/names.ts";
import { Standing } from "../schemas/standing.ts";
import type { Host } from "./host.ts";

const InvoiceLine = z.strictObject({ lot: z.string().min(1), units: z.int().min(0), amountMicros: z.int() });
const Party = z.strictObject({ campaign: z.string(), party: Slug });
/** The first instant of a day, UTC. */
const Day = z.iso.date("expected a day such as 2026-11-01").transform((day) => `${day}T00:00:00Z`);

function mustBeVendor({ name, vendors }: Campaign, party: string): void {
  if (vendors.some(({ id }) => id === party)) return;
  throw new BadInputError(
    `"${party}" is no vendor of "${name}"; its vendors are ${vendors.map(({ id }) => id).join(", ")}`,
  );
}

/** What a data team asks about vendors, their people and their money; the answer is plain JSON. */
export const vendorCommands: Readonly<Record<string, (host: Host, args: Record<string, unknown>) => Promise<unknown>>> =
  {
    /** Scorecards, what might be decided about whom and why, what looks odd, and what was decided. */
    async review(host, args) {
      const { campaign, format } = z
        .strictObject({ campaign: z.string(), format: z.enum(["json", "csv"]).default("json") })
        .parse(args);
      const review = await vendorReview(host.ports, campaign);
      if (format === "csv") return scorecardsCsv(review.cards);
      const { agreement } = await readCampaign(host.ports, campaign);
      return { ...withAmounts(review, agreement.currency), standings: await standings(host.ports, campaign) };
    },

    async standing(host, args) {
      const { campaign, ...decision } = Standing.omit({ at: true }).extend({ campaign: z.string() }).parse(args);
      return setStanding(host.ports, campaign, decision);
    },

    async statement(host, args) {
      const { campaign, party, format, from, to } = Party.extend({
        format: z.enum(["json", "csv"]).default("json"),
        from: Day.optional(),
        to: Day.optional(),
      }).parse(args);
      const { agreement } = await readCampaign(host.ports, campaign);
      const account =
        from === undefined && to === undefined
          ? await statement(host.ports, { campaign, party })
          : await statementOfPeriod(host.ports, {
              campaign,
              party,
              ...(from === undefined ? {} : { from }),
              ...(to === undefined ? {} : { to }),
            });
      // Experts and vendors of earlier agreements are owed as well: who is neither a vendor nor owed anything is nobody.
      if (account.lines.length === 0 && from === undefined) mustBeVendor(agreement, party);
      return format === "csv" ? statementCsv(account) : withAmounts(account, account.currency);
    },

    /** A vendor's invoice beside the ledger, line by line. */
    async invoice(host, args) {
      const { campaign, party, lines } = Party.extend({ lines: z.array(InvoiceLine).min(1) }).parse(args);
      const { agreement } = await readCampaign(host.ports, campaign);
      mustBeVendor(agreement, party);
      return withAmounts(checkInvoice(lines, await statement(host.ports, { campaign, party })), agreement.currency);
    },

    async dispute(host, args) {
      const call = z
        .strictObject({
          campaign: z.string(),
          vendor: Slug,
          lot: Slug,
          round: z.int().min(1),
          reason: z.string().min(1),
        })
        .parse(args);
      return openDispute(host.ports, call);
    },

    async adjudicate(host, args) {
      const call = z
        .strictObject({
          campaign: z.string(),
          lot: Slug,
          round: z.int().min(1),
          decision: z.enum(["upheld", "overturned"]),
          by: Slug,
          note: z.string(),
        })
        .parse(args);
      return adjudicate(host.ports, call);
    },

    /** A credit note over all that an accepted lot owed, after a person found against the vendor; once. */
    async credit(host, args) {
      const { campaign, lot } = z.strictObject({ campaign: z.string(), lot: Slug }).parse(args);
      const { agreement } = await readCampaign(host.ports, campaign);
      const creditedMicros = await creditLot(host.ports, campaign, lot);
      if (creditedMicros === 0)
        throw new BadInputError(`nothing is owed for a lot "${lot}" of "${campaign}": there is nothing to credit`);
      return withAmounts({ campaign, lot, creditedMicros }, agreement.currency);
    },

    /** Puts an image that two experts decided before a third one: gold that annotators contradict, for one. */
    async recheck(host, args) {
      const { campaign, image } = z.strictObject({ campaign: z.string(), image: Sha256 }).parse(args);
      const { agreement } = await readCampaign(host.ports, campaign);
      const waiting = await askThird(host.ports, { campaign, images: [image], agreement });
      if (waiting === 0)
        throw new BadInputError(`two experts have not answered image ${image}, or a third one has: nothing to recheck`);
      return { campaign, image, waitsFor: "a third expert" };
    },

    async disputes(host, args) {
      const { campaign } = z.strictObject({ campaign: z.string() }).parse(args);
      return disputeViews(host.ports, campaign);
    },

    /** Labels that the newest model doubts and that are worth a second opinion, by the names under which they came. */
    async suspects(host, args) {
      const { campaign } = z.strictObject({ campaign: z.string() }).parse(args);
      const { head, agreement } = await readCampaign(host.ports, campaign);
      if (head.cycles === 0) throw new BadInputError(`"${campaign}" has had no cycle yet: nothing is labelled`);
      const { refs } = await readCycle(host.ports, campaign, head.cycles);
      if (refs.split === undefined) throw new BadInputError(`"${campaign}" has not drawn its test set yet`);
      const about = { campaign, cycle: head.cycles, splitKey: refs.split };
      const found = await doubtedLabels(host.ports, campaign, head.cycles, await labelsSoFar(host.ports, about));
      const entries =
        refs.catalogue === undefined ? [] : (await immutableCatalogue(host.ports.objects, refs.catalogue)).entries;
      const namesOf = new Map(entries.map(({ sha256, names }) => [sha256, names]));
      const suspects = found.suspects.map((suspect) => ({ names: namesOf.get(suspect.image) ?? [], ...suspect }));
      return withAmounts({ ...found, worthAsking: suspects.length, suspects }, agreement.currency);
    },

    /** What the newest cycle's labels cost beside the cheapest fixed redundancy that is as good. */
    async counterfactual(host, args) {
      const { campaign } = z.strictObject({ campaign: z.string() }).parse(args);
      const { head, agreement } = await readCampaign(host.ports, campaign);
      if (head.cycles === 0) throw new BadInputError(`"${campaign}" has had no cycle yet: there is nothing to compare`);
      return withAmounts(await costReport(host.ports, campaign, head.cycles), agreement.currency);
    },
  };
