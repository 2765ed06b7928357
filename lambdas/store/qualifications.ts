import { judgeQualification, type QualificationTest } from "../../domain/annotators/qualification.ts";
import { shuffled } from "../../domain/split/rank.ts";
import type { AnswerValue } from "../../schemas/answer.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { Qualification, Standing } from "../../schemas/standing.ts";
import { Split } from "../../schemas/state.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign, readCycle } from "./campaigns.ts";
import { digestOf } from "./documents.ts";
import { expertFindings } from "./expert-findings.ts";
import { recordKeys } from "./keys.ts";
import { LotRefusedError, readImmutable } from "./lot-records.ts";
import { askAhead } from "./reviews.ts";

type Store = Pick<Ports, "records" | "objects" | "clock">;
interface Who {
  campaign: string;
  vendor: string;
  annotator: string;
}

/** Where an annotator stands: no test is asked; experts still prepare it; it is open; passed; not passed, and a person decides. */
export interface QualificationState {
  state: "not-needed" | "waiting" | "open" | "qualified" | "not-qualified";
  test?: QualificationTest;
  /** Questions with an answer, and right ones once it is over. */
  answered: number;
  right?: number;
  /** Questions without an answer. */
  open: Qualification["questions"];
}

const FREE: QualificationState = { state: "not-needed", answered: 0, open: [] };

/**
 * Throws LotRefusedError (unqualified), which says what to do, unless the annotator may take lots: the agreement asks for no
 * test, it is passed, or a person of the data team took the annotator in.
 */
export async function assertQualified(ports: Store, who: Who): Promise<void> {
  const { state, test, right } = await qualificationOf(ports, who);
  const refuse = (message: string): never => {
    throw new LotRefusedError("unqualified", message);
  };
  if (state === "waiting") refuse("the qualification test is being prepared by the experts; come back in some hours");
  if (state === "open") refuse(`before the first lot there is a test of ${test?.questions} images; take it first`);
  if (state === "not-qualified")
    refuse(
      `the qualification test was not passed: ${right} of ${test?.questions} answers were right, ${test?.toPass} are needed; the data team decides what happens next`,
    );
}

/** Where the annotator stands; draws the questions when the test is first looked at and enough images are decided. */
export async function qualificationOf(ports: Store, who: Who): Promise<QualificationState> {
  const { agreement, head } = await readCampaign(ports, who.campaign);
  const test = agreement.labelling.qualification;
  if (test === undefined) return FREE;
  const decided = await ports.records.get(recordKeys.standing(who.campaign, who.vendor, who.annotator));
  if (decided !== undefined && Standing.parse(decided.body).standing === "active")
    return { ...FREE, state: "qualified", test };
  const key = recordKeys.qualification(who.campaign, who.vendor, who.annotator);
  const found = await ports.records.get(key);
  if (found !== undefined) return stateOf(Qualification.parse(found.body), test);
  const images = await questionImages(ports, agreement, head.cycles);
  if (images.length < test.questions) return { state: "waiting", test, answered: 0, open: [] };
  const name = `qualification-${who.vendor}/${who.annotator}`;
  const chosen = shuffled(images, agreement.seed, name, (image) => image).slice(0, test.questions);
  const drawn: Qualification = {
    vendor: who.vendor,
    annotator: who.annotator,
    questions: chosen.map((image) => ({
      item: `q${digestOf({ ...who, image, seed: agreement.seed }).slice(0, 20)}`,
      image,
    })),
    answers: [],
    at: new Date(ports.clock.now()).toISOString(),
  };
  try {
    await ports.records.put(key, drawn, "absent");
  } catch (error) {
    // Two tabs at once: the first one's questions stand.
    if (error instanceof ConflictError) return qualificationOf(ports, who);
    throw error;
  }
  return stateOf(drawn, test);
}

function stateOf(record: Qualification, test: QualificationTest): QualificationState {
  const said = new Set(record.answers.map(({ item }) => item));
  const open = record.questions.filter(({ item }) => !said.has(item));
  const state = record.outcome ?? "open";
  return { state, test, answered: said.size, open, ...(record.right === undefined ? {} : { right: record.right }) };
}

