import { expertErrorOf } from "../../domain/acceptance/expert-error.ts";
import { type PilotProposal, proposeFromPilot } from "../../domain/acceptance/pilot.ts";
import { krippendorffsAlpha } from "../../domain/agreement/krippendorff.ts";
import type { Interval } from "../../domain/intervals.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { CheckedAnswer } from "./checked-answers.ts";
import { type ExpertFinding, namesOf } from "./expert-findings.ts";
import { fullLot } from "./inspection.ts";
import type { AnswerRecord } from "./submissions.ts";

export interface Pilot {
  /** Answers on images that nobody chose for being hard, whose truth experts gave. */
  decided: number;
  defects: number;
  /** How often experts err themselves, from how often two of them differ. */
  experts: { pairs: number; disagreed: number; rate: number };
  /** undefined in a campaign too young to say. */
  proposed?: PilotProposal;
  /** Krippendorff's alpha of annotators on images that several answered; of experts on images that two did. */
  agreement: { annotators?: Interval; experts?: Interval };
}

/**
 * What a campaign's own adjudicated answers say of honest work: the AQL and the gold test's rates to agree on, with the
 * experts' own errors taken out, and how far people agree at all.
 */
export function pilotOf(
  agreement: Campaign,
  findings: readonly ExpertFinding[],
  checked: readonly CheckedAnswer[],
  said: readonly AnswerRecord[],
): Pilot {
  const { classes, seed } = agreement;
  // Gold is asked of two whatever they say: elsewhere the second may be asked because of what the first said.
  const pairs = findings.filter(({ kind, answers }) => kind === "gold" && answers.length >= 2).map(namesOf);
  const experts = expertErrorOf(
    pairs.map(([a = null, b = null]) => [a, b] as const),
    classes.length,
  );
  const defects = checked.filter((answer) => answer.said !== answer.truth).length;
  const proposed = proposeFromPilot(
    { decided: checked.length, defects, expertError: experts, classes: classes.length },
    { lotSize: agreement.labelling.lotSize, level: fullLot(agreement).level },
  );
  const indexOf = new Map(classes.map((name, index) => [name, index]));
  const counts = (named: readonly (string | null)[]) => {
    const row = new Array<number>(classes.length).fill(0);
    for (const name of named) {
      const at = name === null ? undefined : indexOf.get(name);
      if (at !== undefined) row[at] = (row[at] ?? 0) + 1;
    }
    return row;
  };
  const byImage = [...Map.groupBy(said, ({ image }) => image)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, answers]) => counts(answers.map(({ value }) => (value.task === "class" ? value.label : null))));
  const annotators = krippendorffsAlpha(byImage, seed);
  const amongExperts = krippendorffsAlpha(pairs.map(counts), seed);
  return {
    decided: checked.length,
    defects,
    experts: { pairs: experts.pairs, disagreed: experts.disagreed, rate: experts.rate },
    ...(proposed === undefined ? {} : { proposed }),
    agreement: {
      ...(annotators === undefined ? {} : { annotators }),
      ...(amongExperts === undefined ? {} : { experts: amongExperts }),
    },
  };
}
