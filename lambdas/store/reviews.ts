import { AnswerValue } from "../../schemas/answer.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { ReviewBatch, type ReviewKind, ReviewTask } from "../../schemas/review.ts";
import { ConflictError, type Ports, type RecordWrite } from "../ports.ts";
import { digestOf } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { EXPERTS_PER_TASK, neededAnswers, reviewTaskOf } from "./expert-findings.ts";
import { recordKeys } from "./keys.ts";
import { ledgerWrites } from "./ledger.ts";
import { assertActive, LotRefusedError, tokenContext, wake } from "./lot-records.ts";

/**
 * Asks the experts for images and lets a stage wait for all of them. An image that was asked before is not asked again:
 * its answers serve. Wakes the token at once when nothing is open. May be repeated with a newer token.
 */
export async function requestReviews(
  ports: Pick<Ports, "records" | "sealer" | "tokens">,
  request: {
    campaign: string;
    batch: string;
    kind: ReviewKind | ((image: string) => ReviewKind);
    images: readonly string[];
    /** What was said of an image: an expert who says the same settles it alone. Two are asked where nothing is expected. */
    expected?: (image: string) => string | undefined;
    token: string;
    agreement: Campaign;
  },
): Promise<{ open: number }> {
  const { campaign, batch } = request;
  const sealedToken = await ports.sealer.seal(request.token, tokenContext.batch(campaign, batch));
  const images = [...new Set(request.images)].sort();
  // The token first: whoever closes the batch's last line below finds it.
  await ports.records.put(
    recordKeys.reviewBatch(campaign, batch),
    { batch, images: images.length, sealedToken } satisfies ReviewBatch,
    "any",
  );
  for (const image of images) await joinBatch(ports, request, image);
  const open = await openOf(ports, campaign, batch);
  if (open === 0) await wakeBatchWhenDone(ports, campaign, batch);
  return { open };
}

/**
 * Asks the experts for images without waiting for them: whoever waits later finds the answers there.
 */
export async function askAhead(
  ports: Pick<Ports, "records">,
  request: { campaign: string; kind: ReviewKind; images: readonly string[]; agreement: Campaign },
): Promise<void> {
  for (const image of new Set(request.images)) await joinBatch(ports, { ...request, batch: "ahead" }, image);
}

/**
 * Puts images that two experts have answered before a third one, who sees neither their answers nor why it is asked.
 * Images that nobody has answered, or a third has, stay as they are. Returns how many wait for a third now.
 */
export async function askThird(
  ports: Pick<Ports, "records">,
  { campaign, images, agreement }: { campaign: string; images: readonly string[]; agreement: Campaign },
): Promise<number> {
  let waiting = 0;
  for (const image of new Set(images)) {
    const key = recordKeys.review(campaign, reviewTaskOf(campaign, image, agreement));
    for (let attempt = 0; ; attempt += 1) {
      const found = await ports.records.get(key);
      const task = found === undefined ? undefined : ReviewTask.parse(found.body);
      if (found === undefined || task === undefined || task.answers.length !== EXPERTS_PER_TASK) break;
      try {
        const open = recordKeys.openReview(campaign, task.task);
        await ports.records.transact([
          { op: "put", key, body: { ...task, needed: 3 } satisfies ReviewTask, condition: { version: found.version } },
          { op: "put", key: open, body: { task: task.task }, condition: "any" },
        ]);
        waiting += 1;
        break;
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt >= 20) throw error;
      }
    }
  }
  return waiting;
}

