import { describe, expect, it } from "vitest";
import type { ApprovalView } from "../../schemas/portal.ts";
import { askOwner, client, goLive, MODEL, memberOf, portalWorld } from "./world.ts";

async function waiting() {
  const world = await portalWorld();
  const evidence = await askOwner(world);
  const owner = await memberOf(world, { role: "owner", subject: "olga" });
  const decision = {
    cycle: 1,
    evidenceDigest: evidence.digest,
    modelVersion: MODEL.slice(0, 8),
    decision: "approve",
    reason: "",
  };
  return { world, evidence, owner, decision };
}

describe("the owner's decision", () => {
  it("is a POST that wakes the workflow; reading decides nothing", async () => {
    const { world, owner, decision } = await waiting();
    for (let time = 0; time < 3; time += 1) {
      const view = (await owner.ask("GET", "/api/approve/parts")).body as ApprovalView;
      expect(view.pending).toMatchObject({
        cycle: 1,
        modelVersion: "abababab",
        mayDecide: true,
        release: { firstRelease: true },
      });
      expect((await owner.ask("GET", view.pending?.mistakes[0]?.url ?? "")).status).toBe(200);
    }
    expect(world.ports.tokens.answerOf("ask-owner")).toBeUndefined();
    expect((await owner.ask("POST", "/api/approve/parts", decision)).body).toMatchObject({
      by: "olga",
      how: "person",
      decision: "approve",
    });
    expect(world.ports.tokens.answerOf("ask-owner")).toEqual({ output: { decision: "approve" } });
    expect(((await owner.ask("GET", "/api/approve/parts")).body as ApprovalView).pending).toBeUndefined();
  });

  it("needs the right evidence, the typed version, a reason for a no, and an owner", async () => {
    const { world, owner, decision } = await waiting();
    const team = await memberOf(world, { role: "data-team", subject: "team" });
    const refused: [Record<string, unknown>, string][] = [
      [{ modelVersion: "deadbeef" }, "deadbeef"],
      [{ evidenceDigest: "0".repeat(64) }, "evidence changed"],
      [{ decision: "reject" }, "say why"],
      [{ decision: "maybe" }, "decision"],
      [{ cycle: 2 }, "cycle 2"],
    ];
    for (const [change, word] of refused) {
      const { status, body } = await owner.ask("POST", "/api/approve/parts", { ...decision, ...change });
      expect(status, word).toBe(400);
      expect((body as { message: string }).message).toContain(word);
    }
    expect((await team.ask("POST", "/api/approve/parts", decision)).status).toBe(403);
    expect((await client(world)("POST", "/api/approve/parts", decision)).status).toBe(401);
    expect(world.ports.tokens.answerOf("ask-owner")).toBeUndefined();
  });

  it("needs a session of the last hour", async () => {
    const { world, owner, decision } = await waiting();
    world.ports.advance(3_600_001);
    expect(await owner.ask("POST", "/api/approve/parts", decision)).toMatchObject({
      status: 401,
      body: { error: "stale-session" },
    });
    expect((await owner.ask("GET", "/api/approve/parts")).status).toBe(200);
  });

  it("is not the requester's where the agreement forbids it", async () => {
    const world = await portalWorld({ agreement: { approvals: { excludeRequester: true } } });
    const evidence = await askOwner(world);
    const asker = await memberOf(world, { role: "owner", subject: "asker" });
    expect(((await asker.ask("GET", "/api/approve/parts")).body as ApprovalView).pending?.mayDecide).toBe(false);
    const { status } = await asker.ask("POST", "/api/approve/parts", {
      cycle: 1,
      evidenceDigest: evidence.digest,
      modelVersion: "abababab",
      decision: "approve",
    });
    expect(status).toBe(400);
  });

  it("the predict front answers for the campaign's live model, with limits", async () => {
    const { world } = await waiting();
    const ask = client(world);
    const image = await (await import("./picture.ts")).drawPicture(1, 1, 64);
    const predict = (body: Uint8Array) =>
      world.api.fetch(
        new Request("http://127.0.0.1:4999/predict/parts", {
          method: "POST",
          headers: { "content-type": "image/jpeg" },
          body: Buffer.from(body),
        }),
      );
    expect((await predict(image)).status).toBe(400);
    await goLive(world);
    const answer = await predict(image);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-countersign-model-version")).toBe(MODEL.slice(0, 12));
    expect(await answer.json()).toMatchObject({ label: "ok", width: 64 });
    expect((await predict(new Uint8Array(0))).status).toBe(400);
    expect((await predict(new Uint8Array(4 * 1024 * 1024 + 1))).status).toBe(413);
    expect((await ask("POST", "/predict/none", "x")).status).toBe(400);
    expect((await ask("GET", "/predict/parts")).status).toBe(404);
    const many = await Promise.all(Array.from({ length: 600 }, () => predict(new Uint8Array(0))));
    expect(many.some(({ status }) => status === 429)).toBe(true);
  });
});
