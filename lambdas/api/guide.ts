import type { Question } from "../../schemas/member.ts";
import type { Guide } from "../../schemas/portal.ts";
import type { Ports } from "../ports.ts";
import { cycleAgreement, readCampaign } from "../store/campaigns.ts";

/** The classes and the guideline that answers are given under now: the open cycle's, or else the agreement in force. */
export async function guideOf(ports: Ports, campaign: string, questions: Question[]): Promise<Guide> {
  const { head, agreement } = await readCampaign(ports, campaign);
  const current = head.openCycle === null ? agreement : await cycleAgreement(ports, campaign, head.openCycle);
  return { campaign, classes: current.classes, guideline: current.guideline, questions };
}
