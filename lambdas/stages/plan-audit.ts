import { z } from "zod";
import { AuditPlan, type AuditRecord } from "../../schemas/audit.ts";
import { AdmissionBatch } from "../../schemas/catalogue.ts";
import { CampaignName } from "../../schemas/names.ts";
import type { WavePlan } from "../../schemas/wave.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { auditLots, priceOfAudit } from "../store/audit-lots.ts";
import { auditsOf, auditWave, openAudit, openMicros } from "../store/audits.ts";
import { cycleAgreement, readCampaign } from "../store/campaigns.ts";
import { sampleCaptures } from "../store/capture-sample.ts";
import { knownLabels } from "../store/consensus.ts";
import { readDocument, writeDocument } from "../store/documents.ts";
import { objectKeys, recordKeys } from "../store/keys.ts";
import { totals } from "../store/ledger.ts";
import { capturedFilesBefore } from "../store/monitor.ts";
import { releaseState } from "../store/release.ts";
import { standings } from "../store/standings.ts";
import { admit } from "./admit-images.ts";

/** As a wave's lots: offered, reworked and given to two more vendors. */
const ROUNDS = 4;
const LONGEST_WAIT = 30_000_000;

/** Which real requests should people label today, so that it is known how right the live models are? */
export const planAudit = stage({
  name: "plan-audit",
  input: z.strictObject({ campaign: CampaignName, day: z.iso.date() }),
  output: z.strictObject({
    decision: z.enum(["none", "too-few", "over-budget", "buy"]),
    cycle: z.int(),
    wave: z.int(),
    waveKey: z.string(),
    timeoutSeconds: z.int().positive(),
  }),
  async run({ campaign, day }, ports) {
    const key = objectKeys.audit(campaign, day, "plan");
    const idle = { cycle: 0, wave: 0, waveKey: "", timeoutSeconds: 1 };
    const now = ports.clock.now();
    const audits = await auditsOf(ports, campaign);
    const begun = audits.find((one) => one.day === day);
    if (begun === undefined && (await ports.objects.head(key)) === undefined) {
      const { head } = await readCampaign(ports, campaign);
      if (head.status !== "active" || openAudit(audits, now) !== undefined)
        return { decision: "none" as const, ...idle };
      const sample = await sampleCaptures(ports, { campaign, day }, await releaseState(ports, campaign), audits);
      if (typeof sample === "string") return { decision: sample, ...idle };
      await writePlan(ports, { campaign, day, key }, sample);
    }
    const plan = await readDocument(ports.objects, key, AuditPlan);
    const { cycle, wave, waveKey, timeoutSeconds, models } = plan;
    const bought = models.some(({ answers }) => answers.length > 0);
    const record: AuditRecord = {
      day,
      cycle,
      wave,
      versions: models.map(({ version }) => version),
      planKey: key,
      until: new Date(now + 2 * timeoutSeconds * 1000).toISOString(),
      // Over the budget: nothing is labelled, and the next audit comes in its turn.
      ...(bought ? {} : { results: [] }),
    };
    try {
      await ports.records.put(recordKeys.audit(campaign, day), record, "absent");
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
    if (!bought) return { decision: "over-budget" as const, ...idle };
    if (begun?.results !== undefined) return { decision: "none" as const, ...idle };
    return { decision: "buy" as const, cycle, wave, waveKey, timeoutSeconds };
  },
});

type Sample = Exclude<Awaited<ReturnType<typeof sampleCaptures>>, string>;

/** Makes the copies that people see, cuts the lots, and writes it all down; a plan without answers where the budget is too small. */
async function writePlan(
  ports: Ports,
  { campaign, day, key }: { campaign: string; day: string; key: string },
  { cycle, models: sampled }: Sample,
): Promise<void> {
  const agreement = await cycleAgreement(ports, campaign, cycle);
  const wave = auditWave(day);
  const waveKey = objectKeys.audit(campaign, day, "lots");
  const shown = await copyCaptures(ports, { campaign, cycle, day }, sampled);
  const models = sampled.map((model) => ({ ...model, answers: model.answers.filter(({ image }) => shown.has(image)) }));
  const images = [...new Set(models.flatMap(({ answers }) => answers.map(({ image }) => image)))].sort();
  const known = await knownLabels(ports, campaign, agreement);
  const plans = auditLots({ campaign, cycle, wave, day }, agreement, known, await standings(ports, campaign), images);
  const priceMicros = priceOfAudit(agreement, known, plans, images);
  const { lotDeadlineHours, reviewDeadlineHours } = agreement.labelling;
  const seconds = Math.round((lotDeadlineHours + reviewDeadlineHours) * 3600 * ROUNDS + 86_400);
  const timeoutSeconds = Math.min(LONGEST_WAIT, seconds);
  const { budget, currency } = (await readCampaign(ports, campaign)).agreement;
  const left =
    Math.round(budget * 1e6) - (await totals(ports, campaign)).spentMicros - (await openMicros(ports, campaign));
  const fits = priceMicros <= left;
  for (const plan of plans) await writeDocument(ports.objects, objectKeys.lotPlan(campaign, plan.lot), plan);
  const lots: WavePlan = {
    campaign,
    cycle,
    wave,
    lots: plans.map(({ lot }) => lot),
    answers: { label: 0, gold: 0, test: 0, audit: plans.reduce((sum, { items }) => sum + items.length, 0) },
    priceMicros,
    timeoutSeconds,
  };
  await writeDocument(ports.objects, waveKey, lots);
  const plan: AuditPlan = {
    campaign,
    day,
    cycle,
    wave,
    models: fits ? models : models.map((model) => ({ ...model, answers: [] })),
    waveKey,
    priceMicros,
    timeoutSeconds,
  };
  await writeDocument(ports.objects, key, plan);
  if (fits) return;
  await ports.notifier.notify({
    audience: "data-team",
    subject: `${campaign}: labels for real requests do not fit the budget`,
    text: `Labelling ${images.length} captured requests would cost up to ${(priceMicros / 1e6).toFixed(2)} ${currency}; ${(left / 1e6).toFixed(2)} ${currency} of ${budget} are left. Nothing was bought; raise the budget with "campaign amend", or ask for fewer labels in "monitor".`,
  });
}

/** Re-encodes the sampled captures, without metadata, as admission does. Returns the images that can be shown. */
async function copyCaptures(
  ports: Pick<Ports, "objects" | "records">,
  { campaign, cycle, day }: { campaign: string; cycle: number; day: string },
  models: Sample["models"],
): Promise<Set<string>> {
  const wanted = new Set(models.flatMap(({ answers }) => answers.map(({ image }) => image)));
  const items = (await capturedFilesBefore(ports, campaign, day)).filter(({ sha256 }) => wanted.has(sha256));
  if (items.length === 0) return new Set();
  const prefix = objectKeys.audit(campaign, day, "plan").replace(/\/plan\.json$/, "");
  const { resultKey } = await admit({ campaign, cycle, items }, ports, prefix);
  const { results } = await readDocument(ports.objects, resultKey, AdmissionBatch);
  const shown = new Set<string>();
  for (const { sha256, web, thumbnail, tiles } of results) {
    if (web === undefined || thumbnail === undefined) continue;
    const copy = { web, thumbnail, ...(tiles === undefined ? {} : { tiles }) };
    await ports.records.put(recordKeys.captureCopy(campaign, sha256), copy, "any");
    shown.add(sha256);
  }
  return shown;
}
