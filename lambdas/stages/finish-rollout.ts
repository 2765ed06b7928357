import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { leftBehind, type ReleaseRecord, reasonOf, updateRelease, withoutOrder } from "../store/release.ts";
import { ReleaseOrder } from "./prepare-release.ts";

const OUTCOMES = { promote: "promoted", rollback: "rolled-back", unproven: "unproven" } as const;

/** Where do all requests go from now on? */
export const finishRollout = stage({
  name: "finish-rollout",
  input: CycleRef.extend({ release: ReleaseOrder, decision: z.enum(["promote", "rollback", "unproven"]) }),
  output: z.strictObject({
    outcome: z.enum(["promoted", "rolled-back", "unproven"]),
    /** The endpoint that gets no request any more, if there is one. */
    retire: z.string().optional(),
  }),
  async run({ campaign, cycle, release, decision }, ports) {
    const outcome = OUTCOMES[decision];
    const record = await updateRelease(ports, campaign, (before) => {
      if (before.candidate?.endpoint !== release.endpointName)
        return withCanary(withoutOrder(before, release.version), release, cycle, decision, ports);
      const { share: _share, sealedToken: _sealed, championBefore: _before, ...model } = before.candidate;
      const { candidate: _candidate, ...rest } = withoutOrder(before, release.version);
      const at = new Date(ports.clock.now()).toISOString();
      const loser = decision === "promote" ? before.champion?.endpoint : release.endpointName;
      const retire = loser === undefined ? {} : { retire: loser };
      const reason = reasonOf(before, release.version, decision);
      const entry = { version: release.version, cycle, outcome, reason, at, ...retire };
      return {
        ...rest,
        ...(decision === "promote" ? { champion: { ...model, since: at } } : {}),
        history: [...before.history, ...leftBehind(before, release.version, decision, at), entry],
      };
    });
    const reason = record.history.findLast((one) => one.version === release.version && one.cycle === cycle)?.reason;
    await ports.notifier.notify({
      audience: "owner",
      subject: `${campaign}: model ${release.version} ${outcome}`,
      text: `Model ${release.version} of cycle ${cycle}: ${outcome}; ${reason ?? reasonOf(record, release.version, decision)}.`,
    });
    return { outcome, ...retired(record, release, cycle, decision) };
  },
});

/** A canary that SageMaker took back was never a candidate of the front's: its end is written down all the same, once. */
function withCanary(
  before: ReleaseRecord,
  release: ReleaseOrder,
  cycle: number,
  decision: keyof typeof OUTCOMES,
  { clock }: Pick<Ports, "clock">,
): ReleaseRecord {
  const { replaces, version } = release;
  const told = before.history.some((one) => one.version === version && one.cycle === cycle);
  if (decision !== "rollback" || replaces === undefined || before.champion?.version !== replaces || told) return before;
  const at = new Date(clock.now()).toISOString();
  const reason = "an alarm rang on its canary, or its endpoint could not be changed; the machines before go on";
  return { ...before, history: [...before.history, { version, cycle, outcome: "rolled-back", reason, at }] };
}

/** Run again, the step says the same: a promotion's loser stands in the history. The champion's endpoint is never retired. */
function retired(
  { champion, candidate, history }: ReleaseRecord,
  release: ReleaseOrder,
  cycle: number,
  decision: keyof typeof OUTCOMES,
): { retire?: string } {
  const entry = history.findLast((one) => one.version === release.version && one.cycle === cycle);
  const loser = decision === "promote" ? entry?.retire : release.endpointName;
  return loser === undefined || loser === champion?.endpoint || loser === candidate?.endpoint ? {} : { retire: loser };
}
