import { AnswerValue } from "../../schemas/answer.ts";
import type { Lot, LotItem, LotPlan } from "../../schemas/lot.ts";
import { ConflictError, type Ports, type RecordWrite } from "../ports.ts";
import { recordKeys } from "./keys.ts";
import { type LeaseRecord, mayAnswer, type SeenRecord, workableLot } from "./leases.ts";
import { findLot, LotRefusedError, lotAgreement, readLotPlan, tokenContext, wake } from "./lot-records.ts";

/** One answered item of a lot's round, as it lies in the records. */
export interface AnswerRecord {
  item: string;
  image: string;
  vendor: string;
  annotator: string;
  value: AnswerValue;
  seconds: number;
  at: string;
}
export interface SubmittedAnswer {
  item: string;
  value: AnswerValue;
  seconds: number;
}
export interface Refusal {
  item: string;
  reason:
    | "not-yours"
    | "not-leased"
    | "duplicate"
    | "late"
    | "closed"
    | "paused"
    | "cancelled"
    | "wrong-round"
    | "barred"
    | "unqualified"
    | "unknown-lot"
    | "unknown-class"
    | "unknown-item"
    | "malformed"
    | "seen-before";
}
export interface Submission {
  accepted: number;
  refused: Refusal[];
  /** The lot's last answer is in: it takes no more. */
  delivered: boolean;
}

/** Each answer is two writes and the lot one more: 49 fit into a transaction of 100. */
const PER_TRANSACTION = 49;

/**
 * Takes answers: exactly one per (item, round), by the annotator who holds the item. Each answer is taken or refused by
 * itself with its reason; taken ones are committed before the lot's waiting step is woken by the last of them.
 */
export async function submitAnswers(
  ports: Pick<Ports, "records" | "objects" | "clock" | "sealer" | "tokens">,
  request: {
    campaign: string;
    vendor: string;
    annotator: string;
    lot: string;
    round: number;
    answers: readonly SubmittedAnswer[];
  },
): Promise<Submission> {
  const total: Submission = { accepted: 0, refused: [], delivered: false };
  for (let start = 0; start < request.answers.length; start += PER_TRANSACTION) {
    const part = await submitPart(ports, {
      ...request,
      answers: request.answers.slice(start, start + PER_TRANSACTION),
    });
    total.accepted += part.accepted;
    total.refused.push(...part.refused);
    total.delivered = part.delivered;
  }
  await wakeIfDelivered(ports, request.campaign, request.lot, request.vendor);
  return total;
}

