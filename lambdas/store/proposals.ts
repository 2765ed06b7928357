import { type FraudSignal, fraudSignals } from "../../domain/annotators/fraud.ts";
import { type GoldTest, goldTest } from "../../domain/annotators/gold-test.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Ports } from "../ports.ts";
import { readCampaign } from "./campaigns.ts";
import { answersOfVendor, type CheckedAnswer } from "./checked-answers.ts";
import { type Confusion, type VendorCard, vendorCard } from "./scorecards.ts";
import type { AnswerRecord } from "./submissions.ts";

/** What a person might decide, and why. Nothing happens by itself. */
export interface Proposal {
  vendor: string;
  annotator?: string;
  proposal: "pause" | "retrain" | "stop-vendor";
  reason: string;
  /** For retraining: classes that are mixed up; never an image. */
  hints: Confusion[];
}

/** Share of an annotator's errors between the same two classes from which they can be taught. */
const TEACHABLE = 0.6;

/** Scorecards of a campaign's vendors, what follows from them by the sequential test and the switching rules, and what looks odd. */
export async function vendorReview(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<{ cards: VendorCard[]; proposals: Proposal[]; signals: FraudSignal[] }> {
  const { agreement } = await readCampaign(ports, campaign);
  const gathered: { vendor: string; said: AnswerRecord[]; checked: CheckedAnswer[] }[] = [];
  for (const { id } of agreement.vendors) {
    gathered.push({ vendor: id, ...(await answersOfVendor(ports, campaign, id)) });
  }
  const annotators = new Set(
    gathered.flatMap(({ vendor, said }) => said.map(({ annotator }) => `${vendor}/${annotator}`)),
  );
  const test = testFor(
    agreement,
    gathered.flatMap(({ checked }) => checked),
    annotators.size,
  );
  const cards: VendorCard[] = [];
  const proposals: Proposal[] = [];
  for (const one of gathered) {
    const card = await vendorCard(ports, agreement, one);
    cards.push(card);
    if (card.inspection.stopped) {
      proposals.push({ vendor: one.vendor, proposal: "stop-vendor", reason: card.inspection.reason, hints: [] });
    }
    for (const { annotator, confused } of card.annotators) {
      const own = one.checked.filter((answer) => answer.annotator === annotator);
      const found = firstPause(test, own);
      if (found === undefined) continue;
      const teachable = isTeachable(confused);
      const reason = `${found.wrong} of the first ${found.n} checked answers were wrong: rather an error rate of ${percent(test.p1)} than of ${percent(test.p0)}`;
      proposals.push({
        vendor: one.vendor,
        annotator,
        proposal: teachable ? "retrain" : "pause",
        reason,
        hints: teachable ? confused : [],
      });
    }
  }
  return { cards, proposals, signals: fraudSignals(gathered.flatMap(observed)) };
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
  const p0 = Math.min(0.3, Math.max(0.01, agreement.inspection.aql / 100, pilot));
  const p1 = Math.min(0.8, Math.max(2.5 * p0, p0 + 0.15));
  return { p0, p1, alpha: 0.05, beta: 0.05, annotators: Math.max(1, annotators) };
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

function observed({
  vendor,
  said,
  checked,
}: {
  vendor: string;
  said: readonly AnswerRecord[];
  checked: readonly CheckedAnswer[];
}) {
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
