import { z } from "zod";
import type { Lot } from "../../schemas/lot.ts";
import { stage } from "../stage.ts";
import { recordKeys } from "../store/keys.ts";
import { moveLot, vendorLine } from "../store/lot-steps.ts";
import { wakeWhenClosed } from "../store/waves.ts";

/** Is the wave done? The last lot that closes wakes the cycle. */
export const closeLot = stage({
  name: "close-lot",
  input: z.strictObject({
    lot: z.string(),
    campaign: z.string(),
    outcome: z.enum(["accepted", "rejected", "expired", "failed"]),
  }),
  output: z.strictObject({ lot: z.string(), outcome: z.string() }),
  async run({ lot: name, campaign, outcome }, ports) {
    const { cycle, wave } = await moveLot(ports, campaign, name, async (lot) => {
      if (lot.closedAt !== undefined) return undefined;
      const { sealedToken: _, ...rest } = lot;
      // A lot that was accepted or expired stays so, even if a later step of its execution broke.
      const status = lot.status === "accepted" || lot.status === "expired" ? lot.status : outcome;
      const closed: Lot = { ...rest, status, closedAt: new Date(ports.clock.now()).toISOString() };
      const writes = [
        await vendorLine(ports, lot, false),
        {
          op: "delete" as const,
          key: recordKeys.openLot(campaign, lot.cycle, lot.wave, name),
          condition: "any" as const,
        },
      ];
      return { lot: closed, writes };
    });
    await wakeWhenClosed(ports, campaign, cycle, wave);
    return { lot: name, outcome };
  },
});
