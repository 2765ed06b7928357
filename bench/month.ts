import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readCycle } from "../lambdas/store/campaigns.ts";
import { createCampaign } from "../lambdas/store/cycles.ts";
import { everyRecord } from "../lambdas/store/every-record.ts";
import { objectKeys, recordKeys } from "../lambdas/store/keys.ts";
import { readLot } from "../lambdas/store/lot-records.ts";
import { releaseState } from "../lambdas/store/release.ts";
import { readWavePlan, wavesOf } from "../lambdas/store/waves.ts";
import { Host } from "../local/host.ts";
import { addIntake, cycleEnded } from "../local/intake.ts";
import { kindAt, mixedVendors } from "../local/people/mixed-vendors.ts";
import { defaultPool } from "../local/people/pool.ts";
import { drawSample, SAMPLE_CLASSES } from "../local/sample/draw.ts";
import { Campaign } from "../schemas/campaign.ts";
import type { Lot } from "../schemas/lot.ts";

/**
 * A month of labelling on the laptop's own host: its workflow files, stages, portal and job runner, with vendors of whom
 * many are late or dead, on a clock that jumps. `npm run simulate:month -- [--json] [--vendors 40] [--images 240] [--seed 1]`
 * Target: 40 vendors over 30 virtual days in 60 s, with deadlines that pass and lots that change hands.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    vendors: { type: "string", default: "40" },
    images: { type: "string", default: "240" },
    seed: { type: "string", default: "1" },
  },
});
const DAY = 86_400_000;
/** The month goes on to its last day even when the model is live before. */
const DAYS = 30;
const NAME = "month";

const count = (name: "vendors" | "images" | "seed", least: number): number => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new Error(`--${name} is "${values[name]}"; expected a whole number of at least ${least}`);
};
const images = count("images", 80);
const seed = count("seed", 0);
const vendors = Array.from({ length: count("vendors", 4) }, (_, index) => ({
  id: `vendor-${String(index + 1).padStart(2, "0")}`,
  kind: kindAt(index),
}));
const kindOf = new Map(vendors.map(({ id, kind }) => [id, kind]));

const agreement = Campaign.parse({
  name: NAME,
  classes: [...SAMPLE_CLASSES],
  // Every vendor takes about as much as all the others: no lot of a wave waits for the cheapest one.
  vendors: vendors.map(({ id }) => ({
    id,
    name: id,
    pricePerAnswer: 0.03,
    capacityPerWave: Math.max(30, Math.ceil((4 * images) / vendors.length)),
  })),
  training: { backbone: "descriptor", testShare: 0.25 },
  labelling: { lotSize: 20, minAnswers: 2, maxWaves: 4, lotDeadlineHours: 144, reviewDeadlineHours: 48 },
  approvals: { mode: "auto" },
  seed,
});

async function lotsOf({ ports }: Host, cycle: number): Promise<Lot[]> {
  const lots: Lot[] = [];
  for (const { wave } of await wavesOf(ports, NAME, cycle)) {
    const plan = await readWavePlan(ports, objectKeys.wave(NAME, cycle, wave));
    for (const lot of plan.lots) lots.push((await readLot(ports, NAME, lot)).lot);
  }
  return lots;
}

/** Answers that count although their lot's deadline passed before the rest came. */
async function answersOfExpired({ ports }: Host, lots: readonly Lot[]): Promise<number> {
  const expired = new Set(lots.filter(({ status }) => status === "expired").map(({ lot }) => lot));
  let answers = 0;
  const { pk } = recordKeys.acceptedLot(NAME, "");
  for await (const { body } of everyRecord<{ lot: string; answers: number }>(ports.records, pk)) {
    if (expired.has(body.lot)) answers += body.answers;
  }
  return answers;
}

const work = mkdtempSync(join(tmpdir(), "countersign-month-"));
try {
  // The photos are what the month is given; its real time is counted from here on.
  await drawSample(join(work, "photos"), { count: images, seed: 7 });
  const began = performance.now();
  let now = () => 0;
  let startedAt = 0;
  const host = await Host.open({
    work: join(work, "work"),
    time: "virtual",
    people: mixedVendors({
      kindOf: (vendor) => kindOf.get(vendor) ?? "steady",
      classes: agreement.classes,
      pool: defaultPool(seed, agreement.classes),
      now: () => now(),
      startedAt: () => startedAt,
    }),
    onTrouble: (stage, error) => process.stderr.write(`${stage}: ${error.name}: ${error.message}\n`),
  });
  try {
    now = () => host.clock.now();
    startedAt = now();
    await createCampaign(host.ports, agreement, "data-team");
    await host.staff(NAME, { people: "simulated" });
    const { cycle } = await addIntake(host, NAME, join(work, "photos"));
    if (cycle === null) throw new Error("the intake opened no cycle");
    await host.runUntil(() => cycleEnded(host, NAME, cycle));
    const endedAt = now();
    host.clock.at(startedAt + DAYS * DAY, () => {});
    await host.runUntil(async () => now() >= startedAt + DAYS * DAY);
    const record = await readCycle(host.ports, NAME, cycle);
    const { champion } = await releaseState(host.ports, NAME);
    const lots = await lotsOf(host, cycle);
    const days = (from: number, to: number) => Math.round((10 * (to - from)) / DAY) / 10;
    const result = {
      vendors: vendors.length,
      virtualDays: days(startedAt, now()),
      lots: lots.length,
      expired: lots.filter(({ status }) => status === "expired").length,
      reassigned: lots.reduce((sum, { reassigned }) => sum + reassigned, 0),
      /** Answers of expired lots that count in the next wave. */
      late: await answersOfExpired(host, lots),
      calendarDaysToLive: champion === undefined ? null : days(startedAt, Date.parse(champion.since)),
      seconds: Math.round(performance.now() - began) / 1000,
      images,
      waves: (await wavesOf(host.ports, NAME, cycle)).length,
      answers: record.counts.bought ?? 0,
      outcome: record.outcome,
      daysOfCycle: days(startedAt, endedAt),
    };
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
  } finally {
    await host.close();
  }
} finally {
  rmSync(work, { recursive: true });
}
