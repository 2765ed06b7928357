import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { updateRelease } from "../store/release.ts";
import { ReleaseOrder } from "./prepare-release.ts";

const REASONS = {
  promote: "real requests showed it to be no worse than the champion",
  rollback: "it was worse than the champion, or broke",
  unproven: "too few real requests came in time; the champion stays",
} as const;
const OUTCOMES = { promote: "promoted", rollback: "rolled-back", unproven: "unproven" } as const;

/** Where do all requests go from now on? */
export const finishRollout = stage({
  name: "finish-rollout",
  input: CycleRef.extend({ release: ReleaseOrder, decision: z.enum(["promote", "rollback", "unproven"]) }),
  output: z.strictObject({ outcome: z.enum(["promoted", "rolled-back", "unproven"]) }),
  async run({ campaign, cycle, release, decision }, ports) {
    const outcome = OUTCOMES[decision];
    await updateRelease(ports, campaign, (before) => {
      if (before.candidate?.endpoint !== release.endpointName) return before;
      const { share: _share, sealedToken: _sealed, championBefore: _before, ...model } = before.candidate;
      const { candidate: _candidate, ...rest } = before;
      const at = new Date(ports.clock.now()).toISOString();
      const entry = { version: release.version, cycle, outcome, reason: REASONS[decision], at };
      return {
        ...rest,
        ...(decision === "promote" ? { champion: { ...model, since: at } } : {}),
        history: [...before.history, entry],
      };
    });
    await ports.notifier.notify({
      audience: "owner",
      subject: `${campaign}: model ${release.version} ${outcome}`,
      text: `Model ${release.version} of cycle ${cycle}: ${outcome}; ${REASONS[decision]}.`,
    });
    return { outcome };
  },
});
