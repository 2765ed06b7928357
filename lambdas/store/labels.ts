import type { SwitchingState } from "../../domain/acceptance/switching.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { LotPlan } from "../../schemas/lot.ts";
import { Split } from "../../schemas/state.ts";
import type { WaveRecord } from "../../schemas/wave.ts";
import type { Ports } from "../ports.ts";
import { openAuditMicros } from "./audits.ts";
import { cycleAgreement } from "./campaigns.ts";
import { fitImages, type ImageFit, type Known, knownLabels } from "./consensus.ts";
import { withoutExcluded } from "./decisions.ts";
import { inspectionState } from "./inspection-states.ts";
import { objectKeys } from "./keys.ts";
import { totals } from "./ledger.ts";
import { findLot, openLots, readImmutable } from "./lot-records.ts";
import { latestPrior } from "./model-prior.ts";
import { type Purchases, peopleOf, purchasesOf } from "./purchases.ts";
import { standings } from "./standings.ts";
import { readWavePlan, wavesOf } from "./waves.ts";

/** Everything that is known of a cycle's labels now, and what more would be worth. */
export interface Labels {
  agreement: Campaign;
  split: Split;
  waves: WaveRecord[];
  known: Known;
  fitted: ImageFit;
  purchases: Purchases;
  /** Answers that lots still open may bring, by image. */
  pending: Map<string, number>;
  /** Vendors that get no lots while there are others: all lots of their latest wave expired, or their inspection stopped. */
  absent: Set<string>;
  /** Vendors that a person paused or released. */
  barred: Set<string>;
  /** Switching rules' state of each vendor. */
  inspections: Map<string, SwitchingState>;
  /** In millionths: the budget without what is owed already and what open lots may come to. */
  budgetLeftMicros: number;
}

export async function labelsSoFar(
  ports: Pick<Ports, "records" | "objects">,
  { campaign, cycle, splitKey }: { campaign: string; cycle: number; splitKey: string },
): Promise<Labels> {
  const agreement = await cycleAgreement(ports, campaign, cycle);
  const split = await withoutExcluded(ports, campaign, await readImmutable(ports.objects, splitKey, Split));
  const waves = await wavesOf(ports, campaign, cycle);
  const known = await knownLabels(ports, campaign, agreement);
  const { pending, reservedMicros } = await openWork(ports, agreement, cycle, waves);
  const { spentMicros } = await totals(ports, campaign);
  const budgetLeftMicros =
    Math.round(agreement.budget * 1e6) - spentMicros - reservedMicros - (await openAuditMicros(ports, campaign));
  const settledWaves = waves.filter((wave) => wave.settled).length;
  const prior = await latestPrior(ports, { campaign, cycle, wave: settledWaves }, agreement.classes);
  const fitted = fitImages(agreement, split, known, prior?.probabilities);
  const left = {
    budget: budgetLeftMicros / 1e6,
    waves: agreement.labelling.maxWaves - settledWaves,
    wavePrice: agreement.labelling.pricePerDay * daysPerWave(waves, agreement.labelling.lotDeadlineHours),
    pending,
    ...(prior === undefined ? {} : { curve: prior.curve }),
  };
  const purchases = purchasesOf(agreement, new Set(split.gold), known, fitted, left);
  const absent = await absentVendors(ports, campaign, cycle, waves);
  const inspections = new Map<string, SwitchingState>();
  for (const { id } of agreement.vendors) inspections.set(id, await inspectionState(ports, agreement, id));
  for (const [vendor, { stopped }] of inspections) if (stopped) absent.add(vendor);
  const barred = new Set<string>();
  for (const { vendor, annotator, standing } of await standings(ports, campaign)) {
    if (annotator !== undefined) continue;
    if (standing !== "active") barred.add(vendor);
    // A person took the vendor back: their word counts more than any rule's.
    else absent.delete(vendor);
  }
  return { agreement, split, waves, known, fitted, purchases, pending, absent, barred, inspections, budgetLeftMicros };
}

/** How long a wave takes: the mean between two that ended, and the lots' deadline before two have. */
function daysPerWave(waves: readonly WaveRecord[], deadlineHours: number): number {
  const ends = waves.flatMap(({ settledAt }) => (settledAt === undefined ? [] : [Date.parse(settledAt)]));
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  return ends.length < 2 ? deadlineHours / 24 : (last - first) / (ends.length - 1) / 86_400_000;
}

async function absentVendors(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
  waves: readonly WaveRecord[],
): Promise<Set<string>> {
  // Later waves overwrite what earlier ones said of a vendor.
  const expired = new Map<string, boolean>();
  for (const { wave, settled } of waves) {
    if (!settled) continue;
    const ofWave = new Map<string, boolean>();
    for (const name of (await readWavePlan(ports, objectKeys.wave(campaign, cycle, wave))).lots) {
      const lot = (await findLot(ports, campaign, name))?.lot;
      if (lot !== undefined) ofWave.set(lot.vendor, (ofWave.get(lot.vendor) ?? true) && lot.status === "expired");
    }
    for (const [vendor, all] of ofWave) expired.set(vendor, all);
  }
  return new Set([...expired].filter(([, all]) => all).map(([vendor]) => vendor));
}

/** Lots of the cycle that outlived their wave: what people may still bring, and what all may cost. */
async function openWork(
  ports: Pick<Ports, "records" | "objects">,
  agreement: Campaign,
  cycle: number,
  waves: readonly WaveRecord[],
): Promise<{ pending: Map<string, number>; reservedMicros: number }> {
  const campaign = agreement.name;
  const people = new Set(peopleOf(agreement).map(({ id }) => id));
  const pending = new Map<string, number>();
  let reservedMicros = 0;
  for (const { wave } of waves) {
    for await (const lot of openLots(ports, campaign, cycle, wave)) {
      reservedMicros += lot.items * lot.pricePerAnswerMicros;
      if (!people.has(lot.vendor)) continue;
      const { items } = await readImmutable(ports.objects, objectKeys.lotPlan(campaign, lot.lot), LotPlan);
      for (const { image } of items) pending.set(image, (pending.get(image) ?? 0) + 1);
    }
  }
  return { pending, reservedMicros };
}
