import type { CampaignHead } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { updateHead } from "./campaigns.ts";
import { closeCycle, executionName, resumeCycles } from "./cycles.ts";

/**
 * Pauses, resumes or cancels a campaign. Paused: no lease and no new cycle starts; what is leased may be handed in.
 * Cancelled is final: the open execution is stopped, its cycle closed; what was accepted stays owed. Safe to call again.
 * Throws BadInputError when a cancelled campaign is to be resumed.
 */
export async function setStatus(
  ports: Pick<Ports, "records" | "objects" | "clock" | "workflows">,
  campaign: string,
  status: CampaignHead["status"],
): Promise<void> {
  const head = await updateHead(ports, campaign, (there) => {
    if (there.status === "cancelled" && status !== "cancelled") {
      throw new BadInputError(
        `campaign "${campaign}" is cancelled and can't be ${status === "active" ? "resumed" : "paused"}; start a new one`,
      );
    }
    return { ...there, status, queue: status === "cancelled" ? [] : there.queue };
  });
  if (status === "active") await resumeCycles(ports, campaign);
  if (status === "cancelled" && head.openCycle !== null) {
    await ports.workflows.stop(
      "campaign",
      executionName(campaign, head.openCycle),
      "the data team cancelled the campaign",
    );
    await closeCycle(ports, campaign, head.openCycle, "cancelled");
  }
}
