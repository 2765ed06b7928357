import type { Campaign } from "../../schemas/campaign.ts";
import { type ReviewKind, ReviewTask } from "../../schemas/review.ts";
import type { Ports } from "../ports.ts";
import { digestOf } from "./documents.ts";
import { recordKeys } from "./keys.ts";
import { everyRecord } from "./lot-records.ts";

/** Two different experts answer each task, neither knowing of the other. */
export const EXPERTS_PER_TASK = 2;

/** The task under which an image is put before the experts: one per image, guideline version and class set. */
export function reviewTaskOf(
  campaign: string,
  image: string,
  agreement: Pick<Campaign, "classes" | "guideline">,
): string {
  return `r-${digestOf({ campaign, image, guidelineVersion: agreement.guideline.version, classes: agreement.classes }).slice(0, 24)}`;
}

/** What two blind experts said of an image. */
export interface ExpertFinding {
  image: string;
  task: string;
  kind: ReviewKind;
  /** The class on which both agree; undefined while open, when they disagree, or when both could not tell. */
  truth: string | undefined;
  complete: boolean;
  answers: ReviewTask["answers"];
}

/** What each expert named, in the order of answering; null for "cannot tell". */
export const namesOf = (finding: Pick<ExpertFinding, "answers"> | undefined): (string | null)[] =>
  (finding?.answers ?? []).map(({ value }) => (value.task === "class" ? value.label : null));

function findingOf(task: ReviewTask): ExpertFinding {
  const [a, b] = task.answers;
  const agreed = a?.value.task === "class" && b?.value.task === "class" && a.value.label === b.value.label;
  return {
    image: task.image,
    task: task.task,
    kind: task.kind,
    truth: agreed && a.value.task === "class" ? a.value.label : undefined,
    complete: task.answers.length >= EXPERTS_PER_TASK,
    answers: task.answers,
  };
}

/** What the experts said of some images under an agreement; images never asked are absent. */
export async function expertFindings(
  ports: Pick<Ports, "records">,
  campaign: string,
  agreement: Pick<Campaign, "classes" | "guideline">,
  images?: readonly string[],
): Promise<Map<string, ExpertFinding>> {
  const findings = new Map<string, ExpertFinding>();
  if (images !== undefined) {
    for (const image of images) {
      const found = await ports.records.get(recordKeys.review(campaign, reviewTaskOf(campaign, image, agreement)));
      if (found !== undefined) findings.set(image, findingOf(ReviewTask.parse(found.body)));
    }
    return findings;
  }
  const classSet = digestOf(agreement.classes);
  for await (const { body } of everyRecord(ports.records, recordKeys.review(campaign, "").pk)) {
    const task = ReviewTask.parse(body);
    if (task.classSet === classSet && task.guidelineVersion === agreement.guideline.version)
      findings.set(task.image, findingOf(task));
  }
  return findings;
}
