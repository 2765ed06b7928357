import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Notice } from "../../lambdas/ports.ts";
import { objectsContract } from "./objects.ts";
import { recordsContract } from "./records.ts";
import { sealerContract } from "./sealer.ts";
import { workflowsContract } from "./workflows.ts";
import { WORLDS, type World } from "./worlds.ts";

describe.each(Object.keys(WORLDS))("%s", (name) => {
  let world: World;
  beforeAll(async () => {
    world = await (WORLDS[name] as () => Promise<World>)();
  }, 120_000);
  afterAll(async () => world?.close());

  describe("objects", () => objectsContract(() => world.ports.objects));
  describe("records", () => recordsContract(() => world.ports.records));
  describe("sealer", () => sealerContract(() => world.ports.sealer));
  // The laptop's executions belong to its engine, which is held to the same suite there.
  if (name !== "local") describe("workflows", () => workflowsContract(() => world.ports.workflows, "lot"));

  test("a notice may have any text, an empty one and a very long subject too", async () => {
    const notices: Notice[] = [
      { audience: "owner", subject: "Fünf Fehler\nje 1000", text: "Bitte entscheiden" },
      { audience: "vendor", subject: "x".repeat(500), text: "" },
      { audience: "data-team", subject: "", text: "t".repeat(300_000) },
    ];
    for (const notice of notices) expect(await world.ports.notifier.notify(notice)).toBeUndefined();
  });

  test("every request so far is one that AWS's model and the SDK's schemas take", () => {
    if (world.requests === undefined) return expect(name).not.toContain("aws");
    expect([...world.requests.findings]).toEqual([]);
    const services = new Set(Object.keys(world.requests.seen).map((call) => call.split(":")[0]));
    expect([...services].sort()).toEqual(["dynamodb", "kms", "s3", "sns", "states"]);
    expect(Object.keys(world.requests.seen).length).toBeGreaterThanOrEqual(18);
  });

  test("the clock says milliseconds of this century", () => {
    expect(world.ports.clock.now()).toBeGreaterThan(Date.UTC(2025, 0, 1));
    expect(world.ports.clock.now()).toBeLessThan(Date.UTC(2100, 0, 1));
  });
});
