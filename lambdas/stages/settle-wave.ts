import { z } from "zod";
import { CycleRef, Split } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { cycleAgreement, updateCycle } from "../store/campaigns.ts";
import { consensusDocument, fitImages, knownLabels } from "../store/consensus.ts";
import { writeDocument } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";
import { readImmutable } from "../store/lot-records.ts";
import { readWavePlan, updateWave, wavesOf } from "../store/waves.ts";

/** What do all accepted answers say after this wave, and how well does each annotator do on gold? */
export const settleWave = stage({
  name: "settle-wave",
  input: CycleRef.extend({ wave: z.int().min(0), waveKey: z.string(), splitKey: z.string() }),
  output: z.strictObject({ settled: z.int(), unsettled: z.int() }),
  async run({ campaign, cycle, wave, waveKey, splitKey }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    const split = await readImmutable(ports.objects, splitKey, Split);
    const key = objectKeys.consensus(campaign, cycle, wave);
    const { asked } = await readWavePlan(ports, waveKey);
    const known = await knownLabels(ports, campaign, agreement);
    const fitted = fitImages(agreement, split, known);
    // A wave that is settled keeps its document: answers that came since belong to the next.
    if ((await wavesOf(ports, campaign, cycle)).find((record) => record.wave === wave)?.settled !== true) {
      if ((await ports.objects.head(key)) === undefined) {
        await writeDocument(
          ports.objects,
          key,
          consensusDocument({ campaign, cycle, wave }, agreement, split, known, fitted),
        );
      }
    }
    const settled = fitted.images.filter((image) => image.settled).length;
    const unsettled = fitted.images.length - settled;
    const answersOn = (images: readonly string[]) =>
      images.reduce((sum, image) => sum + (known.answers.get(image)?.length ?? 0), 0);
    const counts = {
      wave,
      settled,
      unsettled,
      predictedError: fitted.predictedError,
      bought: answersOn(split.pool),
      boughtTest: answersOn(split.test),
      boughtGold: answersOn(split.gold),
      expertImages: [...known.experts.values()].filter(({ complete }) => complete).length,
    };
    await updateCycle(ports, campaign, cycle, (record) => ({
      ...record,
      refs: { ...record.refs, consensus: key },
      counts: { ...record.counts, ...counts },
    }));
    await updateWave(ports, { campaign, cycle, wave }, (record) =>
      record.settled
        ? record
        : {
            ...record,
            settled: true,
            settledAt: new Date(ports.clock.now()).toISOString(),
            ...(asked === undefined ? {} : { asked }),
          },
    );
    return { settled, unsettled };
  },
});
