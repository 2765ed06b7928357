import type { CampaignHead, CycleRecord } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign, readCycle, updateHead } from "./campaigns.ts";
import { startQueued } from "./cycles.ts";

/** What a campaign goes on with: photos that failed cycles left behind, else the same photos once more. */
export interface TakenUp {
  /** Intakes that were put before the queue, the oldest first; none where a cycle is open or waits in the queue already. */
  intakes: string[];
  /** The cycle that is open now; null while the campaign is paused. */
  cycle: number | null;
}

/**
 * Takes up again what a closed campaign still has to do, without anybody bringing a file again: first the photos of failed
 * cycles that no later cycle took in; where there are none, the last photos once more under the agreement in force, so that
 * a raised budget buys the answers that did not fit. Safe to call again: an open cycle or a waiting intake is left alone.
 * Throws BadInputError for a cancelled campaign and for one that never had photos.
 */
export async function takeUpAgain(
  ports: Pick<Ports, "records" | "objects" | "clock" | "workflows">,
  campaign: string,
): Promise<TakenUp> {
  let intakes: string[] = [];
  const { head: before } = await readCampaign(ports, campaign);
  const cycles = await cyclesOf(ports, before);
  await updateHead(ports, campaign, (head) => {
    if (head.status === "cancelled")
      throw new BadInputError(`campaign "${campaign}" is cancelled: what was accepted is kept, and nothing goes on`);
    intakes = head.openCycle !== null || head.queue.length > 0 || head.cycles !== before.cycles ? [] : left(cycles);
    if (intakes.length === 0 && head.openCycle === null && head.queue.length === 0)
      throw new BadInputError(`campaign "${campaign}" has had no photos yet; add a folder of them`);
    return { ...head, queue: [...intakes, ...head.queue] };
  });
  await startQueued(ports, campaign);
  return { intakes, cycle: (await readCampaign(ports, campaign)).head.openCycle };
}

/** Whether a cycle's intake had been taken in by an earlier cycle that did not fail: its photos are known, and wanted again. */
export async function isTakenUp(ports: Pick<Ports, "records">, { campaign, cycle, intake }: CycleRecord) {
  for (let c = cycle - 1; c >= 1; c -= 1) {
    const earlier = await readCycle(ports, campaign, c);
    if (earlier.intake === intake && earlier.outcome !== "failed") return true;
  }
  return false;
}

async function cyclesOf(ports: Pick<Ports, "records">, { campaign, cycles }: CampaignHead): Promise<CycleRecord[]> {
  const records: CycleRecord[] = [];
  for (let cycle = 1; cycle <= cycles; cycle += 1) records.push(await readCycle(ports, campaign, cycle));
  return records;
}

function left(cycles: readonly CycleRecord[]): string[] {
  const taken = new Set(cycles.filter(({ outcome }) => outcome !== "failed").map(({ intake }) => intake));
  const lost = [...new Set(cycles.map(({ intake }) => intake))].filter((intake) => !taken.has(intake));
  const last = cycles.findLast(({ outcome }) => outcome !== "nothing-admitted") ?? cycles.at(-1);
  return lost.length > 0 ? lost : last === undefined ? [] : [last.intake];
}
