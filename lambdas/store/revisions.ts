import { AnswerValue } from "../../schemas/answer.ts";
import type { Lot } from "../../schemas/lot.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { recordKeys } from "./keys.ts";
import { type LeaseRecord, workableLot } from "./leases.ts";
import { LotRefusedError, lotAgreement } from "./lot-records.ts";
import { type AnswerRecord, type Refusal, seconds } from "./submissions.ts";

/**
 * Changes one's own answer while the lease is open and the lot is not delivered (undo).
 * `revised: false` tells why not; nothing is changed then.
 */
export async function reviseAnswer(
  ports: Pick<Ports, "records" | "objects" | "clock">,
  request: {
    campaign: string;
    vendor: string;
    annotator: string;
    lot: string;
    round: number;
    item: string;
    value: AnswerValue;
    seconds: number;
  },
): Promise<{ revised: boolean; reason?: Refusal["reason"] }> {
  const { campaign, vendor, annotator, lot: name, round, item, value } = request;
  let found: { lot: Lot; version: number };
  try {
    found = await workableLot(ports, { campaign, vendor, lot: name, round });
  } catch (error) {
    if (error instanceof LotRefusedError) return { revised: false, reason: error.reason };
    throw error;
  }
  const { lot, version } = found;
  if (!AnswerValue.safeParse(value).success) return { revised: false, reason: "malformed" };
  if (value.task === "class" && !(await lotAgreement(ports, lot)).classes.includes(value.label))
    return { revised: false, reason: "unknown-class" };
  const key = recordKeys.answer(campaign, name, round, item);
  const answer = await ports.records.get<AnswerRecord>(key);
  if (answer === undefined) return { revised: false, reason: "unknown-item" };
  const lease = await ports.records.get<LeaseRecord>(recordKeys.lease(campaign, name, round, item));
  if (answer.body.annotator !== annotator || lease?.body.annotator !== annotator)
    return { revised: false, reason: "not-leased" };
  if (Date.parse(lease.body.until) < ports.clock.now()) return { revised: false, reason: "late" };
  const body: AnswerRecord = {
    ...answer.body,
    value,
    seconds: seconds({ item, value, seconds: request.seconds }),
    at: new Date(ports.clock.now()).toISOString(),
  };
  try {
    await ports.records.transact([
      { op: "check", key: recordKeys.lot(campaign, name), condition: { version } },
      { op: "put", key, body, condition: { version: answer.version } },
    ]);
    return { revised: true };
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return reviseAnswer(ports, request);
  }
}
