import { type FraudSignal, fraudSignals } from "../../domain/annotators/fraud.ts";
import type { SuspectGold } from "../../domain/annotators/gold-contradictions.ts";
import { type GoldTest, goldTest, ratesFor } from "../../domain/annotators/gold-test.ts";
import { type Confusion, confusionsOf } from "../../domain/annotators/scorecard.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Standing } from "../../schemas/standing.ts";
import type { Ports } from "../ports.ts";
import { readCampaign } from "./campaigns.ts";
import { answersOfVendor, type CheckedAnswer, type VendorAnswers } from "./checked-answers.ts";
import { expertFindings } from "./expert-findings.ts";
import { goldSuspects } from "./gold-suspects.ts";
import { type Pilot, pilotOf } from "./pilots.ts";
import { type VendorCard, vendorCard } from "./scorecards.ts";
import { standings } from "./standings.ts";

/** What a person might decide, and why. Nothing happens by itself. */
export interface Proposal {
  vendor: string;
  annotator?: string;
  /** `release`: a person took somebody back after a pause, and the answers since then speak against it again. */
  proposal: "pause" | "retrain" | "release" | "stop-vendor";
  reason: string;
  /** For retraining: classes that are mixed up; never an image. */
  hints: Confusion[];
}

export interface VendorReview {
  cards: VendorCard[];
  proposals: Proposal[];
  signals: FraudSignal[];
  /** Gold that is probably wrong itself; until a person has looked it judges nobody. */
  suspectGold: SuspectGold[];
  /** AQL and gold test as the campaign's own adjudicated answers would have them. */
  pilot: Pilot;
}

/** Share of an annotator's errors between the same two classes from which they can be taught. */
const TEACHABLE = 0.6;

/** Scorecards of a campaign's vendors, what follows from them by the sequential test and the switching rules, and what looks odd. */
export async function vendorReview(ports: Pick<Ports, "records" | "objects">, campaign: string): Promise<VendorReview> {
  const { agreement } = await readCampaign(ports, campaign);
  const gathered: (VendorAnswers & { vendor: string })[] = [];
  for (const { id } of agreement.vendors) {
    gathered.push({ vendor: id, ...(await answersOfVendor(ports, campaign, id)) });
  }
  const suspects = goldSuspects(gathered.flatMap(({ checked }) => checked));
  const doubtful = new Set(suspects.map(({ image }) => image));
  for (const one of gathered) one.checked = one.checked.filter(({ image }) => !doubtful.has(image));
  const checked = gathered.flatMap((one) => one.checked);
  const overlap = gathered.flatMap((one) => one.overlap);
  const findings = [...(await expertFindings(ports, campaign, agreement)).values()];
  const annotators = new Set(gathered.flatMap(({ vendor, said }) => said.map((one) => `${vendor}/${one.annotator}`)));
  const test = testFor(agreement, checked, annotators.size);
  const decisions = await standings(ports, campaign);
  const cards: VendorCard[] = [];
  const proposals: Proposal[] = [];
  for (const one of gathered) {
    const card = await vendorCard(ports, agreement, one);
    cards.push(card);
    if (card.inspection.stopped) {
      proposals.push({ vendor: one.vendor, proposal: "stop-vendor", reason: card.inspection.reason, hints: [] });
    }
    for (const { annotator } of card.annotators) {
      const decided = decisions.find((d) => d.vendor === one.vendor && d.annotator === annotator);
      const own = one.checked.filter((answer) => answer.annotator === annotator);
      const proposal = proposalFor(test, own, decided);
      if (proposal !== undefined) proposals.push({ vendor: one.vendor, annotator, ...proposal });
    }
  }
  return {
    cards,
    proposals,
    signals: fraudSignals(gathered.flatMap(observed)),
    suspectGold: suspects,
    pilot: pilotOf(agreement, findings, checked, overlap),
  };
}

/** What the sequential test proposes for one annotator. What a person has decided about counts only from then on. */
function proposalFor(
  test: GoldTest,
  own: readonly CheckedAnswer[],
  decided: Standing | undefined,
): Omit<Proposal, "vendor" | "annotator"> | undefined {
  const takenBack = decided?.standing === "active";
  const since = takenBack ? own.filter(({ at }) => at > decided.at) : own;
  const found = firstPause(test, since);
  if (found === undefined) return undefined;
  const reason = `${found.wrong} of the first ${found.n} checked answers${takenBack ? ` since ${decided.at}` : ""} were wrong: rather an error rate of ${percent(test.p1)} than of ${percent(test.p0)}`;
  if (takenBack) return { proposal: "release", reason, hints: [] };
  const confused = confusionsOf(since);
  return isTeachable(confused)
    ? { proposal: "retrain", reason, hints: confused }
    : { proposal: "pause", reason, hints: [] };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Checked answers from which an annotator counts in the pilot. */
const IN_PILOT = 5;

/**
 * What is agreed is the median annotator's error on checked images, the AQL at least: nobody is paused for being as good as
 * the rest, and a few bad ones don't lower the bar. Not bearable is two and a half times that, 15 points more at least.
 * Alpha is divided over the annotators.
 */
function testFor(agreement: Campaign, checked: readonly CheckedAnswer[], annotators: number): GoldTest {
  const errors = [...Map.groupBy(checked, ({ vendor, annotator }) => `${vendor}/${annotator}`).values()]
    .filter((own) => own.length >= IN_PILOT)
    .map((own) => own.filter(({ said, truth }) => said !== truth).length / own.length)
    .sort((a, b) => a - b);
  const pilot = errors[errors.length >> 1] ?? 0;
  const rates = ratesFor(Math.max(agreement.inspection.aql / 100, pilot));
  return { ...rates, alpha: 0.05, beta: 0.05, annotators: Math.max(1, annotators) };
}

/** The test looks after every answer, in the order in which they were given, and ends with its first decision. */
function firstPause(test: GoldTest, answers: readonly CheckedAnswer[]): { n: number; wrong: number } | undefined {
  const ordered = answers.toSorted((a, b) => (a.at + a.item < b.at + b.item ? -1 : 1));
  let wrong = 0;
  for (let n = 1; n <= ordered.length; n += 1) {
    const answer = ordered[n - 1] as CheckedAnswer;
    if (answer.said !== answer.truth) wrong += 1;
    const { outcome } = goldTest(test, wrong, n);
    if (outcome === "clear") return undefined;
    if (outcome === "pause") return { n, wrong };
  }
  return undefined;
}

/** Most errors between the same two classes can be taught; errors everywhere can't. */
function isTeachable(confused: readonly Confusion[]): boolean {
  const [first] = confused;
  if (first === undefined) return false;
  const pair = new Set([first.said, first.truth]);
  const sum = (some: readonly Confusion[]) => some.reduce((total, { count }) => total + count, 0);
  return sum(confused.filter(({ said, truth }) => pair.has(said) && pair.has(truth))) >= TEACHABLE * sum(confused);
}

function observed({ vendor, said, checked }: VendorAnswers & { vendor: string }) {
  const truths = new Map(checked.map((one) => [`${one.annotator} ${one.image}`, one]));
  return said.map(({ annotator, image, value, seconds }) => {
    const known = truths.get(`${annotator} ${image}`);
    const label = value.task === "class" ? value.label : null;
    return {
      vendor,
      annotator: `${vendor}/${annotator}`,
      image,
      said: label,
      truth: known?.truth ?? null,
      gold: known?.gold ?? false,
      seconds,
    };
  });
}
