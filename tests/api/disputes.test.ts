import { expect, it } from "vitest";
import { judgeLot } from "../../lambdas/stages/judge-lot.ts";
import { openReviews, submitReviews } from "../../lambdas/store/reviews.ts";
import type { Lease, VendorBoard, WatchView } from "../../schemas/portal.ts";
import { inspect, memberOf, portalWorld, type World } from "./world.ts";

/** North says "ok" throughout, two experts say otherwise, and the lot comes back. */
async function rejected(): Promise<World> {
  const world = await portalWorld();
  const { ports, agreement } = world;
  const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
  const lease = (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 20 })).body as Lease;
  const answers = lease.items.map(({ item }) => ({ item, value: { task: "class", label: "ok" }, seconds: 2 }));
  await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers });
  await inspect(world, "0-north");
  for (const expert of ["eva", "fay"]) await review(world, expert, "crack");
  expect(await judgeLot.run({ lot: "0-north", campaign: agreement.name }, ports)).toMatchObject({ verdict: "rework" });
  return world;
}

async function review({ ports, agreement }: World, expert: string, label: string): Promise<number> {
  const campaign = agreement.name;
  const open = await openReviews(ports, { campaign, expert, limit: 50 });
  const answers = open.map(({ task }) => ({ task, value: { task: "class" as const, label } }));
  await submitReviews(ports, { campaign, expert, answers });
  return open.length;
}

const objection = { lot: "0-north", round: 1, reason: "a scratch that does not break the rim is ok" };

it("a vendor disputes on its page; a third expert looks, blind; the data team decides and the vendor reads the answer", async () => {
  const world = await rejected();
  const boss = await memberOf(world, { role: "vendor", vendor: "north", subject: "boss" });
  const team = await memberOf(world, { role: "data-team", subject: "dana" });
  const board = async () => (await boss.ask("GET", "/api/vendor/board")).body as VendorBoard;
  const watched = async () => ((await team.ask("GET", "/api/campaigns/parts")).body as WatchView).disputes[0];
  const defects = (await board()).lots[0]?.verdicts[0]?.defects ?? 0;
  expect(defects).toBeGreaterThan(1);

  expect((await boss.ask("POST", "/api/vendor/disputes", objection)).status).toBe(200);
  expect((await board()).lots[0]?.verdicts[0]?.dispute).toMatchObject({ status: "open", reason: objection.reason });
  expect((await boss.ask("POST", "/api/vendor/disputes", objection)).status).toBe(400);
  expect(await watched()).toMatchObject({ defects, seenByThird: 0, confirmed: 0, wouldBe: "rejected" });

  // Neither of the first two is asked again; the third sees an image like any other.
  expect(await openReviews(world.ports, { campaign: "parts", expert: "eva", limit: 50 })).toEqual([]);
  expect(await review(world, "gus", "ok")).toBe(defects);
  expect(await watched()).toMatchObject({ seenByThird: defects, confirmed: 0, wouldBe: "accepted" });

  const decision = { lot: "0-north", round: 1, decision: "overturned", note: "the guideline says so" };
  expect((await team.ask("POST", "/api/campaigns/parts/adjudications", decision)).status).toBe(200);
  const after = await board();
  expect(after.lots[0]?.verdicts[0]?.dispute).toMatchObject({ status: "overturned", note: "the guideline says so" });
  expect(after.statement.totalMicros).toBe(6 * 30_000);
  expect(JSON.stringify(after)).not.toMatch(/[0-9a-f]{64}/);
});

it("nobody disputes for another vendor, without a reason or a verdict, and only the data team decides", async () => {
  const world = await rejected();
  const south = await memberOf(world, { role: "vendor", vendor: "south", subject: "sue" });
  const north = await memberOf(world, { role: "vendor", vendor: "north", subject: "boss" });
  const owner = await memberOf(world, { role: "owner", subject: "olga" });
  const send = async (who: typeof south, body: unknown) => (await who.ask("POST", "/api/vendor/disputes", body)).status;
  expect(await send(south, objection)).toBe(400);
  expect(await send(north, { ...objection, reason: "  " })).toBe(400);
  expect(await send(north, { ...objection, round: 2 })).toBe(400);
  const decision = { lot: "0-north", round: 1, decision: "upheld", note: "no" };
  expect((await owner.ask("POST", "/api/campaigns/parts/adjudications", decision)).status).toBe(403);
  expect((await north.ask("POST", "/api/campaigns/parts/adjudications", decision)).status).toBe(403);
});

it("after the agreed days a closed lot's verdicts can't be disputed any more", async () => {
  const world = await rejected();
  const { ports, agreement } = world;
  const key = { pk: "lot#parts#0-north", sk: "lot" };
  const found = await ports.records.get<Record<string, unknown>>(key);
  const closedAt = new Date(ports.clock.now() - 15 * 86_400_000).toISOString();
  await ports.records.put(key, { ...found?.body, closedAt }, "any");
  const north = await memberOf(world, { role: "vendor", vendor: "north", subject: "boss" });
  const refused = await north.ask("POST", "/api/vendor/disputes", objection);
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toContain("14 days after it was closed");
  expect(agreement.inspection.disputeDays).toBeUndefined();
});
