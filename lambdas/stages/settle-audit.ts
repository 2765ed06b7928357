import { z } from "zod";
import { productionAccuracy } from "../../domain/gates/production.ts";
import { AuditPlan, type AuditRecord, AuditResult } from "../../schemas/audit.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { CampaignName } from "../../schemas/names.ts";
import type { Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { cycleAgreement } from "../store/campaigns.ts";
import { knownLabels } from "../store/consensus.ts";
import { readDocument, writeDocument } from "../store/documents.ts";
import { objectKeys, recordKeys } from "../store/keys.ts";
import { releaseState } from "../store/release.ts";
import { watchRollout } from "../store/rollout.ts";
import { TEST_ANSWERS, testTruthOf } from "../store/test-truth.ts";

/** Which share of its real requests did each model get right? Written down once; a rollout that waits for it goes on. */
export const settleAudit = stage({
  name: "settle-audit",
  input: z.strictObject({ campaign: CampaignName, day: z.iso.date() }),
  output: z.strictObject({ outcome: z.enum(["below-floor", "settled"]), reportKey: z.string() }),
  async run({ campaign, day }, ports) {
    const plan = await readDocument(ports.objects, objectKeys.audit(campaign, day, "plan"), AuditPlan);
    const reportKey = objectKeys.audit(campaign, day, "report");
    const live = (await releaseState(ports, campaign)).champion?.version ?? "";
    if ((await ports.objects.head(reportKey)) === undefined) {
      const agreement = await cycleAgreement(ports, campaign, plan.cycle);
      const found = await resultsOf(ports, agreement, plan);
      const tests = found.results
        .filter(({ version }) => version === live)
        .map((result) => ({ name: "accuracy", drifted: result.outcome === "below-floor", reason: saysOf(result) }));
      await writeDocument(ports.objects, reportKey, {
        campaign,
        day,
        about: "accuracy",
        version: live,
        ...found,
        tests,
      });
    }
    const { results, version } = await readDocument(ports.objects, reportKey, Report);
    const record: AuditRecord = {
      day,
      cycle: plan.cycle,
      wave: plan.wave,
      versions: plan.models.map((model) => model.version),
      planKey: objectKeys.audit(campaign, day, "plan"),
      until: new Date(ports.clock.now()).toISOString(),
      results,
    };
    await ports.records.put(recordKeys.audit(campaign, day), record, "any");
    await watchRollout(ports, campaign);
    const isBelow = results.some((result) => result.version === version && result.outcome === "below-floor");
    return { outcome: isBelow ? ("below-floor" as const) : ("settled" as const), reportKey };
  },
});

const Report = z.looseObject({ version: z.string(), results: z.array(AuditResult) });

async function resultsOf(
  ports: Pick<Ports, "records" | "objects">,
  agreement: Campaign,
  { campaign, models }: AuditPlan,
): Promise<{ results: AuditResult[]; residualError: { audited: number; wrong: number; upper: number } }> {
  const known = await knownLabels(ports, campaign, agreement);
  const images = [...new Set(models.flatMap(({ answers }) => answers.map(({ image }) => image)))];
  const { items, residualError } = testTruthOf(campaign, { test: images, groups: {} }, known, agreement);
  // What fewer people than wanted have answered is known from experts or not at all.
  const sure = items.filter(({ source, answers }) => source === "experts" || answers >= TEST_ANSWERS);
  const truth = new Map(sure.map(({ sha256, label }) => [sha256, label]));
  const results = models.map(({ version, floor, answers }) => {
    const labelled = answers.filter(({ image }) => truth.has(image));
    const wrong = labelled.filter(({ image, label }) => truth.get(image) !== label).length;
    const counted = { audited: labelled.length, wrong };
    return { version, ...counted, floor, ...productionAccuracy(counted, floor) };
  });
  return { results, residualError };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function saysOf({ audited, accuracy, floor }: AuditResult): string {
  return `right on ${percent(accuracy.value)} of ${audited} real requests [${percent(accuracy.low)}, ${percent(accuracy.high)}], where at least ${percent(floor)} is asked`;
}
