import { z } from "zod";
import { AuditPlan } from "../../schemas/audit.ts";
import { CampaignName } from "../../schemas/names.ts";
import { stage } from "../stage.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { knownLabels } from "../store/consensus.ts";
import { readDocument } from "../store/documents.ts";
import { isAnswered } from "../store/expert-findings.ts";
import { objectKeys } from "../store/keys.ts";
import { requestReviews } from "../store/reviews.ts";
import { pluralityOf, TEST_ANSWERS, testImagesForExperts } from "../store/test-truth.ts";

/**
 * Which captured requests must experts decide? As for the sealed test: those whose answers differ and a random tenth of the
 * unanimous; and those that fewer people than wanted have answered.
 */
export const reviewAudit = stage({
  name: "review-audit",
  input: z.strictObject({ campaign: CampaignName, day: z.iso.date(), token: z.string().min(1) }),
  output: z.strictObject({ asked: z.int(), open: z.int() }),
  async run({ campaign, day, token }, ports) {
    const plan = await readDocument(ports.objects, objectKeys.audit(campaign, day, "plan"), AuditPlan);
    const agreement = await cycleAgreement(ports, campaign, plan.cycle);
    const known = await knownLabels(ports, campaign, agreement);
    const images = [...new Set(plan.models.flatMap(({ answers }) => answers.map(({ image }) => image)))];
    const thin = images.filter((image) => (known.answers.get(image)?.length ?? 0) < TEST_ANSWERS);
    const expected = (image: string) => pluralityOf(image, known, agreement);
    const asked = [...new Set([...thin, ...testImagesForExperts({ test: images }, known, agreement)])].filter(
      (image) => !isAnswered(known.experts.get(image), expected(image)),
    );
    const batch = `audit-${day}`;
    const { open } = await requestReviews(ports, {
      campaign,
      batch,
      kind: "production",
      images: asked,
      expected,
      token,
      agreement,
    });
    return { asked: asked.length, open };
  },
});
