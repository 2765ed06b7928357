import type { Ports } from "./ports.ts";
import { releaseState } from "./store/release.ts";
import { eachCampaign } from "./sweep.ts";

/** Starts one look a day at every live model, under the day's name: started twice it runs once. */
export async function startMonitors(ports: Ports): Promise<{ campaigns: number; started: number }> {
  const day = new Date(ports.clock.now()).toISOString().slice(0, 10);
  const seen = { campaigns: 0, started: 0 };
  await eachCampaign(ports, async (campaign) => {
    seen.campaigns += 1;
    if ((await releaseState(ports, campaign)).champion === undefined) return;
    await ports.workflows.start("monitor", `${campaign}-${day}`, { campaign, day });
    seen.started += 1;
  });
  return seen;
}
