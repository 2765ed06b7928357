import { z } from "zod";
import type { ReviewKind } from "../../schemas/review.ts";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { isAnswered } from "../store/expert-findings.ts";
import { labelsSoFar } from "../store/labels.ts";
import { auditedModelWords } from "../store/model-audit.ts";
import { requestReviews } from "../store/reviews.ts";
import { pluralityOf, testImagesForExperts } from "../store/test-truth.ts";

/**
 * What must experts decide after this wave? Gold, the test set's disagreements with a random tenth of its unanimous
 * images, and what the crowd could not: unsettled at the most answers, or two "cannot tell". A second expert is
 * asked for all gold, and elsewhere, in the audit of a model's words too, where the first does not confirm what most had said.
 */
export const consultExperts = stage({
  name: "consult-experts",
  input: CycleRef.extend({ wave: z.int().min(0), waveKey: z.string(), splitKey: z.string(), token: z.string().min(1) }),
  output: z.strictObject({ asked: z.int(), open: z.int() }),
  async run({ campaign, cycle, wave, splitKey, token }, ports) {
    const { agreement, split, known, fitted, purchases } = await labelsSoFar(ports, { campaign, cycle, splitKey });
    const kinds = new Map<string, ReviewKind>();
    for (const image of purchases.queue) kinds.set(image, "queue");
    for (const image of auditedModelWords(agreement, fitted, purchases.settled)) kinds.set(image, "audit");
    for (const image of testImagesForExperts(split, known, agreement)) kinds.set(image, "test");
    for (const image of split.gold) kinds.set(image, "gold");
    const favourites = new Map(fitted.images.map(({ image, likelihood }) => [image, favouriteOf(likelihood)]));
    const expected = (image: string) => {
      const kind = kinds.get(image);
      if (kind === "test") return pluralityOf(image, known, agreement);
      if (kind === "audit") return fitted.modelWords.get(image)?.label;
      return kind === "queue" ? agreement.classes[favourites.get(image) ?? -1] : undefined;
    };
    const asked = [...kinds.keys()].filter((image) => !isAnswered(known.experts.get(image), expected(image)));
    const { open } = await requestReviews(ports, {
      campaign,
      batch: `experts-${cycle}-${wave}`,
      kind: (image) => kinds.get(image) ?? "queue",
      images: asked,
      expected,
      token,
      agreement,
    });
    return { asked: asked.length, open };
  },
});

/** The class that people's answers make likeliest; undefined where two are equally likely. */
function favouriteOf(likelihood: readonly number[]): number | undefined {
  const most = Math.max(...likelihood);
  const first = likelihood.indexOf(most);
  return likelihood.lastIndexOf(most) === first ? first : undefined;
}
