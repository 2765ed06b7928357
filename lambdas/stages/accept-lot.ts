import { z } from "zod";
import { stage } from "../stage.ts";
import { countAnswers } from "../store/answers.ts";
import { lotAgreement, readLot } from "../store/lot-records.ts";
import { moveLot } from "../store/lot-steps.ts";

/** The lot's answers count, and each is owed exactly once. A lot that was cut short stays expired. */
export const acceptLot = stage({
  name: "accept-lot",
  input: z.strictObject({ lot: z.string(), campaign: z.string() }),
  output: z.strictObject({ lot: z.string(), answers: z.int() }),
  async run({ lot: name, campaign }, ports) {
    const { lot } = await readLot(ports, campaign, name);
    const answers = await countAnswers(ports, lot, await lotAgreement(ports, lot));
    await moveLot(ports, campaign, name, (before) =>
      before.status === "in-review"
        ? { lot: { ...before, status: before.cutShort === true ? "expired" : "accepted" } }
        : undefined,
    );
    return { lot: name, answers };
  },
});