async function joinBatch(
  ports: Pick<Ports, "records">,
  request: Pick<Parameters<typeof requestReviews>[1], "campaign" | "batch" | "kind" | "expected" | "agreement">,
  image: string,
): Promise<void> {
  const { campaign, batch, agreement, kind } = request;
  const task = reviewTaskOf(campaign, image, agreement);
  const key = recordKeys.review(campaign, task);
  const fresh = (): ReviewTask => ({
    task,
    image,
    kind: typeof kind === "function" ? kind(image) : kind,
    guidelineVersion: agreement.guideline.version,
    classSet: digestOf(agreement.classes),
    classes: agreement.classes,
    pricePerAnswerMicros: Math.round(agreement.expertPricePerAnswer * 1e6),
    currency: agreement.currency,
    answers: [],
    batches: [],
  });
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    const known = found === undefined ? undefined : ReviewTask.parse(found.body);
    if (known !== undefined && (known.answers.length >= EXPERTS_PER_TASK || known.batches.includes(batch))) return;
    const expected = request.expected?.(image);
    // Who waits for the same word may share it; where two expect different words, or none, two experts are asked.
    const { expected: held, ...rest } = known ?? fresh();
    const shared = known === undefined || held === expected ? expected : undefined;
    const body: ReviewTask = { ...rest, ...(shared === undefined ? {} : { expected: shared }) };
    if (known !== undefined && known.answers.length >= neededAnswers(body)) return;
    const writes: RecordWrite[] = [
      {
        op: "put",
        key,
        body: { ...body, batches: [...body.batches, batch] },
        condition: found === undefined ? "absent" : { version: found.version },
      },
      { op: "put", key: recordKeys.batchTask(campaign, batch, task), body: { task }, condition: "any" },
    ];
    // Also where one expert had confirmed another word: it is open again.
    if (known === undefined || known.answers.length > 0)
      writes.push({ op: "put", key: recordKeys.openReview(campaign, task), body: { task }, condition: "any" });
    try {
      await ports.records.transact(writes);
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

async function openOf(ports: Pick<Ports, "records">, campaign: string, batch: string): Promise<number> {
  let open = 0;
  for await (const _ of everyRecord(ports.records, recordKeys.batchTask(campaign, batch, "").pk)) open += 1;
  return open;
}

/** Wakes the stage that waits for a batch if none of its tasks is open. Returns whether somebody was woken. */
export async function wakeBatchWhenDone(
  ports: Pick<Ports, "records" | "sealer" | "tokens">,
  campaign: string,
  batch: string,
): Promise<boolean> {
  if ((await openOf(ports, campaign, batch)) > 0) return false;
  const found = await ports.records.get(recordKeys.reviewBatch(campaign, batch));
  if (found === undefined) return false;
  return wake(ports, ReviewBatch.parse(found.body).sealedToken, tokenContext.batch(campaign, batch), { batch });
}

/** Tasks that this expert may answer now: not yet done and not yet answered by them. In an order that says nothing. */
export async function openReviews(
  ports: Pick<Ports, "records" | "objects">,
  { campaign, expert, limit }: { campaign: string; expert: string; limit: number },
): Promise<{ task: string; kind: ReviewKind; image: string }[]> {
  await assertActive(ports, campaign);
  const open: { task: string; kind: ReviewKind; image: string }[] = [];
  for await (const { sk } of everyRecord(ports.records, recordKeys.openReview(campaign, "").pk)) {
    const found = await ports.records.get(recordKeys.review(campaign, sk));
    if (found === undefined) continue;
    const asked = ReviewTask.parse(found.body);
    const { task, kind, image, answers } = asked;
    if (answers.length >= neededAnswers(asked) || answers.some((answer) => answer.expert === expert)) continue;
    open.push({ task, kind, image });
    if (open.length >= limit) break;
  }
  return open;
}

export interface ReviewRefusal {
  task: string;
  reason: "unknown-task" | "duplicate" | "closed" | "unknown-class" | "malformed" | "cancelled" | "paused";
}

/**
 * Takes experts' answers: two different experts per task (three where it is disputed), each at most once; each answer is
 * owed in the ledger in the same transaction. `done` lists tasks that now have both. Waiting steps are woken after the commit.
 */
export async function submitReviews(
  ports: Pick<Ports, "records" | "objects" | "clock" | "sealer" | "tokens">,
  {
    campaign,
    expert,
    answers,
  }: { campaign: string; expert: string; answers: readonly { task: string; value: AnswerValue }[] },
): Promise<{ accepted: number; refused: ReviewRefusal[]; done: string[] }> {
  try {
    await assertActive(ports, campaign);
  } catch (error) {
    if (!(error instanceof LotRefusedError) || (error.reason !== "paused" && error.reason !== "cancelled")) throw error;
    const reason = error.reason;
    return { accepted: 0, refused: answers.map(({ task }) => ({ task, reason })), done: [] };
  }
  const refused: ReviewRefusal[] = [];
  const done: string[] = [];
  const batches = new Set<string>();
  let accepted = 0;
  // Each answer writes its task and its ledger entry and clears a line per waiting batch: 6 stay below 100 writes with 13 batches each.
  for (let start = 0; start < answers.length; start += 6) {
    const part = await submitPart(ports, campaign, expert, answers.slice(start, start + 6));
    accepted += part.accepted;
    refused.push(...part.refused);
    done.push(...part.done);
    for (const batch of part.batches) batches.add(batch);
  }
  for (const batch of [...batches].sort()) await wakeBatchWhenDone(ports, campaign, batch);
  return { accepted, refused, done };
}

async function submitPart(
  ports: Pick<Ports, "records" | "clock">,
  campaign: string,
  expert: string,
  answers: readonly { task: string; value: AnswerValue }[],
): Promise<{ accepted: number; refused: ReviewRefusal[]; done: string[]; batches: string[] }> {
  for (let attempt = 0; ; attempt += 1) {
    const refused: ReviewRefusal[] = [];
    const done: string[] = [];
    const batches: string[] = [];
    const writes: RecordWrite[] = [];
    const owed = [];
    const at = new Date(ports.clock.now()).toISOString();
    const taken = new Set<string>();
    for (const { task: name, value } of answers) {
      const key = recordKeys.review(campaign, name);
      const found = await ports.records.get(key);
      const task = found === undefined ? undefined : ReviewTask.parse(found.body);
      const reason = found === undefined || task === undefined ? "unknown-task" : refusal(task, expert, value, taken);
      if (reason !== undefined || task === undefined || found === undefined) {
        refused.push({ task: name, reason: reason ?? "unknown-task" });
        continue;
      }
      taken.add(name);
      const next: ReviewTask = { ...task, answers: [...task.answers, { expert, value, at }] };
      const complete = next.answers.length === neededAnswers(next);
      writes.push({ op: "put", key, body: next, condition: { version: found.version } });
      owed.push({
        id: `expert/${name}/${expert}`,
        campaign,
        kind: "expert-answer" as const,
        party: expert,
        item: name,
        units: 1,
        amountMicros: task.pricePerAnswerMicros,
        currency: task.currency,
        at,
      });
      if (!complete) continue;
      done.push(name);
      batches.push(...task.batches);
      writes.push({ op: "delete", key: recordKeys.openReview(campaign, name), condition: "any" });
      for (const batch of task.batches)
        writes.push({ op: "delete", key: recordKeys.batchTask(campaign, batch, name), condition: "any" });
    }
    try {
      writes.push(...(await ledgerWrites(ports, owed)));
      if (writes.length > 0) await ports.records.transact(writes);
      return { accepted: taken.size, refused, done, batches };
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

function refusal(
  task: ReviewTask,
  expert: string,
  value: AnswerValue,
  taken: ReadonlySet<string>,
): ReviewRefusal["reason"] | undefined {
  if (!AnswerValue.safeParse(value).success) return "malformed";
  if (value.task === "class" && !task.classes.includes(value.label)) return "unknown-class";
  if (taken.has(task.task) || task.answers.some((answer) => answer.expert === expert)) return "duplicate";
  if (task.answers.length >= neededAnswers(task)) return "closed";
  return undefined;
}
