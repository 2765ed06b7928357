import { beforeEach, describe, expect, it } from "vitest";
import { executionName } from "../../lambdas/store/cycles.ts";
import type { HistoryPage } from "../../schemas/portal.ts";
import { type Ask, memberOf, portalWorld, type World } from "./world.ts";

let world: World;
let team: Ask;
const EXECUTION = executionName("parts", 1);

beforeEach(async () => {
  world = await portalWorld();
  team = (await memberOf(world, { role: "data-team", subject: "tina" })).ask;
  const parameters = JSON.stringify({
    Payload: { lot: "0-north", token: "secret-1", deeper: { TaskToken: "secret-2" } },
  });
  world.ports.workflows.record("campaign", EXECUTION, [
    { previousEventId: 0, type: "TaskStateEntered", state: "OpenCycle", details: { name: "OpenCycle", input: "{}" } },
    { previousEventId: 2, type: "TaskScheduled", details: { resource: "invoke", parameters } },
    { previousEventId: 3, type: "TaskFailed", error: "Busy", details: { error: "Busy", cause: "try again" } },
    { previousEventId: 4, type: "TaskScheduled", details: { resource: "invoke", parameters } },
    { previousEventId: 5, type: "TaskSucceeded", details: { output: "{}" } },
    { previousEventId: 6, type: "TaskStateExited", state: "OpenCycle", details: { name: "OpenCycle" } },
    { previousEventId: 7, type: "ChoiceStateEntered", state: "AnythingNew", details: { name: "AnythingNew" } },
  ]);
});

const page = async (query = "") => {
  const { status, body } = await team("GET", `/api/campaigns/parts/history${query}`);
  expect(status).toBe(200);
  return body as HistoryPage;
};
const ids = ({ events }: HistoryPage) => events.map(({ id }) => id);

describe("a cycle's history", () => {
  it("is the execution's events in their order, each with the state in which it happened", async () => {
    const all = await page();
    expect(all).toMatchObject({ cycle: 1, execution: EXECUTION, status: "RUNNING", total: 8 });
    expect(all.next).toBeUndefined();
    expect(all.events.map(({ id, previousEventId, state }) => [id, previousEventId, state])).toEqual([
      [1, 0, undefined],
      [2, 0, "OpenCycle"],
      [3, 2, "OpenCycle"],
      [4, 3, "OpenCycle"],
      [5, 4, "OpenCycle"],
      [6, 5, "OpenCycle"],
      [7, 6, "OpenCycle"],
      [8, 7, "AnythingNew"],
    ]);
    expect(all.events[3]).toMatchObject({ type: "TaskFailed", details: { error: "Busy", cause: "try again" } });
    expect(Date.parse(all.events[0]?.timestamp ?? "")).toBe(world.ports.clock.now());
  });

  it("comes in pages, and by type and state", async () => {
    const first = await page("?limit=3");
    expect(ids(first)).toEqual([1, 2, 3]);
    const second = await page(`?limit=3&after=${first.next}`);
    expect(ids(second)).toEqual([4, 5, 6]);
    expect(ids(await page(`?limit=3&after=${second.next}`))).toEqual([7, 8]);
    expect(ids(await page("?type=failed"))).toEqual([4]);
    expect(ids(await page("?type=StateEntered"))).toEqual([2, 8]);
    expect(ids(await page("?state=AnythingNew"))).toEqual([8]);
    expect(ids(await page("?type=Scheduled&state=OpenCycle&limit=1"))).toEqual([3]);
    expect(await page("?state=Nowhere")).toMatchObject({ events: [], total: 8 });
  });

  it("shows no task token", async () => {
    const text = JSON.stringify(await page());
    expect(text).not.toMatch(/secret-/);
    expect(text).toContain("struck out");
    expect(text).toContain("0-north");
  });

  it("refuses what is no question, and people whom it does not concern", async () => {
    const refused = async (query: string) => (await team("GET", `/api/campaigns/parts/history${query}`)).body;
    expect(await refused("?cycle=2")).toMatchObject({
      error: "bad-input",
      message: expect.stringContaining("no cycle 2"),
    });
    expect(await refused("?limit=9000")).toMatchObject({
      error: "bad-input",
      message: expect.stringContaining("limit"),
    });
    expect(await refused("?kind=x")).toMatchObject({ error: "bad-input" });
    const vendor = await memberOf(world, { role: "vendor", vendor: "north", subject: "vic" });
    expect((await vendor.ask("GET", "/api/campaigns/parts/history")).status).toBe(403);
  });
});
