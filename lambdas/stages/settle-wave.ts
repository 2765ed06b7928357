import { z } from "zod";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { updateCycle } from "../store/campaigns.ts";
import { consensusDocument } from "../store/consensus.ts";
import { writeDocument } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";
import { labelsSoFar } from "../store/labels.ts";
import { readWavePlan, updateWave } from "../store/waves.ts";

/** What do all accepted answers say after this wave, and how well does each annotator do on gold? */
export const settleWave = stage({
  name: "settle-wave",
  input: CycleRef.extend({ wave: z.int().min(0), waveKey: z.string(), splitKey: z.string() }),
  output: z.strictObject({ settled: z.int(), unsettled: z.int() }),
  async run({ campaign, cycle, wave, waveKey, splitKey }, ports) {
    const { asked } = await readWavePlan(ports, waveKey);
    const { agreement, split, known, fitted, purchases } = await labelsSoFar(ports, { campaign, cycle, splitKey });
    const key = objectKeys.consensus(campaign, cycle, wave);
    // Written once: answers of lots that close later belong to the next wave's document.
    if ((await ports.objects.head(key)) === undefined) {
      const document = consensusDocument({ campaign, cycle, wave }, agreement, split, known, fitted, purchases.settled);
      await writeDocument(ports.objects, key, document);
    }
    const settled = fitted.images.filter(({ image }) => purchases.settled.has(image)).length;
    const unsettled = fitted.images.length - settled;
    const answersOn = (images: readonly string[]) =>
      images.reduce((sum, image) => sum + (known.answers.get(image)?.length ?? 0), 0);
    const boughtPool = answersOn(split.pool);
    const boughtTest = answersOn(split.test);
    const boughtGold = answersOn(split.gold);
    const counts = {
      wave,
      settled,
      unsettled,
      predictedError: purchases.plan.predictedError,
      bought: boughtPool + boughtTest + boughtGold,
      boughtPool,
      boughtTest,
      boughtGold,
      perImage: split.pool.length === 0 ? 0 : boughtPool / split.pool.length,
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
