import { upperBound } from "../../domain/intervals.ts";
import { rank } from "../../domain/split/rank.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { TestTruth } from "../../schemas/dataset.ts";
import type { Split } from "../../schemas/state.ts";
import type { Known } from "./consensus.ts";

/** Blind answers that each test image gets before anybody decides. */
export const TEST_ANSWERS = 3;
/** Share of the unanimous test images that experts audit. */
const AUDIT_SHARE = 0.1;

type Vote = { label: string | undefined; unanimous: boolean; answers: number };

/** Votes of an image's accepted answers: the commonest class, ties to the first in the agreement's order. */
function voteOn(image: string, known: Known, classes: readonly string[]): Vote {
  const answers = known.answers.get(image) ?? [];
  const counts = new Map<string, number>();
  for (const { value } of answers)
    if (value.task === "class") counts.set(value.label, (counts.get(value.label) ?? 0) + 1);
  for (const { value } of known.experts.get(image)?.answers ?? []) {
    // Experts who disagree with each other still have a vote each.
    if (value.task === "class") counts.set(value.label, (counts.get(value.label) ?? 0) + 1);
  }
  const label = [...classes].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0))[0];
  const told = new Set(answers.map(({ value }) => (value.task === "class" ? value.label : undefined)));
  return {
    label: counts.size === 0 ? undefined : label,
    unanimous: told.size === 1 && !told.has(undefined),
    answers: answers.length,
  };
}

/** The class that most of an image's annotators named; undefined where two classes have as many, or nobody named one. */
export function pluralityOf(image: string, known: Known, { classes }: Pick<Campaign, "classes">): string | undefined {
  const counts = classes.map(
    (name) =>
      (known.answers.get(image) ?? []).filter(({ value }) => value.task === "class" && value.label === name).length,
  );
  const most = Math.max(...counts);
  const first = counts.indexOf(most);
  return most > 0 && counts.lastIndexOf(most) === first ? classes[first] : undefined;
}

const isAudited = (image: string, seed: number) => rank(seed, "test-audit", image) < AUDIT_SHARE;

/** Test images that two blind experts are to decide: those with three answers that differ, and a random tenth of the unanimous. */
export function testImagesForExperts(split: Pick<Split, "test">, known: Known, agreement: Campaign): string[] {
  return split.test.filter((image) => {
    const { unanimous, answers } = voteOn(image, known, agreement.classes);
    return answers >= TEST_ANSWERS && (!unanimous || isAudited(image, agreement.seed));
  });
}

/**
 * The truth of the sealed test from blind human answers alone: experts where they agree, unanimous answers, else the
 * commonest answer. Images that nobody could name are left out. The residual error is bounded by the audited unanimous ones.
 */
export function testTruthOf(
  campaign: string,
  split: Pick<Split, "test" | "groups">,
  known: Known,
  agreement: Campaign,
): TestTruth {
  const items: TestTruth["items"] = [];
  let audited = 0;
  let wrong = 0;
  for (const image of [...split.test].sort()) {
    const { label, unanimous, answers } = voteOn(image, known, agreement.classes);
    const finding = known.experts.get(image);
    if (unanimous && isAudited(image, agreement.seed) && finding?.truth !== undefined) {
      audited += 1;
      const said = known.answers.get(image)?.[0]?.value;
      if (said?.task === "class" && said.label !== finding.truth) wrong += 1;
    }
    const truth = finding?.truth ?? label;
    // Both experts could not tell: nobody can be blamed for missing it.
    const hopeless = finding?.complete === true && finding.answers.every(({ value }) => value.task === "cannot-tell");
    if (truth === undefined || hopeless) continue;
    const source = finding?.truth !== undefined ? "experts" : unanimous ? "unanimous" : "majority";
    items.push({ sha256: image, group: split.groups[image] ?? image, label: truth, source, answers });
  }
  return {
    campaign,
    classes: agreement.classes,
    items,
    residualError: { audited, wrong, upper: upperBound(wrong, audited) },
  };
}
