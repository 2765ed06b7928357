import type { Campaign } from "../../schemas/campaign.ts";
import { type ReviewKind, ReviewTask } from "../../schemas/review.ts";
import type { Ports } from "../ports.ts";
import { digestOf } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";

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

/** What blind experts said of an image: two of them, and a third where somebody disputed it. */
export interface ExpertFinding {
  image: string;
  task: string;
  kind: ReviewKind;
  /**
   * The class on which two agree, or in which one confirms what others had said before; undefined while open, when they
   * disagree, or when they could not tell.
   */
  truth: string | undefined;
  /** A third expert saw something else than the two who agreed. */
  contested: boolean;
  complete: boolean;
  answers: ReviewTask["answers"];
}

/** What each expert named, in the order of answering; null for "cannot tell". */
export const namesOf = (finding: Pick<ExpertFinding, "answers"> | undefined): (string | null)[] =>
  (finding?.answers ?? []).map(({ value }) => (value.task === "class" ? value.label : null));

/** How many answers a task waits for: one less where the first expert confirms what the crowd had said. */
export function neededAnswers({ needed, ...task }: Pick<ReviewTask, "needed" | "expected" | "answers">): number {
  return needed ?? (confirms(task) ? 1 : EXPERTS_PER_TASK);
}

/** Whether the first expert says what was expected: a second could not overrule them, for only two who agree do that. */
export function confirms({ expected, answers }: Pick<ReviewTask, "expected" | "answers">): boolean {
  const [first] = namesOf({ answers });
  return expected !== undefined && first === expected;
}

/** Whether nobody has to be asked any more: two have answered, or one has confirmed what is expected. */
export function isAnswered(finding: Pick<ExpertFinding, "answers"> | undefined, expected: string | undefined): boolean {
  if (finding === undefined) return false;
  const { answers } = finding;
  return answers.length >= neededAnswers({ answers, ...(expected === undefined ? {} : { expected }) });
}

function findingOf(task: ReviewTask): ExpertFinding {
  const names = namesOf(task);
  const agreed = names.find((name, at) => name !== null && names.indexOf(name) < at) ?? undefined;
  const confirmed = names.length === 1 && confirms(task) ? task.expected : undefined;
  return {
    image: task.image,
    task: task.task,
    kind: task.kind,
    truth: agreed ?? confirmed,
    contested: agreed !== undefined && names.length > EXPERTS_PER_TASK && names.some((name) => name !== agreed),
    complete: task.answers.length >= EXPERTS_PER_TASK || confirmed !== undefined,
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
