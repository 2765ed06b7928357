import { DataReviewRecord } from "../schemas/data-review.ts";
import { ReviewBatch } from "../schemas/review.ts";
import type { Ports } from "./ports.ts";
import { ApprovalRecord, sendDecision } from "./store/approvals.ts";
import { auditsOf, openAudit } from "./store/audits.ts";
import { campaignNames, readCampaign } from "./store/campaigns.ts";
import { resumeCycles } from "./store/cycles.ts";
import { tellDataReview } from "./store/data-reviews.ts";
import { everyRecord } from "./store/every-record.ts";
import { letInSealed, lookIntoInbox } from "./store/inbox.ts";
import { recordKeys } from "./store/keys.ts";
import { findLot, tokenContext, wake } from "./store/lot-records.ts";
import { watchRollout } from "./store/rollout.ts";
import { wakeWhenClosed, wavesOf } from "./store/waves.ts";

type Swept = "campaigns" | "drops" | "waves" | "lots" | "reviews" | "dataReviews" | "approvals";

/**
 * Sends again what was decided but perhaps not told: facts are committed first and tokens sent second, so a crash in
 * between leaves a step waiting. Safe to run at any time, as often as wished. Returns what it looked at.
 */
export async function sweep(ports: Ports): Promise<Record<Swept, number>> {
  const seen = { campaigns: 0, drops: 0, waves: 0, lots: 0, reviews: 0, dataReviews: 0, approvals: 0 };
  await eachCampaign(ports, async (campaign) => {
    seen.campaigns += 1;
    seen.drops += (await lookIntoInbox(ports, campaign)).drops;
    await letInSealed(ports, campaign);
    await resumeCycles(ports, campaign);
    const { head } = await readCampaign(ports, campaign);
    const cycle = head.openCycle;
    const audit = openAudit(await auditsOf(ports, campaign), ports.clock.now());
    const wave = cycle === null ? undefined : (await wavesOf(ports, campaign, cycle)).at(-1);
    for (const last of [audit, wave]) {
      if (last === undefined) continue;
      seen.waves += 1;
      await wakeWhenClosed(ports, campaign, last.cycle, last.wave);
      seen.lots += await wakeDelivered(ports, campaign, recordKeys.openLot(campaign, last.cycle, last.wave, "").pk);
    }
    if (cycle !== null || audit !== undefined) seen.reviews += await wakeReviewed(ports, campaign);
    if (cycle === null) return;
    const asked = await ports.records.get(recordKeys.dataReview(campaign, cycle));
    if (asked !== undefined) {
      const told = await tellDataReview(ports, campaign, cycle, DataReviewRecord.parse(asked.body));
      seen.dataReviews += told ? 1 : 0;
    }
    const approval = await ports.records.get(recordKeys.approval(campaign, cycle));
    if (approval !== undefined) {
      seen.approvals += 1;
      await sendDecision(ports, campaign, cycle, ApprovalRecord.parse(approval.body));
    }
  });
  return seen;
}

/** Lots of an open wave that are delivered while their step may not know it. */
async function wakeDelivered(ports: Ports, campaign: string, openLots: string): Promise<number> {
  let woken = 0;
  for await (const { sk } of everyRecord(ports.records, openLots)) {
    const name = sk.replace(/^lot#/, "");
    const lot = (await findLot(ports, campaign, name))?.lot;
    if (lot?.status !== "delivered" || lot.sealedToken === undefined) continue;
    const told = await wake(ports, lot.sealedToken, tokenContext.lot(campaign, name), { lot: name, round: lot.round });
    woken += told ? 1 : 0;
  }
  return woken;
}

/** Batches of expert work without an open task while their step may not know it. */
async function wakeReviewed(ports: Ports, campaign: string): Promise<number> {
  let woken = 0;
  for await (const { sk, body } of everyRecord(ports.records, recordKeys.reviewBatch(campaign, "").pk)) {
    const open = await ports.records.query(recordKeys.batchTask(campaign, sk, "").pk, { limit: 1 });
    if (open.items.length > 0 || open.next !== undefined) continue;
    const { sealedToken } = ReviewBatch.parse(body);
    woken += (await wake(ports, sealedToken, tokenContext.batch(campaign, sk), { batch: sk })) ? 1 : 0;
  }
  return woken;
}

/** Judges every candidate that has a share of real requests. Returns how many decisions were reached. */
export async function watch(ports: Ports): Promise<{ campaigns: number; decided: number }> {
  const seen = { campaigns: 0, decided: 0 };
  await eachCampaign(ports, async (campaign) => {
    seen.campaigns += 1;
    const judgement = await watchRollout(ports, campaign);
    if (judgement !== undefined && judgement.decision !== "continue") seen.decided += 1;
  });
  return seen;
}

/** Visits all campaigns; one that fails keeps none of the others from its turn. Then throws: one failure as it is, several with their names. */
export async function eachCampaign(ports: Ports, visit: (campaign: string) => Promise<void>): Promise<void> {
  const failures: { campaign: string; error: Error }[] = [];
  for (const campaign of await campaignNames(ports)) {
    try {
      await visit(campaign);
    } catch (error) {
      failures.push({ campaign, error: error as Error });
    }
  }
  if (failures.length === 1) throw failures[0]?.error;
  if (failures.length > 1) {
    const told = failures.map(({ campaign, error }) => `campaign "${campaign}": ${error.message}`).join("; ");
    throw new AggregateError(
      failures.map(({ error }) => error),
      told,
    );
  }
}
