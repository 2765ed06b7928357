import type { Ports } from "../lambdas/ports.ts";
import { cycleAgreement, readCycle } from "../lambdas/store/campaigns.ts";
import { readCatalogue } from "../lambdas/store/catalogues.ts";
import { readDocument } from "../lambdas/store/documents.ts";
import { totals } from "../lambdas/store/ledger.ts";
import { releaseState } from "../lambdas/store/release.ts";
import type { Catalogue } from "../schemas/catalogue.ts";
import { Consensus } from "../schemas/consensus.ts";
import { DatasetVersion } from "../schemas/dataset.ts";
import { Evidence } from "../schemas/evidence.ts";
import { type CycleRecord, Split } from "../schemas/state.ts";
import { imageTruth } from "./eyes.ts";

/** What a run came to; the last line of `run --json`. */
export interface Summary {
  campaign: string;
  cycle: number;
  images: { files: number; admitted: number; quarantined: number; duplicates: number };
  labels: {
    /** Answers bought and accepted so far in the campaign: for labels, gold and the test set. */
    bought: number;
    /** Mean of bought, non-gold answers over the admitted images outside the test set. */
    perImage: number;
    /** Share of the same images whose consensus is the folder's class; null without a truth to compare with. */
    agreementWithTruth: number | null;
    scored: number;
    /** Images whose names stand in several class folders: not scored. */
    contradictory: number;
  };
  costUsd: number;
  dataset: { version: string; train: number; validation: number; test: number } | null;
  model: { backbone: string; accuracy: number; low: number; high: number } | null;
  outcome: string;
  failure?: { error: string; cause: string };
  gates: { name: string; outcome: string; reason: string }[];
  /** Name to give to `predict`; null while no model is live. */
  endpoint: string | null;
  evidence: string | null;
}

/** Reads a cycle's summary from what the stages left. `truth`: the names' folders are the truth to compare with. */
export async function summarise(ports: Ports, campaign: string, cycle: number, truth: boolean): Promise<Summary> {
  const record = await readCycle(ports, campaign, cycle);
  const { refs } = record;
  const read = async <T>(name: string, schema: Parameters<typeof readDocument<T>>[2]): Promise<T | undefined> =>
    refs[name] === undefined ? undefined : readDocument<T>(ports.objects, refs[name], schema);
  const catalogue = refs.catalogue === undefined ? undefined : await readCatalogue(ports.objects, refs.catalogue);
  const evidence = await read("evidence", Evidence);
  const dataset = await read("dataset", DatasetVersion);
  const money = await totals(ports, campaign);
  const { champion, candidate } = await releaseState(ports, campaign);
  return {
    campaign,
    cycle,
    images: {
      files: record.counts.files ?? 0,
      admitted: record.counts.admitted ?? 0,
      quarantined: record.counts.quarantined ?? 0,
      duplicates: record.counts.duplicates ?? 0,
    },
    labels: await labels(ports, record, catalogue, truth),
    costUsd: money.spentMicros / 1e6,
    dataset:
      dataset === undefined
        ? null
        : {
            version: dataset.version,
            train: dataset.counts.train,
            validation: dataset.counts.validation,
            test: dataset.counts.test,
          },
    model:
      evidence === undefined
        ? null
        : {
            backbone: evidence.backbone,
            accuracy: evidence.evaluation.accuracy.value,
            low: evidence.evaluation.accuracy.low,
            high: evidence.evaluation.accuracy.high,
          },
    outcome: record.outcome === "open" && candidate?.cycle === cycle ? "observing" : record.outcome,
    ...(record.failure === undefined ? {} : { failure: record.failure }),
    gates: evidence?.judgement.gates.map(({ name, outcome, reason }) => ({ name, outcome, reason })) ?? [],
    endpoint: champion === undefined ? null : campaign,
    evidence: refs.evidence ?? null,
  };
}

async function labels(
  ports: Ports,
  record: CycleRecord,
  catalogue: Catalogue | undefined,
  truth: boolean,
): Promise<Summary["labels"]> {
  const { classes } = await cycleAgreement(ports, record.campaign, record.cycle);
  const bought = record.counts.bought ?? 0;
  const none = { bought, perImage: 0, agreementWithTruth: null, scored: 0, contradictory: 0 };
  const { split: splitKey, consensus: consensusKey } = record.refs;
  if (catalogue === undefined || splitKey === undefined || consensusKey === undefined) return none;
  const split = await readDocument(ports.objects, splitKey, Split);
  const consensus = await readDocument(ports.objects, consensusKey, Consensus);
  const pool = new Set(split.pool);
  for (const gold of split.gold) pool.delete(gold);
  const names = new Map(catalogue.entries.map((entry) => [entry.sha256, entry.names]));
  let answers = 0;
  let scored = 0;
  let right = 0;
  let contradictory = 0;
  for (const image of consensus.images) {
    if (!pool.has(image.image)) continue;
    answers += image.answers;
    const label = imageTruth(names.get(image.image) ?? [], classes);
    if (label === undefined) {
      contradictory += 1;
      continue;
    }
    scored += 1;
    const best = image.posterior.indexOf(Math.max(...image.posterior));
    if (classes[best] === label) right += 1;
  }
  return {
    bought,
    perImage: pool.size === 0 ? 0 : answers / pool.size,
    agreementWithTruth: truth && scored > 0 ? right / scored : null,
    scored,
    contradictory: truth ? contradictory : 0,
  };
}
