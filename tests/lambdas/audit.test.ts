/** Labels bought for real requests: how right a live model is, and a rollout that waits for them. */
import { afterEach, expect, test, vi } from "vitest";
import { stages } from "../../lambdas/main.ts";
import { runStage } from "../../lambdas/stage.ts";
import { auditedOf, auditsOf } from "../../lambdas/store/audits.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { entries, totals } from "../../lambdas/store/ledger.ts";
import { relabelProposal } from "../../lambdas/store/monitor.ts";
import { watchRollout } from "../../lambdas/store/rollout.ts";
import { auditWorld } from "./audit-world.ts";

vi.setConfig({ testTimeout: 120_000 });
const opened: Awaited<ReturnType<typeof auditWorld>>[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((world) => world.close()));
});
async function open(...options: Parameters<typeof auditWorld>) {
  const world = await auditWorld(...options);
  opened.push(world);
  return world;
}
const monitor = { labels: 30, everyDays: 7, holdsRollout: true };

test("a candidate that is quick and wrong is refused by labels of its own answers, after all its requests went well", async () => {
  const w = await open({ monitor });
  await w.live(0.95);
  await w.tried(0.5);
  await w.requests(240);
  // Enough requests without an error, and no slower: without labels it would be promoted.
  expect(await watchRollout(w.ports, "parts")).toEqual({
    decision: "continue",
    reasons: ["0 of 30 answers are labelled"],
  });
  expect(w.told).toEqual([]);
  expect(await w.look()).toMatchObject({ status: "SUCCEEDED" });
  expect(w.told.at(0)).toEqual({ decision: "rollback" });
  const [audit] = await auditsOf(w.ports, "parts");
  expect(audit?.versions).toEqual(["new", "old"]);
  expect(audit?.results?.map(({ audited }) => audited)).toEqual([30, 30]);
  // Nobody calls the champion into question for what the candidate did.
  expect(await relabelProposal(w.ports, "parts")).toBeUndefined();
});

test("a candidate as right as the champion is promoted once its labels are there, and they are paid like any", async () => {
  const w = await open({ monitor });
  await w.live(0.95);
  await w.tried(0.95);
  await w.requests(240);
  expect(w.told).toEqual([]);
  await w.look();
  expect(w.told.at(0)).toEqual({ decision: "promote" });
  const found = auditedOf(await auditsOf(w.ports, "parts"), "new");
  expect(found.audited).toBe(30);
  expect(found.wrong / found.audited).toBeLessThan(0.2);
  const { byKind } = await totals(w.ports, "parts");
  // 60 images, three answers each, at 0.03.
  expect(byKind["answer-accepted"]).toEqual({ units: 180, amountMicros: 180 * 30_000 });
  for await (const { lot } of entries(w.ports, "parts")) if (lot !== undefined) expect(lot).toMatch(/^1-30584-\d{3}$/);
});

test("a live model that is surely below its floor rings, once, and a cycle with its captures is proposed with a price", async () => {
  const w = await open({ monitor: { labels: 40, everyDays: 7 } });
  await w.live(0.5);
  await w.requests(120);
  expect(await w.look()).toMatchObject({ status: "SUCCEEDED" });
  const [audit] = await auditsOf(w.ports, "parts");
  // The sealed test's lower end, for the agreement names no floor.
  expect(audit?.results?.[0]).toMatchObject({ version: "old", audited: 40, floor: 0.8, outcome: "below-floor" });
  const proposal = await relabelProposal(w.ports, "parts");
  expect(proposal).toMatchObject({ status: "open" });
  expect(proposal?.reasons[0]).toMatch(
    /^right on \d+\.\d % of 40 real requests \[.*\], where at least 80.0 % is asked$/,
  );
  const notices = w.memory.notices().filter(({ audience }) => audience === "data-team");
  expect(notices.map(({ subject }) => subject)).toEqual(["parts: the live model is wrong more often than agreed"]);
  // Run again, the end of the audit says and pays the same; the next look is in seven days.
  const { spentMicros } = await totals(w.ports, "parts");
  const again = await runStage(stages["settle-audit"] as never, { campaign: "parts", day: "2026-05-11" }, w.ports);
  expect(again).toMatchObject({ outcome: "below-floor", reportKey: objectKeys.audit("parts", "2026-05-11", "report") });
  expect(await w.look()).toMatchObject({ output: { outcome: expect.anything() } });
  expect((await auditsOf(w.ports, "parts")).length).toBe(1);
  expect((await totals(w.ports, "parts")).spentMicros).toBe(spentMicros);
});

test("a live model that holds what it proved says so with its interval, and nobody is disturbed", async () => {
  const w = await open({ monitor: { labels: 40, everyDays: 7, accuracyFloor: 0.6 } });
  await w.live(0.95);
  await w.requests(120);
  await w.look();
  const [audit] = await auditsOf(w.ports, "parts");
  expect(audit?.results?.[0]).toMatchObject({ audited: 40, floor: 0.6, outcome: "above-floor" });
  expect(await relabelProposal(w.ports, "parts")).toBeUndefined();
});

test("without the setting nothing is labelled; beyond the budget nothing is bought, and that is told", async () => {
  const silent = await open();
  await silent.live(0.5);
  await silent.requests(60);
  await silent.look();
  expect(await auditsOf(silent.ports, "parts")).toEqual([]);
  // And quick and wrong is good enough for a rollout, as far as it can see.
  await silent.tried(0.5);
  await silent.requests(240);
  expect(silent.told.at(0)).toEqual({ decision: "promote" });
  const poor = await open({ monitor: { labels: 20 }, budget: 1 });
  await poor.live(0.5);
  await poor.requests(60);
  expect(await poor.look()).toMatchObject({ status: "SUCCEEDED" });
  expect((await totals(poor.ports, "parts")).spentMicros).toBe(0);
  expect(poor.memory.notices().map(({ subject }) => subject)).toEqual([
    "parts: labels for real requests do not fit the budget",
  ]);
  // Not every day again.
  await poor.look();
  expect(poor.memory.notices().length).toBe(1);
});

test("with one vendor experts decide what one answer can't", async () => {
  const w = await open({
    monitor: { labels: 20, everyDays: 7 },
    vendors: [{ id: "alder", name: "Alder", pricePerAnswer: 0.03 }],
  });
  await w.live(0.95);
  await w.requests(80);
  await w.look();
  const [audit] = await auditsOf(w.ports, "parts");
  expect(audit?.results?.[0]?.audited).toBe(20);
  expect((await totals(w.ports, "parts")).byKind["expert-answer"]?.units).toBeGreaterThanOrEqual(20);
});
