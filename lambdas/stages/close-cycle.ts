import { z } from "zod";
import { CycleOutcome, CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { closeCycle as close } from "../store/cycles.ts";

/** How did the cycle end, and what may start now? */
export const closeCycle = stage({
  name: "close-cycle",
  input: CycleRef.extend({ outcome: CycleOutcome }),
  output: CycleRef.extend({ outcome: z.string() }),
  async run({ campaign, cycle, outcome }, ports) {
    await close(ports, campaign, cycle, outcome);
    await ports.notifier.notify({
      audience: "data-team",
      subject: `${campaign}: cycle ${cycle} ended`,
      text: `Cycle ${cycle} of ${campaign} ended: ${outcome}.`,
    });
    return { campaign, cycle, outcome };
  },
});
