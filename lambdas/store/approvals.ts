import { z } from "zod";
import { Approval } from "../../schemas/approval.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import { Evidence } from "../../schemas/evidence.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { cycleAgreement, readCampaign } from "./campaigns.ts";
import { readDocument, sha256Hex, writeOnce } from "./documents.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { wake } from "./lot-records.ts";

/** What waits for the owner, and what was decided so far. */
export const ApprovalRecord = z.strictObject({
  evidenceKey: z.string(),
  evidenceDigest: z.string(),
  modelSha256: z.string(),
  status: z.enum(["pending", "decided"]),
  decision: Approval.shape.decision.optional(),
  decisions: z.array(Approval),
  sealedToken: z.string().optional(),
  /** sha256 of the token: tells a step that runs again from one that asks anew after "ask for more". */
  tokenSha256: z.string().optional(),
});
export type ApprovalRecord = z.infer<typeof ApprovalRecord>;

const NOTHING_BEFORE = "0".repeat(64);
const tokenContext = (campaign: string, cycle: number) => `approval#${campaign}#${cycle}`;

/** What a person types to show that they know which model they decide on. */
export function modelVersion(modelSha256: string): string {
  return modelSha256.slice(0, 8);
}

/**
 * Opens (or reopens, when the step runs again) the question to the owner.
 * Returns the decision if this very evidence has been decided already.
 */
