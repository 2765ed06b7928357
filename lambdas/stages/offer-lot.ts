import { z } from "zod";
import { stage } from "../stage.ts";
import { readLotPlan, tokenContext, wake } from "../store/lot-records.ts";
import { moveLot, vendorLine } from "../store/lot-steps.ts";

/** The vendor sees the lot. Whoever delivers its last answer wakes the step; a lot found delivered wakes it at once. */
export const offerLot = stage({
  name: "offer-lot",
  input: z.strictObject({ lot: z.string(), campaign: z.string(), token: z.string().min(1) }),
  output: z.strictObject({ lot: z.string(), round: z.int() }),
  async run({ lot: name, campaign, token }, ports) {
    const sealedToken = await ports.sealer.seal(token, tokenContext.lot(campaign, name));
    const lot = await moveLot(ports, campaign, name, async (before) => {
      if (before.status !== "planned" && before.status !== "offered") return undefined;
      const { deadlineSeconds } = await readLotPlan(ports, before);
      const now = ports.clock.now();
      // Offered again after a retry: the vendor keeps the due date it was told.
      const offeredAt = before.status === "offered" ? before.offeredAt : new Date(now).toISOString();
      const dueAt = before.status === "offered" ? before.dueAt : new Date(now + deadlineSeconds * 1000).toISOString();
      return {
        lot: { ...before, status: "offered", offeredAt, dueAt, sealedToken },
        writes: [await vendorLine(ports, before, true)],
      };
    });
    if (lot.status !== "offered")
      await wake(ports, sealedToken, tokenContext.lot(campaign, name), { lot: name, round: lot.round });
    return { lot: name, round: lot.round };
  },
});