/** Images that two experts decided, and neither gold nor sealed: an annotator who knows them knows nothing of either. */
async function questionImages(ports: Store, agreement: Campaign, cycle: number): Promise<string[]> {
  const split = await splitOf(ports, agreement.name, cycle);
  if (split === undefined) return [];
  const pool = new Set(split.pool);
  const findings = await expertFindings(ports, agreement.name, agreement);
  return [...findings.values()]
    .filter(({ image, truth, contested }) => truth !== undefined && !contested && pool.has(image))
    .map(({ image }) => image)
    .sort();
}

async function splitOf(ports: Pick<Ports, "records" | "objects">, campaign: string, cycle: number) {
  if (cycle === 0) return undefined;
  const { refs } = await readCycle(ports, campaign, cycle);
  return refs.split === undefined ? undefined : readImmutable(ports.objects, refs.split, Split);
}

/** Asks the experts for as many random images of the pool as the test has questions, ahead of the first lots. */
export async function askForQuestions(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
): Promise<void> {
  const { agreement } = await readCampaign(ports, campaign);
  const test = agreement.labelling.qualification;
  const split = test === undefined ? undefined : await splitOf(ports, campaign, cycle);
  if (test === undefined || split === undefined) return;
  const images = shuffled(split.pool, agreement.seed, "qualification", (image) => image).slice(0, test.questions);
  await askAhead(ports, { campaign, kind: "queue", images, agreement });
}

/**
 * Takes answers to the test; with the last one it is judged, once. Each question counts once, as it was first answered.
 * "Cannot tell" is not right, for experts could. Throws BadInputError for an unknown question or class, and where no test
 * is open. Tells the data team of a test that was not passed.
 */
export async function answerQualification(
  ports: Store & Pick<Ports, "notifier">,
  who: Who,
  answers: readonly { item: string; value: AnswerValue }[],
): Promise<QualificationState> {
  const key = recordKeys.qualification(who.campaign, who.vendor, who.annotator);
  for (let attempt = 0; ; attempt += 1) {
    const { agreement } = await readCampaign(ports, who.campaign);
    const test = agreement.labelling.qualification;
    const found = await ports.records.get(key);
    if (test === undefined || found === undefined) throw new BadInputError("there is no qualification test to answer");
    const record = Qualification.parse(found.body);
    if (record.outcome !== undefined) return stateOf(record, test);
    const next = withAnswers(record, answers, agreement.classes);
    if (next.answers.length === next.questions.length) await judge(ports, who.campaign, agreement, next, test);
    try {
      await ports.records.put(key, next, { version: found.version });
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
      continue;
    }
    if (next.outcome === "not-qualified") {
      await ports.notifier.notify({
        audience: "data-team",
        subject: `${who.campaign}: ${who.annotator} of ${who.vendor} did not pass the qualification test`,
        text: `${next.right} of ${test.questions} answers were right, ${test.toPass} are needed. "vendor restore" takes ${who.annotator} in all the same; "vendor release" ends it.`,
      });
      await ports.notifier.notify({
        audience: "vendor",
        subject: `${who.campaign}: a qualification test was not passed`,
        text: `${who.annotator} of ${who.vendor} gave ${next.right} right answers of ${test.questions}; ${test.toPass} are needed. The data team decides what happens next.`,
      });
    }
    return stateOf(next, test);
  }
}

function withAnswers(
  record: Qualification,
  answers: readonly { item: string; value: AnswerValue }[],
  classes: readonly string[],
): Qualification {
  const next = { ...record, answers: [...record.answers] };
  for (const { item, value } of answers) {
    if (!record.questions.some((question) => question.item === item))
      throw new BadInputError(`"${item}" is no question of this test`);
    if (value.task === "class" && !classes.includes(value.label))
      throw new BadInputError(`"${value.label}" is not one of the classes: ${classes.join(", ")}`);
    if (!next.answers.some((answer) => answer.item === item)) next.answers.push({ item, value });
  }
  return next;
}

async function judge(
  ports: Pick<Ports, "records">,
  campaign: string,
  agreement: Campaign,
  record: Qualification,
  test: QualificationTest,
): Promise<void> {
  const images = record.questions.map(({ image }) => image);
  const findings = await expertFindings(ports, campaign, agreement, images);
  const truthOf = new Map(record.questions.map(({ item, image }) => [item, findings.get(image)?.truth]));
  record.right = record.answers.filter(
    ({ item, value }) => value.task === "class" && value.label === truthOf.get(item),
  ).length;
  record.outcome = judgeQualification({ ...test, questions: record.questions.length }, record.right);
}
