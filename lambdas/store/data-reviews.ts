import { type DataReview, type DataReviewDecision, DataReviewRecord } from "../../schemas/data-review.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { cycleAgreement, readCampaign } from "./campaigns.ts";
import { digestOf, sha256Hex, writeDocument } from "./documents.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { wake } from "./lot-records.ts";

const tokenContext = (campaign: string, cycle: number) => `data-review#${campaign}#${cycle}`;

/** Puts the question, or puts it again where the step runs again: an answer that was given stays. */
export async function openDataReview(
  ports: Pick<Ports, "records" | "sealer">,
  question: { campaign: string; cycle: number; catalogueKey: string; token: string },
): Promise<DataReviewRecord> {
  const { campaign, cycle, catalogueKey, token } = question;
  const sealedToken = await ports.sealer.seal(token, tokenContext(campaign, cycle));
  const asked = { catalogueKey, sealedToken, tokenSha256: sha256Hex(token) };
  for (;;) {
    const found = await ports.records.get(recordKeys.dataReview(campaign, cycle));
    const there = found && DataReviewRecord.parse(found.body);
    const record = there?.catalogueKey === catalogueKey ? { ...there, ...asked } : asked;
    try {
      const condition = found ? { version: found.version } : "absent";
      await ports.records.put(recordKeys.dataReview(campaign, cycle), record, condition);
      return record;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** The open cycle's question that nobody has answered. */
export async function pendingDataReview(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<{ cycle: number; record: DataReviewRecord; version: number } | undefined> {
  const { head } = await readCampaign(ports, campaign);
  if (head.openCycle === null) return undefined;
  const found = await ports.records.get(recordKeys.dataReview(campaign, head.openCycle));
  if (found === undefined) return undefined;
  const record = DataReviewRecord.parse(found.body);
  return record.answer === undefined ? { cycle: head.openCycle, record, version: found.version } : undefined;
}

/**
 * Writes the answer down, then lets the workflow go on. Throws BadInputError: nothing waits, or a refusal without a reason;
 * for the policy also where a person is asked for, and in production.
 */
export async function decideDataReview(
  ports: Ports,
  call: { campaign: string; decision: DataReviewDecision; reason: string; by: string; how: DataReview["how"] },
): Promise<DataReview> {
  const { campaign, decision, by, how } = call;
  const reason = call.reason.trim();
  if (decision === "refuse" && reason === "")
    throw new BadInputError("to refuse photos, say why: the reason is kept with your name");
  for (;;) {
    const pending = await pendingDataReview(ports, campaign);
    if (pending === undefined)
      throw new BadInputError(
        `no photos of "${campaign}" wait for the data team: there is nothing to accept or refuse`,
      );
    const { cycle, record, version } = pending;
    if (how === "policy") await mayDecideAlone(ports, campaign, cycle);
    const at = new Date(ports.clock.now()).toISOString();
    const answer: DataReview = { campaign, cycle, catalogueKey: record.catalogueKey, decision, reason, by, how, at };
    const next = { ...record, answer };
    try {
      await ports.records.put(recordKeys.dataReview(campaign, cycle), next, { version });
    } catch (error) {
      if (error instanceof ConflictError) continue;
      throw error;
    }
    await writeDocument(ports.objects, objectKeys.dataReview(campaign, cycle, digestOf(answer)), answer);
    await tellDataReview(ports, campaign, cycle, next);
    return answer;
  }
}

async function mayDecideAlone(ports: Ports, campaign: string, cycle: number): Promise<void> {
  const { approvals } = await cycleAgreement(ports, campaign, cycle);
  if (approvals.mode !== "auto") throw new BadInputError("the agreement asks for a person's word on the photos");
  if (ports.environment === "production")
    throw new BadInputError("photos are not accepted by policy in production: set approvals.mode to ask");
}

/** Tells (again) the step that waits. Returns whether it was still waiting. */
export async function tellDataReview(
  ports: Pick<Ports, "sealer" | "tokens">,
  campaign: string,
  cycle: number,
  { answer, sealedToken }: DataReviewRecord,
): Promise<boolean> {
  if (answer === undefined) return false;
  return wake(ports, sealedToken, tokenContext(campaign, cycle), { decision: answer.decision });
}
