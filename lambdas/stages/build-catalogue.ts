import { z } from "zod";
import { assembleCatalogue, withoutResult } from "../../domain/catalogue/assemble.ts";
import { AdmissionBatch, type Catalogue } from "../../schemas/catalogue.ts";
import { IntakeItem } from "../../schemas/intake.ts";
import { CycleRef, JobOrder } from "../../schemas/state.ts";
import type { Objects, Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { cycleAgreement, readCycle, updateCycle } from "../store/campaigns.ts";
import { mustFit, readCatalogue } from "../store/catalogues.ts";
import { DocumentError, digestOf, readDocument, readLines, writeAddressed } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";
import { isTakenUp } from "../store/take-up.ts";
import { chooseBackbone } from "../store/weights.ts";

/** Is every file of the manifest accounted for, what is new, and what is to be embedded? */
export const buildCatalogue = stage({
  name: "build-catalogue",
  input: CycleRef.extend({ manifestKey: z.string(), admissionPrefix: z.string() }),
  output: z.strictObject({
    catalogue: z.strictObject({
      key: z.string(),
      files: z.int(),
      admitted: z.int(),
      quarantined: z.int(),
      duplicates: z.int(),
      /** Images that this cycle works on: none where it brings nothing new and takes nothing up again. */
      inHand: z.int(),
    }),
    embedding: JobOrder.omit({ recipe: true }),
  }),
  async run({ campaign, cycle, manifestKey, admissionPrefix }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    const record = await readCycle(ports, campaign, cycle);
    const files = await readLines(ports.objects, manifestKey, IntakeItem);
    const batches = await readBatches(ports.objects, `${admissionPrefix}/results/`);
    const results = batches.flatMap((batch) => batch.results);
    const missing = withoutResult(files, results);
    if (missing.length > 0) {
      throw new DocumentError(
        `${missing.length} of ${files.length} files of ${manifestKey} have no admission result, the first is "${missing[0]}"; run admission again`,
      );
    }
    const before = await earlierRefs(ports, campaign, cycle);
    const earlier = before.catalogue && (await readCatalogue(ports.objects, before.catalogue));
    mustFit(campaign, earlier ? earlier.entries : [], results);
    const shards = batches.flatMap((batch) => batch.shard ?? []);
    const catalogue = assembleCatalogue({ campaign, cycle, files, results, shards, earlier: earlier || undefined });
    const { key } = await writeAddressed(ports.objects, (digest) => objectKeys.catalogue(campaign, digest), catalogue);
    const { known: _, ...counts } = catalogue.counts;
    await updateCycle(ports, campaign, cycle, (there) => ({
      ...there,
      refs: { ...there.refs, catalogue: key },
      counts: { ...there.counts, ...counts },
    }));
    // Photos that a cycle has had before are known; they are worked on all the same where somebody asked for it.
    const again = counts.admitted === 0 && (await isTakenUp(ports, record));
    const inHand = again ? catalogue.entries.length : counts.admitted;
    const wanted = agreement.training.backbone;
    const embedding = await orderEmbedding(ports.objects, catalogue, wanted, before.embeddings);
    return { catalogue: { key, ...counts, inHand }, embedding };
  },
});

async function readBatches(objects: Objects, prefix: string): Promise<AdmissionBatch[]> {
  const batches: AdmissionBatch[] = [];
  for await (const { key } of objects.list(prefix)) batches.push(await readDocument(objects, key, AdmissionBatch));
  return batches;
}

/** Catalogue and embeddings of the latest earlier cycle that has them. A failed cycle's images are still new. */
async function earlierRefs(ports: Pick<Ports, "records">, campaign: string, cycle: number) {
  const found: { catalogue?: string; embeddings?: string } = {};
  for (let c = cycle - 1; c >= 1 && (found.catalogue === undefined || found.embeddings === undefined); c -= 1) {
    const { refs, outcome } = await readCycle(ports, campaign, c);
    if (found.catalogue === undefined && outcome !== "failed" && refs.catalogue !== undefined)
      found.catalogue = refs.catalogue;
    if (found.embeddings === undefined && refs.embeddings !== undefined) found.embeddings = refs.embeddings;
  }
  return found;
}

/** The same images, backbone and weights give the same job name, so that a finished job is found again. */
async function orderEmbedding(objects: Objects, catalogue: Catalogue, wanted: string, embeddings: string | undefined) {
  const { campaign } = catalogue;
  const { backbone, prefix } = await chooseBackbone(objects, wanted);
  const channels = [{ name: "shards", prefix: `${objectKeys.shards(campaign)}/` }];
  if (prefix !== undefined) channels.push({ name: "pretrained", prefix });
  // Rows that an earlier cycle computed are copied: a new intake costs its new images only.
  if (embeddings !== undefined) channels.push({ name: "cache", prefix: embeddings.replace(/[^/]+$/, "") });
  const outputPrefix = objectKeys.embeddings(campaign);
  const digest = digestOf({ backbone, channels, outputPrefix, shards: catalogue.shards.map((s) => s.key) });
  return { jobName: `${campaign}-embed-${digest.slice(0, 16)}`, backbone, outputPrefix, channels };
}
