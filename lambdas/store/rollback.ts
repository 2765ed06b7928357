import { releaseBefore } from "../../domain/gates/rollback.ts";
import { Evidence } from "../../schemas/evidence.ts";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign, readCycle } from "./campaigns.ts";
import { readDocument } from "./documents.ts";
import { type RollbackOrder, releaseState, updateRelease } from "./release.ts";
import { watchRollout } from "./rollout.ts";

export interface Rollback {
  campaign: string;
  /** `withdraw`: a candidate loses its share of the requests. `back`: an earlier release becomes the champion again. */
  kind: RollbackOrder["kind"];
  from: string;
  to: string;
  /** The release's execution that carries it out; the candidate's own where it is withdrawn. */
  execution?: string;
}

/**
 * A person rolls back: the candidate under watch if there is one, else the champion, to the release before it (or `to`). Going
 * back is a release like any other: the old approval is looked up again, the endpoint is made anew, alarms are raised and one
 * request is tried before it takes over; then the endpoint that was live is taken down. Asked again while that is under way it
 * starts nothing new. Throws BadInputError where there is nothing to go back to, or nobody says who asks and why.
 */
export async function rollBack(
  ports: Ports,
  campaign: string,
  { by, reason, to }: { by: string; reason: string; to?: string },
): Promise<Rollback> {
  if (by.trim() === "" || reason.trim() === "")
    throw new BadInputError("a rollback is a person's decision: say who decides it and why");
  await readCampaign(ports, campaign);
  const before = await releaseState(ports, campaign);
  const { champion, candidate } = before;
  if (champion === undefined) throw new BadInputError(`"${campaign}" has no live model: there is nothing to roll back`);
  const at = new Date(ports.clock.now()).toISOString();
  const told = { by, reason, at };
  if (candidate !== undefined && before.order?.kind !== "back") {
    if (to !== undefined && to !== champion.version)
      throw new BadInputError(
        `version ${candidate.version} is being tried beside ${champion.version}: roll that back first, then ask for ${to}`,
      );
    const order = { kind: "withdraw" as const, version: candidate.version, cycle: candidate.cycle, ...told };
    await updateRelease(ports, campaign, (record) =>
      record.order?.version === order.version ? record : { ...record, order },
    );
    await watchRollout(ports, campaign);
    return { campaign, kind: "withdraw", from: candidate.version, to: champion.version };
  }
  const target = releaseBefore(before.history, champion.version, to);
  if (target === undefined) {
    const known = [...new Set(before.history.map(({ version }) => version))].join(", ") || "none";
    throw new BadInputError(
      to === undefined
        ? `no release of "${campaign}" was live before version ${champion.version} (released so far: ${known}): there is nothing to go back to; stop asking the endpoint until a better one is released`
        : `version "${to}" of "${campaign}" was never live, or is live now; released so far: ${known}`,
    );
  }
  const { version, cycle } = target;
  const evidenceKey = await evidenceOf(ports, campaign, version, cycle);
  const nameOf = (attempt = 1) => `${campaign}-${cycle}-back-${attempt}`;
  const under = before.order?.kind === "back" && before.order.version === version ? before.order : undefined;
  const seen = under && (await ports.workflows.describe("release", nameOf(under.attempt)));
  // An execution that ended and left its order broke before it could carry it out: the next one needs another name.
  const broke = seen !== undefined && seen.status !== "RUNNING";
  const { order } = await updateRelease(ports, campaign, (record) => {
    if (under !== undefined && !broke) return record;
    if (record.order?.attempt !== before.order?.attempt) return record;
    const attempt = 1 + (record.rollbacks ?? 0);
    return { ...record, rollbacks: attempt, order: { kind: "back", version, cycle, ...told, attempt } };
  });
  const execution = nameOf(order?.attempt);
  await ports.workflows.start("release", execution, { campaign, cycle, evidenceKey });
  return { campaign, kind: "back", from: champion.version, to: version, execution };
}

/** Where the evidence of a version lies. Throws BadInputError where its cycle has come to another model since. */
async function evidenceOf(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  version: string,
  cycle: number,
): Promise<string> {
  const key = (await readCycle(ports, campaign, cycle)).refs.evidence;
  const found = key === undefined ? undefined : await readDocument(ports.objects, key, Evidence);
  if (key === undefined || found?.modelSha256.startsWith(version) !== true)
    throw new BadInputError(
      `cycle ${cycle} of "${campaign}" keeps no evidence of version ${version}: name another one`,
    );
  return key;
}
