import { expect, it, vi } from "vitest";
import { readDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { entries } from "../../lambdas/store/ledger.ts";
import { readLot } from "../../lambdas/store/lot-records.ts";
import { readWavePlan, wavesOf } from "../../lambdas/store/waves.ts";
import { kindAt, mixedVendors } from "../../local/people/mixed-vendors.ts";
import { defaultPool } from "../../local/people/pool.ts";
import { DatasetVersion } from "../../schemas/dataset.ts";
import type { Lot } from "../../schemas/lot.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

// Weeks of virtual time: seconds on a quiet machine, more on a crowded one.
vi.setConfig({ testTimeout: 300_000 });

const classes = ["crack", "hole", "ok", "stain"];
const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 5, 8);
const vendors = Array.from({ length: 10 }, (_, index) => ({ id: `vendor-${index}`, kind: kindAt(index) }));
const kindOf = (vendor: string) => vendors.find(({ id }) => id === vendor)?.kind ?? "steady";

async function lotsOf({ ports }: LabelWorld): Promise<Lot[]> {
  const lots: Lot[] = [];
  for (const { wave } of await wavesOf(ports, "camp", 1)) {
    for (const lot of (await readWavePlan(ports, objectKeys.wave("camp", 1, wave))).lots)
      lots.push((await readLot(ports, "camp", lot)).lot);
  }
  return lots;
}

it("weeks with dead, late, slow and random vendors end with labels near the truth, each paid once", async () => {
  let now = () => START;
  const made = await labelWorld({
    pictures: pictures(120, classes),
    agreement: {
      classes,
      vendors: vendors.map(({ id }) => ({ id, name: id, pricePerAnswer: 0.03, capacityPerWave: 50 })),
      labelling: { lotSize: 20, minAnswers: 2, maxWaves: 3, lotDeadlineHours: 144, reviewDeadlineHours: 48 },
    },
    people: mixedVendors({
      kindOf,
      classes,
      pool: defaultPool(1, classes),
      now: () => now(),
      startedAt: () => START,
    }),
  });
  now = () => made.clock.now();
  try {
    const output = await made.run();
    expect(output?.dataset.outcome).toBe("frozen");
    // The first wave's deadline of six days has passed for whoever never answered.
    expect(made.clock.now() - START).toBeGreaterThan(6 * DAY);
    const lots = await lotsOf(made);
    const expired = lots.filter(({ status }) => status === "expired");
    expect(lots.filter(({ vendor }) => kindOf(vendor) === "dead").length).toBeGreaterThan(0);
    expect(lots.filter(({ vendor }) => kindOf(vendor) === "dead").every(({ status }) => status === "expired")).toBe(
      true,
    );
    // What a late vendor had done by the deadline counts; the rest is bought anew.
    expect(expired.some(({ answered, items }) => answered > 0 && answered < items)).toBe(true);
    expect((await wavesOf(made.ports, "camp", 1)).length).toBeGreaterThan(1);
    // Answers at random do not pass inspection: the lot is done again.
    expect(lots.filter(({ vendor, round }) => kindOf(vendor) === "random" && round > 1).length).toBeGreaterThan(0);
    const paid: string[] = [];
    for await (const entry of entries(made.ports, "camp"))
      if (entry.kind === "answer-accepted") paid.push(`${entry.lot}/${entry.item}`);
    expect(new Set(paid).size).toBe(paid.length);
    const dataset = await readDocument(made.ports.objects, output?.dataset.key ?? "", DatasetVersion);
    const truth = new Map(pictures(120, classes).map((picture) => [picture.sha256, picture.label]));
    const right = dataset.items.filter(({ sha256, label }) => truth.get(sha256) === label).length;
    expect(right / dataset.items.length).toBeGreaterThanOrEqual(0.95);
  } finally {
    await made.close();
  }
});
