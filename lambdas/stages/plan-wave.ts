import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import type { WavePlan } from "../../schemas/wave.ts";
import type { Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { ApprovalRecord } from "../store/approvals.ts";
import { updateCycle } from "../store/campaigns.ts";
import { writeDocument } from "../store/documents.ts";
import { objectKeys, recordKeys } from "../store/keys.ts";
import { doubtedLabels } from "../store/label-suspects.ts";
import { type Labels, labelsSoFar } from "../store/labels.ts";
import { auditedModelWords } from "../store/model-audit.ts";
import { makePrior } from "../store/model-prior.ts";
import { startingImages } from "../store/starting-images.ts";
import { itemsToLabel, lotPlansOf, priceOfWave } from "../store/wave-plan.ts";
import { readWavePlan } from "../store/waves.ts";

/** A lot may be offered, reworked and given to two more vendors before its wave is given up. */
const ROUNDS = 4;
/** Step Functions waits a year at most. */
const LONGEST_WAIT = 30_000_000;

/** Is another answer worth its price for any image? Plans the next wave, or says that it is enough, or over budget. */
export const planWave = stage({
  name: "plan-wave",
  input: CycleRef.extend({ splitKey: z.string(), embeddingsKey: z.string() }),
  output: z.strictObject({
    decision: z.enum(["buy", "enough", "over-budget"]),
    wave: z.int(),
    key: z.string(),
    lots: z.int(),
    timeoutSeconds: z.int().positive(),
  }),
  async run({ campaign, cycle, splitKey, embeddingsKey }, ports) {
    const before = await labelsSoFar(ports, { campaign, cycle, splitKey });
    const wave = before.waves.filter(({ settled }) => settled).length;
    const { seed } = before.agreement;
    await makePrior(ports, { campaign, cycle, wave, embeddingsKey, seed }, before.split, before.fitted);
    const labels = await labelsSoFar(ports, { campaign, cycle, splitKey });
    const key = objectKeys.wave(campaign, cycle, wave);
    const { lotDeadlineHours, reviewDeadlineHours, maxWaves } = labels.agreement.labelling;
    const timeoutSeconds = Math.min(
      LONGEST_WAIT,
      Math.round((lotDeadlineHours + reviewDeadlineHours) * 3600 * ROUNDS + 86_400),
    );
    const answer = { wave, key, timeoutSeconds };
    // Planned before and not settled: the same plan again.
    if ((await ports.objects.head(key)) !== undefined) {
      return { ...answer, decision: "buy", lots: (await readWavePlan(ports, key)).lots.length };
    }
    const asked = await unservedWish(ports, campaign, cycle, labels);
    const isOver = wave >= maxWaves && asked === undefined;
    const start = await startingImages(ports, labels, embeddingsKey);
    // Once for each training: what the newest model doubts, before anything else is bought.
    const isFirst = !isOver && (wave === 0 || asked !== undefined);
    const suspects = isFirst ? (await doubtedLabels(ports, campaign, cycle, labels)).suspects : [];
    const items = isOver ? [] : itemsToLabel(labels, wave, asked !== undefined, start, suspects);
    const plans = lotPlansOf({ campaign, cycle, wave }, labels, items);
    // What a model settled alone is audited before anything is frozen, if need be in a wave without lots.
    const audits = wave > maxWaves ? [] : openAudits(labels);
    if (plans.length === 0 && audits.length === 0) return { ...answer, decision: "enough", lots: 0 };
    const priceMicros = priceOfWave(labels, plans, items, audits);
    if (priceMicros > labels.budgetLeftMicros || labels.purchases.plan.decision === "over-budget") {
      await tellOverBudget(ports, campaign, cycle, labels, priceMicros);
      return { ...answer, decision: "over-budget", lots: 0 };
    }
    for (const plan of plans) await writeDocument(ports.objects, objectKeys.lotPlan(campaign, plan.lot), plan);
    const count = (purposes: readonly string[]) =>
      plans.flatMap((plan) => plan.items).filter(({ purpose }) => purposes.includes(purpose)).length;
    const document: WavePlan = {
      campaign,
      cycle,
      wave,
      lots: plans.map(({ lot }) => lot),
      answers: { label: count(["label", "overlap"]), gold: count(["gold"]), test: count(["test"]) },
      priceMicros,
      timeoutSeconds,
      ...(asked === undefined ? {} : { asked }),
    };
    await writeDocument(ports.objects, key, document);
    return { ...answer, decision: "buy", lots: plans.length };
  },
});

/** Images settled on a model's word that the audit wants and experts have not seen. */
function openAudits({ agreement, fitted, known, purchases }: Labels): string[] {
  const wanted = auditedModelWords(agreement, fitted, purchases.settled);
  return wanted.filter((image) => known.experts.get(image)?.complete !== true);
}

/** The owner's "ask for more" that no wave has served yet, by what names it. */
async function unservedWish(
  ports: Pick<Ports, "records">,
  campaign: string,
  cycle: number,
  { waves }: Labels,
): Promise<string | undefined> {
  const found = await ports.records.get(recordKeys.approval(campaign, cycle));
  if (found === undefined) return undefined;
  const record = ApprovalRecord.parse(found.body);
  const wish = record.decision === "ask-for-more" ? record.decisions.at(-1)?.signature : undefined;
  return waves.some(({ asked }) => asked === wish) ? undefined : wish;
}

async function tellOverBudget(
  ports: Pick<Ports, "records" | "notifier">,
  campaign: string,
  cycle: number,
  labels: Labels,
  priceMicros: number,
): Promise<void> {
  await updateCycle(ports, campaign, cycle, (record) => ({
    ...record,
    counts: { ...record.counts, overBudget: 1, nextWaveMicros: priceMicros, budgetLeftMicros: labels.budgetLeftMicros },
  }));
  const { currency } = labels.agreement;
  await ports.notifier.notify({
    audience: "data-team",
    subject: `${campaign}: the next wave does not fit the budget`,
    text: `The next wave of labels would cost up to ${(priceMicros / 1e6).toFixed(2)} ${currency}; ${(labels.budgetLeftMicros / 1e6).toFixed(2)} ${currency} of ${labels.agreement.budget} are left. The cycle goes on with the labels it has; to buy more, raise the budget with "campaign amend" and, when the cycle has ended, go on with "campaign continue ${campaign}".`,
  });
}
