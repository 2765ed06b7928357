import { Consensus } from "../../schemas/consensus.ts";
import { Evidence } from "../../schemas/evidence.ts";
import type { QualityPoint, WatchLot, WatchView } from "../../schemas/portal.ts";
import type { CycleRecord } from "../../schemas/state.ts";
import { auditsOf } from "../store/audits.ts";
import { readCampaign, readCycle } from "../store/campaigns.ts";
import { executionName } from "../store/cycles.ts";
import { disputeViews } from "../store/disputes.ts";
import { DocumentError, readDocument } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";
import { statement, totals } from "../store/ledger.ts";
import { vendorBoard } from "../store/lots.ts";
import { members, type Session } from "../store/members.ts";
import { questions } from "../store/questions.ts";
import { releaseState } from "../store/release.ts";
import type { ApiOptions } from "./portal.ts";
import { workflowView } from "./workflow-view.ts";

/** Everything of one campaign that the watch page shows, as it is now. */
export async function watchView(options: ApiOptions, session: Session, campaign: string): Promise<WatchView> {
  const { ports } = options;
  const { head, agreement } = await readCampaign(ports, campaign);
  const cycles: CycleRecord[] = [];
  for (let cycle = 1; cycle <= head.cycles; cycle += 1) cycles.push(await readCycle(ports, campaign, cycle));
  const name = executionName(campaign, Math.max(1, head.cycles));
  const execution = head.cycles === 0 ? undefined : await ports.workflows.describe("campaign", name);
  const history = execution === undefined ? [] : await ports.workflows.history("campaign", name);
  const vendors = agreement.vendors.map(({ id }) => id);
  const mayAct = session.member.role === "data-team";
  const { champion, candidate, history: releases } = await releaseState(ports, campaign);
  return {
    campaign,
    status: head.status,
    classes: agreement.classes,
    currency: agreement.currency,
    budgetMicros: Math.round(agreement.budget * 1e6),
    spent: await spending(options, campaign, vendors),
    queue: head.queue.length,
    cycles,
    ...(execution === undefined
      ? {}
      : {
          execution: {
            name,
            status: execution.status,
            startedAt: new Date(execution.startedAt).toISOString(),
            ...(execution.stoppedAt === undefined ? {} : { stoppedAt: new Date(execution.stoppedAt).toISOString() }),
          },
        }),
    workflow: workflowView(history, execution?.status === "RUNNING"),
    lots: await lotsOf(options, campaign, vendors),
    quality: await qualityOverTime(options, campaign, cycles),
    models: await modelsOf(options, cycles),
    release: {
      ...(champion === undefined
        ? {}
        : { champion: { version: champion.version, cycle: champion.cycle, since: champion.since } }),
      ...(candidate === undefined
        ? {}
        : { candidate: { version: candidate.version, cycle: candidate.cycle, share: candidate.share } }),
      history: releases,
      audits: (await auditsOf(ports, campaign))
        .toReversed()
        .map(({ day, results }) => ({ day, ...(results === undefined ? {} : { results }) })),
    },
    questions: await questions(ports, campaign),
    disputes: await disputeViews(ports, campaign),
    members: mayAct
      ? (await members(ports, campaign)).map(({ campaign: _campaign, epoch: _epoch, ...member }) => member)
      : [],
    vendors,
    mayAct,
  };
}

async function spending({ ports }: ApiOptions, campaign: string, vendors: string[]): Promise<WatchView["spent"]> {
  const { spentMicros, byKind } = await totals(ports, campaign);
  const owed = vendors.map(async (vendor) => ({
    vendor,
    amountMicros: (await statement(ports, { campaign, party: vendor })).totalMicros,
  }));
  return {
    micros: spentMicros,
    byKind: Object.entries(byKind).map(([kind, sum]) => ({ kind, ...sum })),
    byVendor: await Promise.all(owed),
  };
}

async function lotsOf({ ports }: ApiOptions, campaign: string, vendors: string[]): Promise<WatchLot[]> {
  const boards = await Promise.all(
    vendors.map(async (vendor) => ({ vendor, lots: await vendorBoard(ports, { campaign, vendor }) })),
  );
  return boards.flatMap(({ vendor, lots }) =>
    lots.map(({ lot, cycle, wave, status, round, items, answered, dueAt }) => ({
      lot,
      vendor,
      cycle,
      wave,
      status,
      round,
      items,
      answered,
      ...(dueAt === undefined ? {} : { dueAt }),
    })),
  );
}

/** Computed points by object key: a wave's consensus is written once. */
const points = new Map<string, QualityPoint>();

async function qualityOverTime(
  { ports }: ApiOptions,
  campaign: string,
  cycles: CycleRecord[],
): Promise<QualityPoint[]> {
  const found: QualityPoint[] = [];
  for (const { cycle } of cycles) {
    for (let wave = 0; ; wave += 1) {
      const key = objectKeys.consensus(campaign, cycle, wave);
      const head = await ports.objects.head(key);
      if (head === undefined) break;
      const name = `${key} ${head.etag}`;
      const point = points.get(name) ?? qualityPoint(await readDocument(ports.objects, key, Consensus));
      points.set(name, point);
      found.push(point);
    }
  }
  return found;
}

function qualityPoint({ cycle, wave, images, annotators }: Consensus): QualityPoint {
  const gold = annotators.reduce((sum, one) => ({ n: sum.n + one.gold.n, right: sum.right + one.gold.right }), {
    n: 0,
    right: 0,
  });
  return {
    cycle,
    wave,
    images: images.length,
    settled: images.filter((image) => image.settled).length,
    answersPerImage: images.length === 0 ? 0 : images.reduce((sum, image) => sum + image.answers, 0) / images.length,
    ...(gold.n === 0 ? {} : { gold }),
  };
}

async function modelsOf({ ports }: ApiOptions, cycles: CycleRecord[]): Promise<WatchView["models"]> {
  const models: WatchView["models"] = [];
  for (const { cycle, refs, outcome } of cycles) {
    if (refs.evidence === undefined) continue;
    try {
      const { evaluation } = await readDocument(ports.objects, refs.evidence, Evidence);
      models.push({ cycle, accuracy: evaluation.accuracy, outcome });
    } catch (error) {
      // One lost document must not take the whole page: the cycle's outcome still shows.
      if (!(error instanceof DocumentError)) throw error;
    }
  }
  return models;
}
