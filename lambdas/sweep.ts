import type { Ports } from "./ports.ts";
import { ApprovalRecord, sendDecision } from "./store/approvals.ts";
import { readCampaign } from "./store/campaigns.ts";
import { resumeCycles } from "./store/cycles.ts";
import { recordKeys } from "./store/keys.ts";
import { watchRollout } from "./store/rollout.ts";
import { wakeWhenClosed, wavesOf } from "./store/waves.ts";

/**
 * Sends again what was decided but perhaps not told: facts are committed first and tokens sent second, so a crash in
 * between leaves a step waiting. Safe to run at any time, as often as wished. Returns what it looked at.
 */
export async function sweep(ports: Ports): Promise<{ campaigns: number; waves: number; approvals: number }> {
  const seen = { campaigns: 0, waves: 0, approvals: 0 };
  for (const campaign of await campaignNames(ports)) {
    seen.campaigns += 1;
    await resumeCycles(ports, campaign);
    const { head } = await readCampaign(ports, campaign);
    const cycle = head.openCycle;
    if (cycle === null) continue;
    const last = (await wavesOf(ports, campaign, cycle)).at(-1);
    if (last !== undefined) {
      seen.waves += 1;
      await wakeWhenClosed(ports, campaign, cycle, last.wave);
    }
    const approval = await ports.records.get(recordKeys.approval(campaign, cycle));
    if (approval !== undefined) {
      seen.approvals += 1;
      await sendDecision(ports, campaign, cycle, ApprovalRecord.parse(approval.body));
    }
  }
  return seen;
}

/** Judges every candidate that has a share of real requests. Returns how many decisions were reached. */
export async function watch(ports: Ports): Promise<{ campaigns: number; decided: number }> {
  const seen = { campaigns: 0, decided: 0 };
  for (const campaign of await campaignNames(ports)) {
    seen.campaigns += 1;
    const judgement = await watchRollout(ports, campaign);
    if (judgement !== undefined && judgement.decision !== "continue") seen.decided += 1;
  }
  return seen;
}

async function campaignNames(ports: Pick<Ports, "records">): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  do {
    const page = await ports.records.query("campaigns", after === undefined ? {} : { after });
    names.push(...page.items.map(({ sk }) => sk));
    after = page.next;
  } while (after !== undefined);
  return names;
}
