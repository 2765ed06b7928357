import { z } from "zod";
import { hashedImage } from "../../domain/catalogue/assemble.ts";
import { confirmPairs } from "../../domain/duplicates/confirm.ts";
import { groupsOf, proposePairs } from "../../domain/duplicates/groups.ts";
import { captureClusters, unitedGroups } from "../../domain/split/capture-clusters.ts";
import { drawTestSet as draw, type EarlierDraw } from "../../domain/split/draw.ts";
import { CycleRef, Split } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { stage } from "../stage.ts";
import { cycleAgreement, readCycle, updateCycle } from "../store/campaigns.ts";
import { readCatalogue } from "../store/catalogues.ts";
import { readDocument, writeAddressed } from "../store/documents.ts";
import { readEmbeddings } from "../store/embeddings.ts";
import { goldDecision } from "../store/gold-draw.ts";
import { objectKeys } from "../store/keys.ts";

/**
 * Two images that look alike by their hashes are duplicates when their embeddings' cosine is at least this. Chosen on
 * half of the planted pairs of `bench:duplicates` so that 99.5 % stay with every backbone; hashes alone err so seldom
 * that a stricter one would lose more duplicates than it drops strangers.
 */
const LEAST_COSINE = 0.75;

/** Which images are duplicates, which are the sealed test and which the gold, before anybody has said a label? */
export const drawTestSet = stage({
  name: "draw-test-set",
  input: CycleRef.extend({ catalogueKey: z.string(), embeddingsKey: z.string() }),
  output: z.strictObject({ key: z.string(), test: z.int(), gold: z.int(), pool: z.int(), withheld: z.int() }),
  async run({ campaign, cycle, catalogueKey, embeddingsKey }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    const { entries } = await readCatalogue(ports.objects, catalogueKey);
    const embeddings = await readEmbeddings(ports.objects, embeddingsKey);
    const sha256s = entries.map((e) => e.sha256);
    const pairs = confirmPairs(sha256s, proposePairs(entries.map(hashedImage)).pairs, embeddings, LEAST_COSINE);
    const groups = groupsOf(sha256s, pairs);
    // What was captured together is drawn together, as duplicates are: a series has no half in the test set.
    const units = unitedGroups(sha256s, groups, captureClusters(entries));
    const images = sha256s.map((sha256, i) => ({ sha256, group: units[i] as string }));
    const earlier = await earlierSplit(ports, campaign, cycle);
    const newcomers = newcomersOf(sha256s, earlier);
    const { share } = goldDecision(agreement, newcomers, earlier?.gold.length);
    const policy = { testShare: agreement.training.testShare, goldShare: share, seed: agreement.seed };
    const drawn = draw(images, policy, earlier);
    const split: Split = {
      campaign,
      cycle,
      classes: agreement.classes,
      ...drawn,
      groups: Object.fromEntries(sha256s.map((sha256, i) => [sha256, groups[i] as string])),
    };
    const { key } = await writeAddressed(ports.objects, (digest) => objectKeys.split(campaign, digest), split);
    await updateCycle(ports, campaign, cycle, (record) => ({
      ...record,
      refs: { ...record.refs, split: key, embeddings: embeddingsKey },
      counts: { ...record.counts, newcomers, gold: drawn.gold.length - (earlier?.gold.length ?? 0) },
    }));
    const { test, gold, pool, withheld } = drawn;
    return { key, test: test.length, gold: gold.length, pool: pool.length, withheld: withheld.length };
  },
});

/** How many images no earlier draw has placed. */
function newcomersOf(sha256s: readonly string[], earlier: EarlierDraw | undefined): number {
  if (earlier === undefined) return sha256s.length;
  const placed = new Set([...earlier.test, ...earlier.gold, ...earlier.pool, ...earlier.withheld]);
  return sha256s.filter((sha256) => !placed.has(sha256)).length;
}

/** The latest earlier cycle's draw: where it put images, they stay. */
async function earlierSplit(ports: Pick<Ports, "records" | "objects">, campaign: string, cycle: number) {
  for (let c = cycle - 1; c >= 1; c -= 1) {
    const { refs } = await readCycle(ports, campaign, c);
    if (refs.split !== undefined) return readDocument(ports.objects, refs.split, Split);
  }
  return undefined;
}
