/** A person goes back: by the product's own stages and the release's workflow file. */
import { describe, expect, test } from "vitest";
import { createApi } from "../../lambdas/api/app.ts";
import { updateCycle } from "../../lambdas/store/campaigns.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import { releaseState, updateRelease } from "../../lambdas/store/release.ts";
import { rollBack } from "../../lambdas/store/rollback.ts";
import { approved, champion, release } from "./release-world.ts";

const WHY = { by: "olga", reason: "it calls cracks stains" };
const live = (version: string, cycle: number, outcome: "live" | "promoted" = "promoted") => ({
  version,
  cycle,
  outcome,
  reason: "r",
  at: "2026-01-01T00:00:00.000Z",
});

/** Version bbbbbbbb of cycle 1 was live, and newnewne took over. */
async function afterPromotion() {
  const world = await approved();
  await updateCycle(world.ports, "parts", 1, (record) => ({
    ...record,
    refs: { ...record.refs, evidence: world.evidenceKey },
  }));
  await world.before({ ...champion("parts-2-newnewne", "newnewne"), cycle: 2 });
  const history = [live("bbbbbbbb", 1, "live"), live("newnewne", 2)];
  await updateRelease(world.ports, "parts", (record) => ({ ...record, history }));
  return world;
}

describe("the champion", () => {
  test("gives way to the release before it, under names of its own, and its endpoint is taken down", async () => {
    const world = await afterPromotion();
    const told = await rollBack(world.ports, "parts", WHY);
    expect(told).toEqual({
      campaign: "parts",
      kind: "back",
      from: "newnewne",
      to: "bbbbbbbb",
      execution: "parts-1-back-1",
    });
    const input = { campaign: "parts", cycle: 1, evidenceKey: world.evidenceKey };
    expect(world.ports.workflows.started()).toMatchObject([{ machine: "release", name: "parts-1-back-1", input }]);
    const { output, record, calls } = await release(world, { watched: true });
    expect(output).toMatchObject({ outcome: "promoted" });
    expect(record.champion).toMatchObject({ version: "bbbbbbbb", endpoint: "parts-1-bbbbbbbb-b1" });
    expect([record.order, record.candidate]).toEqual([undefined, undefined]);
    const taken = calls.filter(({ action }) => action === "deleteEndpoint").map(({ request }) => request.EndpointName);
    expect(taken).toEqual(["parts-2-newnewne"]);
    expect(record.history.slice(-2)).toMatchObject([
      { version: "newnewne", outcome: "rolled-back", reason: "olga: it calls cracks stains" },
      { version: "bbbbbbbb", outcome: "promoted", reason: "olga went back to it: it calls cracks stains" },
    ]);
    // Nobody comes back to what was left; only by its name.
    await expect(rollBack(world.ports, "parts", WHY)).rejects.toThrow(/no release of "parts" was live before/);
    await expect(rollBack(world.ports, "parts", { ...WHY, to: "newnewne" })).rejects.toThrow();
  });

  test("asked for twice goes back once; after an execution that broke, the next has another name", async () => {
    const world = await afterPromotion();
    const [one, two] = [await rollBack(world.ports, "parts", WHY), await rollBack(world.ports, "parts", WHY)];
    expect(two.execution).toBe(one.execution);
    expect(world.ports.workflows.started()).toHaveLength(1);
    const { record } = await release(world, { smoke: 500 });
    // The endpoint did not answer: the champion stays, and the order is over.
    expect(record.champion?.version).toBe("newnewne");
    expect(record.order).toBeUndefined();
    expect((await rollBack(world.ports, "parts", WHY)).execution).toBe("parts-1-back-2");
  });

  test("stays where there is nothing to go back to, nobody is named, or the version was never live", async () => {
    const world = await approved();
    await expect(rollBack(world.ports, "parts", WHY)).rejects.toThrow(/has no live model/);
    await world.before(champion("parts-1-a"));
    await expect(rollBack(world.ports, "parts", WHY)).rejects.toThrow(/released so far: none/);
    await expect(rollBack(world.ports, "parts", { ...WHY, to: "ffffffff" })).rejects.toThrow(/was never live/);
    await expect(rollBack(world.ports, "parts", { by: " ", reason: "x" })).rejects.toThrow(
      /say who decides it and why/,
    );
    expect(world.ports.workflows.started()).toEqual([]);
    expect(await releaseState(world.ports, "parts")).toMatchObject({ champion: { endpoint: "parts-1-a" } });
  });
});

test("a candidate under watch is withdrawn, and the champion answers alone", async () => {
  const world = await approved();
  await world.before(champion("parts-1-old"));
  const ran = release(world, {
    watched: true,
    through: (stage, _payload, given) =>
      // Between its smoke request and the watch a person has seen enough.
      stage === "begin-rollout" ? rollBack(world.ports, "parts", WHY).then(() => given) : given,
  });
  const { output, record } = await ran;
  expect(output).toMatchObject({ outcome: "rolled-back" });
  expect(record.champion?.endpoint).toBe("parts-1-old");
  expect([record.candidate, record.order]).toEqual([undefined, undefined]);
  expect(record.history.at(-1)).toMatchObject({
    version: "bbbbbbbb",
    reason: "olga withdrew it: it calls cracks stains",
  });
});

test("the pages' API takes it from owner and data team only, by POST, with the person's own name", async () => {
  const world = await afterPromotion();
  const api = createApi({ ports: world.ports, publicFiles: async () => undefined, origin: () => "http://127.0.0.1" });
  const as = async (role: "owner" | "expert", method = "POST") => {
    const secret = await invite(world.ports, { campaign: "parts", role, subject: "olga", ttlSeconds: 60 });
    const { session } = await openSession(world.ports, secret);
    const body = method === "GET" ? {} : { body: JSON.stringify({ reason: "it drifts" }) };
    const headers = { authorization: `Bearer ${session}`, "content-type": "application/json" };
    return api.fetch(new Request("http://127.0.0.1/api/campaigns/parts/rollbacks", { method, headers, ...body }));
  };
  expect((await as("expert")).status).toBe(403);
  expect((await as("owner", "GET")).status).toBe(404);
  expect((await releaseState(world.ports, "parts")).order).toBeUndefined();
  const answer = await as("owner");
  expect([answer.status, await answer.json()]).toMatchObject([200, { kind: "back", to: "bbbbbbbb" }]);
  expect((await releaseState(world.ports, "parts")).order).toMatchObject({ by: "olga", reason: "it drifts" });
});
