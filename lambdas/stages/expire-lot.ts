import { z } from "zod";
import { stage } from "../stage.ts";
import { countAnswers } from "../store/answers.ts";
import { lotAgreement } from "../store/lot-records.ts";
import { moveLot } from "../store/lot-steps.ts";

/**
 * What becomes of a lot that was not delivered in time? It takes no more answers. The answered part of a first round is
 * inspected like any lot, and counts and is owed if it passes; the rest is bought anew in the next wave. Of a rework only
 * the whole counts: the vendor was told that the lot was not good enough. A lot whose last answer came in the moment of
 * expiry is whole.
 *
 * `inspects`: whether the workflow has an inspection to go to. Executions of older definitions have none; there the
 * answered part counts as it is.
 */
export const expireLot = stage({
  name: "expire-lot",
  input: z.strictObject({ lot: z.string(), campaign: z.string(), inspects: z.boolean().optional() }),
  output: z.strictObject({ lot: z.string(), answers: z.int(), next: z.enum(["inspect", "close"]) }),
  async run({ lot: name, campaign, inspects = false }, ports) {
    const lot = await moveLot(ports, campaign, name, (before) => {
      if (!["planned", "offered", "delivered"].includes(before.status)) return undefined;
      const first = before.round === 1 || before.reassigned > 0;
      const whole = before.deliveredAt !== undefined;
      if (!inspects || before.answered === 0 || !(first || whole)) return { lot: { ...before, status: "expired" } };
      const at = new Date(ports.clock.now()).toISOString();
      const cut = whole ? {} : { cutShort: true, deliveredAt: at };
      return { lot: { ...before, ...cut, status: "delivered" } };
    });
    if (lot.status !== "expired") {
      const open = lot.status === "delivered" || lot.status === "in-review";
      return { lot: name, answers: lot.answered, next: open ? ("inspect" as const) : ("close" as const) };
    }
    const counts = !inspects && (lot.round === 1 || lot.reassigned > 0 || lot.deliveredAt !== undefined);
    const answers = counts ? await countAnswers(ports, lot, await lotAgreement(ports, lot)) : 0;
    return { lot: name, answers, next: "close" as const };
  },
});