async function submitPart(
  ports: Pick<Ports, "records" | "objects" | "clock">,
  request: Parameters<typeof submitAnswers>[1],
): Promise<Submission> {
  const { campaign, vendor, annotator, lot: name, round } = request;
  for (let attempt = 0; ; attempt += 1) {
    let found: { lot: Lot; version: number };
    try {
      found = await workableLot(ports, { campaign, vendor, lot: name, round });
    } catch (error) {
      if (!(error instanceof LotRefusedError)) throw error;
      const reason = error.reason;
      const lot = reason === "closed" ? (await findLot(ports, campaign, name))?.lot : undefined;
      return {
        accepted: 0,
        refused: request.answers.map(({ item }) => ({ item, reason })),
        delivered: lot?.status === "delivered",
      };
    }
    const { lot, version } = found;
    const plan = await readLotPlan(ports, lot);
    const classes = new Set((await lotAgreement(ports, lot)).classes);
    const { taken, refused } = await sift(ports, { lot, plan, classes, annotator, answers: request.answers });
    if (taken.length === 0) return { accepted: 0, refused, delivered: false };
    const at = new Date(ports.clock.now()).toISOString();
    const answered = lot.answered + taken.length;
    const delivered = answered === lot.items;
    const writes: RecordWrite[] = [
      {
        op: "put",
        key: recordKeys.lot(campaign, name),
        body: { ...lot, answered, ...(delivered ? { status: "delivered", deliveredAt: at } : {}) } satisfies Lot,
        condition: { version },
      },
    ];
    for (const { answer, item, seenVersion } of taken) {
      const record: AnswerRecord = {
        item: item.item,
        image: item.image,
        vendor,
        annotator,
        value: answer.value,
        seconds: seconds(answer),
        at,
      };
      writes.push({
        op: "put",
        key: recordKeys.answer(campaign, name, round, item.item),
        body: record,
        condition: "absent",
      });
      writes.push({
        op: "put",
        key: recordKeys.seen(campaign, vendor, annotator, item.image),
        body: { lot: name, item: item.item, guidelineVersion: plan.guidelineVersion } satisfies SeenRecord,
        condition: seenVersion === undefined ? "absent" : { version: seenVersion },
      });
    }
    try {
      await ports.records.transact(writes);
      return { accepted: taken.length, refused, delivered };
    } catch (error) {
      // Somebody else of the vendor handed in at the same moment: read again and judge again.
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

/** Seconds as they are kept: what is no length of time counts as none. */
export function seconds(answer: SubmittedAnswer): number {
  return Number.isFinite(answer.seconds) && answer.seconds >= 0 ? answer.seconds : 0;
}

interface Taken {
  answer: SubmittedAnswer;
  item: LotItem;
  seenVersion: number | undefined;
}

async function sift(
  ports: Pick<Ports, "records">,
  given: {
    lot: Lot;
    plan: LotPlan;
    classes: ReadonlySet<string>;
    annotator: string;
    answers: readonly SubmittedAnswer[];
  },
): Promise<{ taken: Taken[]; refused: Refusal[] }> {
  const { lot, plan, annotator } = given;
  const items = new Map(plan.items.map((item) => [item.item, item]));
  const taken: Taken[] = [];
  const refused: Refusal[] = [];
  const images = new Set<string>();
  const done = new Set<string>();
  for (const answer of given.answers) {
    const item = items.get(answer.item);
    const refuse = (reason: Refusal["reason"]) => refused.push({ item: answer.item, reason });
    if (item === undefined) refuse("unknown-item");
    else if (!AnswerValue.safeParse(answer.value).success) refuse("malformed");
    else if (answer.value.task === "class" && !given.classes.has(answer.value.label)) refuse("unknown-class");
    else if (done.has(answer.item)) refuse("duplicate");
    else if ((await ports.records.get(recordKeys.answer(lot.campaign, lot.lot, lot.round, answer.item))) !== undefined)
      refuse("duplicate");
    else {
      // A lease that ran out but that nobody took over is as good as a live one: the work is done.
      const lease = await ports.records.get<LeaseRecord>(
        recordKeys.lease(lot.campaign, lot.lot, lot.round, answer.item),
      );
      const seen = await ports.records.get<SeenRecord>(
        recordKeys.seen(lot.campaign, lot.vendor, annotator, item.image),
      );
      if (lease?.body.annotator !== annotator) refuse("not-leased");
      else if (images.has(item.image) || !mayAnswer(seen?.body, lot.lot, answer.item, plan.guidelineVersion))
        refuse("seen-before");
      else {
        taken.push({ answer, item, seenVersion: seen?.version });
        images.add(item.image);
        done.add(answer.item);
      }
    }
  }
  return { taken, refused };
}

/** Sends the token of a delivered lot, also for a request that was repeated because its reply got lost. */
async function wakeIfDelivered(
  ports: Pick<Ports, "records" | "sealer" | "tokens">,
  campaign: string,
  name: string,
  vendor: string,
): Promise<void> {
  const found = await findLot(ports, campaign, name);
  if (
    found === undefined ||
    found.lot.vendor !== vendor ||
    found.lot.status !== "delivered" ||
    found.lot.sealedToken === undefined
  )
    return;
  await wake(ports, found.lot.sealedToken, tokenContext.lot(campaign, name), { lot: name, round: found.lot.round });
}
