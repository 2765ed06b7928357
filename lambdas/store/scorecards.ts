import type { SwitchingState } from "../../domain/acceptance/switching.ts";
import { type Scorecard, scorecardOf } from "../../domain/annotators/scorecard.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Ports } from "../ports.ts";
import type { CheckedAnswer } from "./checked-answers.ts";
import { inspectionState } from "./inspection-states.ts";
import { statement } from "./ledger.ts";
import { vendorBoard } from "./lots.ts";
import type { AnswerRecord } from "./submissions.ts";

export interface VendorCard extends Scorecard {
  /** Where it stands with the switching rules. */
  inspection: SwitchingState;
}

/** A vendor's scorecard: its lots, its speed, what it is owed, where it stands with inspection, and its people. */
export async function vendorCard(
  ports: Pick<Ports, "records" | "objects">,
  agreement: Campaign,
  { vendor, said, checked }: { vendor: string; said: readonly AnswerRecord[]; checked: readonly CheckedAnswer[] },
): Promise<VendorCard> {
  const campaign = agreement.name;
  const { lines, totalMicros } = await statement(ports, { campaign, party: vendor });
  const acceptedAnswers = lines
    .filter(({ kind }) => kind === "answer-accepted")
    .reduce((sum, { units }) => sum + units, 0);
  const lots = await vendorBoard(ports, { campaign, vendor });
  return {
    ...scorecardOf(vendor, { lots, said, checked, owed: { totalMicros, acceptedAnswers } }),
    inspection: await inspectionState(ports, agreement, vendor),
  };
}
