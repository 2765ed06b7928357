import { z } from "zod";
import { CampaignName } from "../../schemas/names.ts";
import { stage } from "../stage.ts";
import { readCampaign } from "../store/campaigns.ts";
import { readDocument } from "../store/documents.ts";
import { capturesBefore, openProposal } from "../store/monitor.ts";

const Report = z.looseObject({
  /** What was looked at: how requests look, or how right the answers to a labelled sample are. */
  about: z.enum(["drift", "accuracy"]).default("drift"),
  day: z.iso.date(),
  version: z.string(),
  tests: z.array(z.looseObject({ drifted: z.boolean(), reason: z.string() })),
});
const SUBJECTS = {
  drift: "requests drift from what the model was proven on",
  accuracy: "the live model is wrong more often than agreed",
} as const;
/** Images of one proposal at most: a lot's worth. */
const MOST_IMAGES = 200;

/** Which real requests should people label, and what would that cost? Nothing is bought and nothing is trained by itself. */
export const proposeRelabel = stage({
  name: "propose-relabel",
  input: z.strictObject({ campaign: CampaignName, reportKey: z.string() }),
  output: z.strictObject({ images: z.int(), priceMicros: z.int() }),
  async run({ campaign, reportKey }, ports) {
    const { day, version, tests, about } = await readDocument(ports.objects, reportKey, Report);
    const { agreement } = await readCampaign(ports, campaign);
    const unsure = (await capturesBefore(ports, campaign, version, day)).toSorted(
      (a, b) => a.confidence - b.confidence || (a.image < b.image ? -1 : 1),
    );
    const images = unsure.slice(0, MOST_IMAGES).map(({ image }) => image);
    const dearest = Math.max(...agreement.vendors.map((vendor) => vendor.pricePerAnswer));
    const { proposal, fresh } = await openProposal(ports, {
      campaign,
      status: "open",
      openedAt: new Date(ports.clock.now()).toISOString(),
      reportKey,
      reasons: tests.filter(({ drifted }) => drifted).map(({ reason }) => reason),
      images,
      priceMicros: Math.round(images.length * agreement.labelling.minAnswers * dearest * 1e6),
    });
    const price = `${(proposal.priceMicros / 1e6).toFixed(2)} ${agreement.currency}`;
    if (fresh) {
      await ports.notifier.notify({
        audience: "data-team",
        subject: `${campaign}: ${SUBJECTS[about]}`,
        text: `${proposal.reasons.join("; ")}. Labelling the ${proposal.images.length} least sure requests would cost about ${price} at first: "campaign relabel ${campaign}" brings them in as the next cycle.`,
      });
    }
    return { images: proposal.images.length, priceMicros: proposal.priceMicros };
  },
});
