import { z } from "zod";
import type { Campaign } from "../../schemas/campaign.ts";
import type { DatasetVersion } from "../../schemas/dataset.ts";
import { CycleRef, JobOrder, OptimisationOrder, ProcessingOrder } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { updateCycle } from "../store/campaigns.ts";
import { catalogueEntries, catalogueShardKeys } from "../store/catalogues.ts";
import { datasetVersionOf } from "../store/dataset.ts";
import { writeDocument } from "../store/documents.ts";
import { attributesOf, labelSourcesOf, writeAttributes } from "../store/image-attributes.ts";
import { objectKeys } from "../store/keys.ts";
import { labelsSoFar } from "../store/labels.ts";
import { modelJobs } from "../store/model-jobs.ts";
import { releaseState } from "../store/release.ts";
import { testTruthOf } from "../store/test-truth.ts";
import { chooseBackbone, hasWeights, WITHOUT_WEIGHTS } from "../store/weights.ts";

/** A class needs about so many images before a model can learn it. */
const IMAGES_PER_CLASS = 5;

const Frozen = z.strictObject({
  outcome: z.enum(["frozen", "too-few-images"]),
  key: z.string(),
  version: z.string(),
  train: z.int(),
  validation: z.int(),
  test: z.int(),
  withheld: z.int(),
  emptyClasses: z.int(),
});

/** Which labels does the model learn from, what is the sealed test's truth, and which jobs train and evaluate? */
export const freezeDataset = stage({
  name: "freeze-dataset",
  input: CycleRef.extend({
    splitKey: z.string(),
    catalogueKey: z.string(),
    embeddingsKey: z.string(),
    backbone: z.string().min(1),
  }),
  output: z.strictObject({
    dataset: Frozen,
    training: JobOrder,
    optimisation: OptimisationOrder,
    evaluation: ProcessingOrder,
  }),
  async run({ campaign, cycle, splitKey, catalogueKey, embeddingsKey, backbone }, ports) {
    const { agreement, split, known, fitted } = await labelsSoFar(ports, { campaign, cycle, splitKey });
    const truth = testTruthOf(campaign, split, known, agreement);
    const dataset = datasetVersionOf(campaign, agreement, {
      split,
      known,
      fitted,
      shards: await catalogueShardKeys(ports.objects, catalogueKey),
      truth,
    });
    const truthKey = objectKeys.sealedTruth(campaign, dataset.testSha256);
    const key = objectKeys.dataset(campaign, dataset.version);
    await writeDocument(ports.objects, truthKey, truth);
    await writeDocument(ports.objects, key, dataset);

    const attributes = await writeAttributes(
      ports.objects,
      campaign,
      await attributesOf(truth, catalogueEntries(ports.objects, catalogueKey), known),
      labelSourcesOf(agreement, dataset, known),
    );

    const { champion } = await releaseState(ports, campaign);
    // Without pretrained weights a small network learns from scratch, unless the agreement asks for the hand-made features.
    const fromScratch = backbone === WITHOUT_WEIGHTS && agreement.training.backbone !== WITHOUT_WEIGHTS;
    const recipe = fromScratch ? "small-cnn" : recipeOf(agreement, backbone, ports.environment);
    const { prefix: weights } = await chooseBackbone(ports.objects, backbone);
    const jobs = modelJobs({
      campaign,
      agreement,
      dataset,
      datasetKey: key,
      truthKey,
      attributes,
      embeddingsKey,
      backbone,
      recipe,
      weights,
      otherWeights: await hasWeights(ports.objects),
      championKey: champion?.modelKey,
    });
    const { counts, emptyClasses } = dataset;
    const bought = split.pool.reduce((sum, image) => sum + (known.answers.get(image)?.length ?? 0), 0);
    const perImage = split.pool.length === 0 ? 0 : bought / split.pool.length;
    await updateCycle(ports, campaign, cycle, (record) => ({
      ...record,
      refs: { ...record.refs, dataset: key },
      counts: {
        ...record.counts,
        ...counts,
        perImage,
        emptyClasses: emptyClasses.length,
        auditedTest: truth.residualError.audited,
        wrongTest: truth.residualError.wrong,
      },
    }));
    if (emptyClasses.length > 0) {
      await ports.notifier.notify({
        audience: "data-team",
        subject: `${campaign}: classes without images`,
        text: `No labelled image shows ${emptyClasses.join(", ")}: the model can't learn what it never sees. Drop images of these classes, or start a campaign without them.`,
      });
    }
    return {
      dataset: {
        outcome: outcomeOf(dataset),
        key,
        version: dataset.version,
        ...counts,
        emptyClasses: emptyClasses.length,
      },
      ...jobs,
    };
  },
});

/** What was asked for; else fine-tuning where the environment's machines allow it. Hand-made features have no network to tune. */
function recipeOf({ training }: Campaign, backbone: string, environment: Ports["environment"]): string {
  if (backbone === WITHOUT_WEIGHTS) return "probe";
  return training.recipe ?? (environment === "laptop" ? "probe" : "auto");
}

/** Too few: fewer labelled images than five per class, or nothing to tell apart, or nothing to validate or test on. */
function outcomeOf({ counts, classes, emptyClasses }: DatasetVersion): "frozen" | "too-few-images" {
  const images = counts.train + counts.validation + counts.test;
  const enough = images >= classes.length * IMAGES_PER_CLASS && classes.length - emptyClasses.length >= 2;
  return enough && counts.validation > 0 && counts.test > 0 ? "frozen" : "too-few-images";
}