export async function openApproval(
  ports: Ports,
  question: { campaign: string; cycle: number; evidenceKey: string; token: string },
): Promise<ApprovalRecord> {
  const evidence = await readDocument(ports.objects, question.evidenceKey, Evidence);
  const key = recordKeys.approval(question.campaign, question.cycle);
  const tokenSha256 = sha256Hex(question.token);
  const sealedToken = await ports.sealer.seal(question.token, tokenContext(question.campaign, question.cycle));
  for (;;) {
    const found = await ports.records.get(key);
    const there = found ? ApprovalRecord.parse(found.body) : undefined;
    const asksAnew = there?.decision === "ask-for-more" && there.tokenSha256 !== tokenSha256;
    const same = there !== undefined && there.evidenceDigest === evidence.digest && !asksAnew;
    const record: ApprovalRecord = same
      ? { ...there, sealedToken, tokenSha256 }
      : {
          evidenceKey: question.evidenceKey,
          evidenceDigest: evidence.digest,
          modelSha256: evidence.modelSha256,
          status: "pending",
          decisions: [],
          sealedToken,
          tokenSha256,
        };
    try {
      await ports.records.put(key, record, found ? { version: found.version } : "absent");
      return record;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** The open cycle's undecided question, with its evidence. */
export async function pendingApproval(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<{ cycle: number; record: ApprovalRecord; evidence: Evidence; needed: number } | undefined> {
  const { head } = await readCampaign(ports, campaign);
  if (head.openCycle === null) return undefined;
  const found = await ports.records.get(recordKeys.approval(campaign, head.openCycle));
  if (found === undefined) return undefined;
  const record = ApprovalRecord.parse(found.body);
  if (record.status !== "pending") return undefined;
  const agreement = await cycleAgreement(ports, campaign, head.openCycle);
  return {
    cycle: head.openCycle,
    record,
    evidence: await readDocument(ports.objects, record.evidenceKey, Evidence),
    needed: agreement.approvals.count,
  };
}

/**
 * Signs a decision, chains it to the one before, and lets the workflow go on when enough people agreed.
 * Throws BadInputError: nothing pending, other evidence than shown, wrong model version typed, decided by this person
 * before, or by the requester where the policy excludes them.
 */
export async function decide(
  ports: Ports,
  call: {
    campaign: string;
    cycle: number;
    evidenceDigest: string;
    modelVersion: string;
    decision: Approval["decision"];
    reason: string;
    by: string;
    how: Approval["how"];
  },
): Promise<Approval> {
  const agreement = await cycleAgreement(ports, call.campaign, call.cycle);
  const { head } = await readCampaign(ports, call.campaign);
  const policy = agreement.approvals;
  if (call.how === "policy" && policy.mode !== "auto")
    throw new BadInputError("the agreement asks for a person's approval");
  if (call.how === "policy" && ports.environment === "production") {
    throw new BadInputError("automatic approval is refused in production: set approvals.mode to ask");
  }
  if (policy.excludeRequester && call.by === head.requester) {
    throw new BadInputError(`${call.by} asked for this campaign and can't approve it: somebody else must`);
  }
  if (call.decision !== "approve" && call.reason.trim() === "") {
    throw new BadInputError(
      `to ${call.decision === "reject" ? "reject" : "ask for more"}, say why: the reason is empty`,
    );
  }
  for (;;) {
    const key = recordKeys.approval(call.campaign, call.cycle);
    const found = await ports.records.get(key);
    const record = found ? ApprovalRecord.parse(found.body) : undefined;
    if (found === undefined || record === undefined || record.status !== "pending") {
      throw new BadInputError(`cycle ${call.cycle} of "${call.campaign}" has nothing to decide`);
    }
    if (record.evidenceDigest !== call.evidenceDigest) {
      throw new BadInputError("the evidence changed since this page was opened: reload it and read it again");
    }
    if (call.modelVersion !== modelVersion(record.modelSha256)) {
      throw new BadInputError(
        `model version "${call.modelVersion}" is not the one shown; type the 8 characters beside the model`,
      );
    }
    if (record.decisions.some((d) => d.by === call.by)) throw new BadInputError(`${call.by} has decided already`);
    const chain = await ports.records.get<{ last: string }>(recordKeys.approvalChain(call.campaign));
    const evidence = await readDocument(ports.objects, record.evidenceKey, Evidence);
    const unsigned: Omit<Approval, "signature"> = {
      campaign: call.campaign,
      cycle: call.cycle,
      evidenceDigest: record.evidenceDigest,
      modelSha256: record.modelSha256,
      datasetVersion: evidence.datasetVersion,
      decision: call.decision,
      by: call.by,
      how: call.how,
      reason: call.reason,
      at: new Date(ports.clock.now()).toISOString(),
      previous: chain?.body.last ?? NOTHING_BEFORE,
    };
    const approval: Approval = { ...unsigned, signature: await ports.sealer.sign(canonicalJson(unsigned)) };
    const decisions = [...record.decisions, approval];
    const enough =
      call.decision !== "approve" || decisions.filter((d) => d.decision === "approve").length >= policy.count;
    const next: ApprovalRecord = enough
      ? { ...record, decisions, status: "decided", decision: call.decision }
      : { ...record, decisions };
    try {
      await ports.records.transact([
        { op: "put", key, body: next, condition: { version: found.version } },
        {
          op: "put",
          key: recordKeys.approvalChain(call.campaign),
          body: { last: sha256Hex(canonicalJson(approval)) },
          condition: chain ? { version: chain.version } : "absent",
        },
      ]);
    } catch (error) {
      if (error instanceof ConflictError) continue;
      throw error;
    }
    const bytes = Buffer.from(canonicalJson(approval));
    await writeOnce(
      ports.objects,
      objectKeys.approval(call.campaign, call.cycle, sha256Hex(bytes)),
      bytes,
      "application/json",
    );
    if (enough) await sendDecision(ports, call.campaign, call.cycle, next);
    return approval;
  }
}

/** Sends (again) the decision to the step that waits. A step that is gone has had its answer, or its time. */
export async function sendDecision(
  ports: Ports,
  campaign: string,
  cycle: number,
  record: ApprovalRecord,
): Promise<void> {
  if (record.status !== "decided" || record.sealedToken === undefined) return;
  await wake(ports, record.sealedToken, tokenContext(campaign, cycle), { decision: record.decision });
}

/** True when the record holds enough approvals of this evidence, each with a signature of ours. */
export async function isApproved(
  ports: Ports,
  campaign: string,
  cycle: number,
  evidenceDigest: string,
  count: number,
): Promise<boolean> {
  const found = await ports.records.get(recordKeys.approval(campaign, cycle));
  if (found === undefined) return false;
  const record = ApprovalRecord.parse(found.body);
  if (record.status !== "decided" || record.decision !== "approve" || record.evidenceDigest !== evidenceDigest)
    return false;
  const people = new Set<string>();
  for (const { signature, ...unsigned } of record.decisions) {
    if (unsigned.decision !== "approve" || unsigned.evidenceDigest !== evidenceDigest) return false;
    if ((await ports.sealer.sign(canonicalJson(unsigned))) !== signature) return false;
    people.add(unsigned.by);
  }
  return people.size >= count;
}
