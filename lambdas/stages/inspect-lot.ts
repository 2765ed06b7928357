import { z } from "zod";
import { stage } from "../stage.ts";
import { answersOfRound, valuesByItem } from "../store/answers.ts";
import { inspectionBatch, inspectionOf } from "../store/inspection.ts";
import { lotAgreement, readLotPlan } from "../store/lot-records.ts";
import { moveLot, vendorLine } from "../store/lot-steps.ts";
import { requestReviews } from "../store/reviews.ts";

/** Which random items of a delivered lot do the experts look at, blind? They wake the step with the last answer. */
export const inspectLot = stage({
  name: "inspect-lot",
  input: z.strictObject({ lot: z.string(), campaign: z.string(), token: z.string().min(1) }),
  output: z.strictObject({ lot: z.string(), sample: z.int(), open: z.int() }),
  async run({ lot: name, campaign, token }, ports) {
    const lot = await moveLot(ports, campaign, name, async (before) => {
      if (before.status !== "delivered") return undefined;
      const { sealedToken: _, ...rest } = before;
      return { lot: { ...rest, status: "in-review" }, writes: [await vendorLine(ports, before, false)] };
    });
    const agreement = await lotAgreement(ports, lot);
    const answers = valuesByItem(await answersOfRound(ports, lot));
    const { sample } = inspectionOf(lot, await readLotPlan(ports, lot), agreement, answers);
    const gold = new Set(sample.filter(({ purpose }) => purpose === "gold").map(({ image }) => image));
    const expected = new Map(
      sample.flatMap(({ item, image }) => {
        const value = answers.get(item);
        // Gold is what two experts say, whatever anybody said before.
        return !gold.has(image) && value?.task === "class" ? [[image, value.label] as const] : [];
      }),
    );
    // A step that comes again after its lot was judged waits for nothing.
    const images = lot.status === "in-review" ? sample.map(({ image }) => image) : [];
    const { open } = await requestReviews(ports, {
      campaign,
      batch: inspectionBatch(lot),
      kind: (image) => (gold.has(image) ? "gold" : "inspection"),
      images,
      // An expert who says what the annotator said settles the item: no second one could make it a defect.
      expected: (image) => expected.get(image),
      token,
      agreement,
    });
    return { lot: name, sample: sample.length, open };
  },
});
