import { z } from "zod";
import { stage } from "../stage.ts";
import { countAnswers } from "../store/answers.ts";
import { lotAgreement } from "../store/lot-records.ts";
import { moveLot } from "../store/lot-steps.ts";

/**
 * What becomes of a lot that was not delivered in time? It takes no more answers. The answered part of a first round
 * counts and is owed (nobody inspected it, which the contract counts as accepted); the rest is bought anew in the next
 * wave. Of a rework only the whole counts: the vendor was told that the lot was not good enough. A lot whose last answer
 * came in the moment of expiry is whole.
 */
export const expireLot = stage({
  name: "expire-lot",
  input: z.strictObject({ lot: z.string(), campaign: z.string() }),
  output: z.strictObject({ lot: z.string(), answers: z.int() }),
  async run({ lot: name, campaign }, ports) {
    const lot = await moveLot(ports, campaign, name, (before) =>
      ["planned", "offered", "delivered"].includes(before.status)
        ? { lot: { ...before, status: "expired" } }
        : undefined,
    );
    const whole = lot.deliveredAt !== undefined;
    const counts = lot.status === "expired" && (lot.round === 1 || lot.reassigned > 0 || whole);
    const answers = counts ? await countAnswers(ports, lot, (await lotAgreement(ports, lot)).currency) : 0;
    return { lot: name, answers };
  },
});
