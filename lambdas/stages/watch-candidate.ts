import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { candidateTokenContext, updateRelease } from "../store/release.ts";
import { watchRollout } from "../store/rollout.ts";
import { ReleaseOrder } from "./prepare-release.ts";

/** Have real requests decided? If not, the token comes back when they do. */
export const watchCandidate = stage({
  name: "watch-candidate",
  input: CycleRef.extend({ release: ReleaseOrder, token: z.string() }),
  output: z.strictObject({ decision: z.enum(["promote", "rollback", "continue"]) }),
  async run({ campaign, release, token }, ports) {
    const sealedToken = await ports.sealer.seal(token, candidateTokenContext(campaign, release.endpointName));
    const record = await updateRelease(ports, campaign, (before) =>
      before.candidate?.endpoint === release.endpointName
        ? { ...before, candidate: { ...before.candidate, sealedToken } }
        : before,
    );
    if (record.candidate?.endpoint !== release.endpointName) {
      // The step runs again after the decision was carried out: answer it at once.
      const promoted = record.champion?.endpoint === release.endpointName;
      await ports.tokens.succeed(token, { decision: promoted ? "promote" : "rollback" });
      return { decision: promoted ? ("promote" as const) : ("rollback" as const) };
    }
    return { decision: (await watchRollout(ports, campaign))?.decision ?? ("continue" as const) };
  },
});
