import { afterEach, expect, it, vi } from "vitest";
import { statement } from "../../lambdas/store/ledger.ts";
import { findLot } from "../../lambdas/store/lot-records.ts";
import { vendorBoard } from "../../lambdas/store/lots.ts";
import type { Person, Pool } from "../../local/people/people.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });
const classes = ["crack", "ok"];
const worlds: LabelWorld[] = [];
afterEach(async () => {
  for (const made of worlds.splice(0)) await made.close();
});

/** Bolt does five items a sitting and rests for 30 hours, right with the given chance; acme is quick and good. */
async function withSlowBolt(accuracy: number): Promise<LabelWorld> {
  const people = (vendor: string): Person[] =>
    Array.from({ length: 6 }, (_, i) => ({
      name: `${vendor}-${i}`,
      kind: "good",
      accuracy: vendor === "bolt" ? accuracy : 0.98,
      seconds: 5,
    }));
  const pool: Pool = {
    annotators: people,
    experts: [1, 2].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 1, seconds: 20 })),
  };
  const made = await labelWorld({
    pictures: pictures(60, classes),
    agreement: { classes, labelling: { lotSize: 30, minAnswers: 1, maxWaves: 3 } },
    world: "memory",
    people: { pool, tempo: (vendor) => (vendor === "bolt" ? { sitting: 5, restHours: 30 } : {}) },
  });
  worlds.push(made);
  await made.run();
  return made;
}

async function cutLots({ ports }: LabelWorld) {
  const lots = [];
  for (const line of await vendorBoard(ports, { campaign: "camp", vendor: "bolt" })) {
    const found = await findLot(ports, "camp", line.lot);
    if (found?.lot.cutShort === true) lots.push({ ...line, answered: found.lot.answered, items: found.lot.items });
  }
  return lots;
}

it("the answered part of a lot past its deadline is inspected, and paid when it is good", async () => {
  const made = await withSlowBolt(0.98);
  const lots = await cutLots(made);
  expect(lots.length).toBeGreaterThan(0);
  const paid = await statement(made.ports, { campaign: "camp", party: "bolt" });
  for (const { lot, status, answered, items, verdicts } of lots) {
    expect(answered).toBeLessThan(items);
    expect(status).toBe("expired");
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["accept"]);
    expect(paid.lines.find((line) => line.lot === lot)?.units).toBe(answered);
  }
});

it("random clicks that fill a part of a lot until its deadline are not paid", async () => {
  const made = await withSlowBolt(0.1);
  const lots = await cutLots(made);
  expect(lots.length).toBeGreaterThan(0);
  const paid = await statement(made.ports, { campaign: "camp", party: "bolt" });
  for (const { lot, status, verdicts } of lots) {
    expect(status).toBe("expired");
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["reject"]);
    expect(paid.lines.some((line) => line.lot === lot)).toBe(false);
  }
});
