import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { closeCycle } from "../store/cycles.ts";

/** What broke: written down, told to the data team, and the head is free for the next intake. */
export const recordFailure = stage({
  name: "record-failure",
  input: CycleRef.extend({ failure: z.object({ error: z.string(), cause: z.string() }) }),
  output: CycleRef,
  async run({ campaign, cycle, failure }, ports) {
    await closeCycle(ports, campaign, cycle, "failed", failure);
    await ports.notifier.notify({
      audience: "data-team",
      subject: `${campaign}: cycle ${cycle} failed`,
      text: `Cycle ${cycle} of ${campaign} failed: ${failure.error}: ${failure.cause}. Photos, answers and payments are kept; once it is mended, go on with "campaign continue ${campaign}".`,
    });
    return { campaign, cycle };
  },
});
