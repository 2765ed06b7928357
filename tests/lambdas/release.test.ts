import { beforeEach, describe, expect, it } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { runStage, type Stage } from "../../lambdas/stage.ts";
import { finishRollout } from "../../lambdas/stages/finish-rollout.ts";
import { prepareRelease } from "../../lambdas/stages/prepare-release.ts";
import { requestApproval } from "../../lambdas/stages/request-approval.ts";
import { watchCandidate } from "../../lambdas/stages/watch-candidate.ts";
import { decide, isApproved, openApproval, pendingApproval } from "../../lambdas/store/approvals.ts";
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { closeCycle, createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import { predict } from "../../lambdas/store/predict.ts";
import { releaseState, updateRelease } from "../../lambdas/store/release.ts";
import { count, traffic } from "../../lambdas/store/traffic.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { evidenceOf } from "../fixtures/evidence.ts";

type World = ReturnType<typeof memoryPorts>;
const MODEL = "a".repeat(64);

function agreement(change: Partial<CampaignInput> = {}): Campaign {
  return Campaign.parse({
    name: "parts",
    classes: ["ok", "crack"],
    vendors: [{ id: "alder", name: "Alder", pricePerAnswer: 0.03 }],
    ...change,
  });
}

async function openedCycle(ports: World, change: Partial<CampaignInput> = {}) {
  await createCampaign(ports, agreement(change), "requester");
  await enqueueIntake(ports, "parts", "intake-1");
  const found = evidenceOf({ modelSha256: MODEL });
  const evidenceKey = objectKeys.evidence("parts", found.digest);
  await writeDocument(ports.objects, evidenceKey, found);
  return { evidenceKey, digest: found.digest };
}

const run = (target: unknown, payload: unknown, ports: World) => runStage(target as Stage, payload, ports);

describe("a campaign's cycles", () => {
  it("start once for an intake, however often it is announced", async () => {
    const ports = memoryPorts();
    await createCampaign(ports, agreement(), "requester");
    const numbers = await Promise.all([1, 2, 3, 4].map(() => enqueueIntake(ports, "parts", "intake-1")));
    expect(numbers).toEqual([1, 1, 1, 1]);
    expect(ports.workflows.started().map(({ name }) => name)).toEqual(["parts-1"]);
  });

  it("queue what arrives while one is open, and start it when that one closes", async () => {
    const ports = memoryPorts();
    await createCampaign(ports, agreement(), "requester");
    await enqueueIntake(ports, "parts", "intake-1");
    expect(await enqueueIntake(ports, "parts", "intake-2")).toBeUndefined();
    expect(await enqueueIntake(ports, "parts", "intake-2")).toBeUndefined();
    await closeCycle(ports, "parts", 1, "live");
    await closeCycle(ports, "parts", 1, "live");
    const { head } = await readCampaign(ports, "parts");
    expect(head).toMatchObject({ cycles: 2, openCycle: 2, queue: [] });
    expect((await readCycle(ports, "parts", 1)).outcome).toBe("live");
    expect(ports.workflows.started().map(({ name }) => name)).toEqual(["parts-1", "parts-2"]);
  });

  it("take the same photos again after a cycle that failed", async () => {
    const ports = memoryPorts();
    await createCampaign(ports, agreement(), "requester");
    await enqueueIntake(ports, "parts", "intake-1");
    await closeCycle(ports, "parts", 1, "failed", { error: "Broken", cause: "a disk was full" });
    expect(await enqueueIntake(ports, "parts", "intake-1")).toBe(2);
    await closeCycle(ports, "parts", 2, "live");
    expect(await enqueueIntake(ports, "parts", "intake-1")).toBe(2);
  });

  it("refuse another agreement under the same name", async () => {
    const ports = memoryPorts();
    await createCampaign(ports, agreement(), "requester");
    await createCampaign(ports, agreement(), "requester");
    await expect(createCampaign(ports, agreement({ seed: 2 }), "requester")).rejects.toThrow(/another agreement/);
  });
});

describe("an approval", () => {
  let ports: World;
  beforeEach(() => {
    ports = memoryPorts();
  });
  const decision = (digest: string, change: Record<string, unknown> = {}) => ({
    campaign: "parts",
    cycle: 1,
    evidenceDigest: digest,
    modelVersion: MODEL.slice(0, 8),
    decision: "approve" as const,
    reason: "",
    by: "owner",
    how: "person" as const,
    ...change,
  });

  it("commits, then sends the token, and a second run of the step answers itself", async () => {
    const { evidenceKey, digest } = await openedCycle(ports);
    ports.tokens.issue("token-1");
    expect(await run(requestApproval, { campaign: "parts", cycle: 1, evidenceKey, token: "token-1" }, ports)).toEqual({
      status: "pending",
    });
    expect((await pendingApproval(ports, "parts"))?.evidence.digest).toBe(digest);
    await decide(ports, decision(digest));
    expect(ports.tokens.answerOf("token-1")).toEqual({ output: { decision: "approve" } });
    ports.tokens.issue("token-2");
    expect(await run(requestApproval, { campaign: "parts", cycle: 1, evidenceKey, token: "token-2" }, ports)).toEqual({
      status: "decided",
    });
    expect(ports.tokens.answerOf("token-2")).toEqual({ output: { decision: "approve" } });
  });

  it("is refused for other evidence, another model version, an empty reason, and twice", async () => {
    const { evidenceKey, digest } = await openedCycle(ports, { approvals: { mode: "ask", count: 2 } });
    await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "t" });
    await expect(decide(ports, decision("0".repeat(64)))).rejects.toThrow(/evidence changed/);
    await expect(decide(ports, decision(digest, { modelVersion: "bbbbbbbb" }))).rejects.toThrow(/not the one shown/);
    await expect(decide(ports, decision(digest, { decision: "reject", reason: " " }))).rejects.toThrow(/say why/);
    await decide(ports, decision(digest));
    await expect(decide(ports, decision(digest))).rejects.toThrow(/decided already/);
  });

  it("needs as many people as the agreement says, and not the requester", async () => {
    const { evidenceKey, digest } = await openedCycle(ports, {
      approvals: { mode: "ask", count: 2, excludeRequester: true },
    });
    ports.tokens.issue("t");
    await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "t" });
    await expect(decide(ports, decision(digest, { by: "requester" }))).rejects.toThrow(/somebody else must/);
    await decide(ports, decision(digest, { by: "owner-1" }));
    expect(ports.tokens.answerOf("t")).toBeUndefined();
    expect(await isApproved(ports, "parts", 1, digest, 2)).toBe(false);
    await decide(ports, decision(digest, { by: "owner-2" }));
    expect(ports.tokens.answerOf("t")).toEqual({ output: { decision: "approve" } });
    expect(await isApproved(ports, "parts", 1, digest, 2)).toBe(true);
  });

  it("by policy is recorded as such, and refused in production", async () => {
    const { evidenceKey, digest } = await openedCycle(ports, { approvals: { mode: "auto" } });
    ports.tokens.issue("t");
    await run(requestApproval, { campaign: "parts", cycle: 1, evidenceKey, token: "t" }, ports);
    expect(ports.tokens.answerOf("t")).toEqual({ output: { decision: "approve" } });
    expect(await isApproved(ports, "parts", 1, digest, 1)).toBe(true);
    const production = memoryPorts({ environment: "production" });
    const there = await openedCycle(production, { approvals: { mode: "auto" } });
    await expect(
      run(requestApproval, { campaign: "parts", cycle: 1, evidenceKey: there.evidenceKey, token: "t" }, production),
    ).rejects.toThrow(/refused in production/);
  });

  it("with a flipped byte releases nothing", async () => {
    const { evidenceKey, digest } = await openedCycle(ports);
    await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "t" });
    await expect(run(prepareRelease, { campaign: "parts", cycle: 1, evidenceKey }, ports)).rejects.toThrow(
      /no 1 valid approval/,
    );
    await decide(ports, decision(digest));
    expect(await run(prepareRelease, { campaign: "parts", cycle: 1, evidenceKey }, ports)).toMatchObject({
      version: "aaaaaaaa",
    });
    const key = recordKeys.approval("parts", 1);
    const stored = await ports.records.get<{ decisions: { by: string }[] }>(key);
    const forged = { ...stored?.body, decisions: stored?.body.decisions.map((d) => ({ ...d, by: "somebody-else" })) };
    await ports.records.put(key, forged, "any");
    await expect(run(prepareRelease, { campaign: "parts", cycle: 1, evidenceKey }, ports)).rejects.toThrow(
      /no 1 valid approval/,
    );
  });

  it("asked for more is put anew in another step, not in the same one run twice", async () => {
    const { evidenceKey, digest } = await openedCycle(ports);
    ports.tokens.issue("t1");
    await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "t1" });
    await decide(ports, decision(digest, { decision: "ask-for-more", reason: "more cracks, please" }));
    expect((await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "t1" })).status).toBe(
      "decided",
    );
    expect((await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "t2" })).status).toBe(
      "pending",
    );
  });
});

describe("the predict front", () => {
  const order = {
    endpointName: "parts-2-new",
    modelName: "m",
    configName: "c",
    modelKey: "k",
    modelSha256: MODEL,
    evidenceDigest: MODEL,
    version: "new",
  };
  const model = (endpoint: string, version: string, cycle: number) => ({
    endpoint,
    version,
    modelKey: "k",
    modelSha256: MODEL,
    evidenceDigest: MODEL,
    cycle,
    since: "2026-01-01T00:00:00.000Z",
  });
  const answer = (label: string, status = 200) => ({
    status,
    body: Buffer.from(JSON.stringify({ label, embedding: [1] })),
  });

  /** Champion and candidate live; the candidate gets half of the requests. */
  async function released(candidateStatus: () => number): Promise<World> {
    const ports = memoryPorts();
    await openedCycle(ports, { release: { candidateShare: 0.5, minimumRequests: 100, captureShare: 0.2 } });
    ports.endpoints.serve("parts-1-old", () => answer("ok"));
    ports.endpoints.serve("parts-2-new", () => answer("crack", candidateStatus()));
    await updateRelease(ports, "parts", (r) => ({
      ...r,
      champion: model("parts-1-old", "old", 1),
      candidate: { ...model("parts-2-new", "new", 1), share: 0.5 },
    }));
    ports.tokens.issue("watch");
    await run(watchCandidate, { campaign: "parts", cycle: 1, release: order, token: "watch" }, ports);
    return ports;
  }
  const ask = (ports: World, text: string) =>
    predict(ports, { campaign: "parts", body: Buffer.from(text), contentType: "image/jpeg" });

  it("says that nothing is live", async () => {
    const ports = memoryPorts();
    await openedCycle(ports);
    await expect(ask(ports, "x")).rejects.toThrow(/no live model/);
  });

  it("splits by the image: the same image always goes the same way, about half go to the candidate", async () => {
    const ports = await released(() => 200);
    const first: string[] = [];
    for (let i = 0; i < 60; i += 1) first.push((await ask(ports, `image ${i}`)).version);
    for (let i = 0; i < 60; i += 1) expect((await ask(ports, `image ${i}`)).version).toBe(first[i]);
    const share = first.filter((version) => version === "new").length / 60;
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.7);
  });

  it("promotes nothing without real requests", async () => {
    const ports = await released(() => 200);
    expect(ports.tokens.answerOf("watch")).toBeUndefined();
    for (let i = 0; i < 60; i += 1) await ask(ports, `image ${i}`);
    expect(ports.tokens.answerOf("watch")).toBeUndefined();
  });

  it("promotes a candidate that real requests show to be no worse", async () => {
    const ports = await released(() => 200);
    for (let i = 0; i < 260; i += 1) await ask(ports, `image ${i}`);
    expect(ports.tokens.answerOf("watch")).toEqual({ output: { decision: "promote" } });
    expect(
      await run(finishRollout, { campaign: "parts", cycle: 1, release: order, decision: "promote" }, ports),
    ).toEqual({ outcome: "promoted", retire: "parts-1-old" });
    // Run again it says the same, and the champion is never the one to be taken down.
    expect(
      await run(finishRollout, { campaign: "parts", cycle: 1, release: order, decision: "promote" }, ports),
    ).toEqual({ outcome: "promoted", retire: "parts-1-old" });
    const state = await releaseState(ports, "parts");
    expect(state.champion?.version).toBe("new");
    expect(state.candidate).toBeUndefined();
    expect(state.history).toHaveLength(1);
  });

  it("rolls back an injected regression, while callers keep getting the champion's answers", async () => {
    const ports = await released(() => 500);
    for (let i = 0; i < 200; i += 1) {
      const got = await ask(ports, `image ${i}`);
      expect(got.status).toBe(200);
      expect(got.version).toBe("old");
    }
    expect(ports.tokens.answerOf("watch")).toEqual({ output: { decision: "rollback" } });
    expect(
      await run(finishRollout, { campaign: "parts", cycle: 1, release: order, decision: "rollback" }, ports),
    ).toEqual({ outcome: "rolled-back", retire: "parts-2-new" });
    expect((await releaseState(ports, "parts")).champion?.version).toBe("old");
  });

  it("lets no old outage of the champion excuse a candidate that fails now", async () => {
    const ports = await released(() => 500);
    // The champion once failed on half of its requests, long before the candidate came.
    await count(ports, "parts", "parts-1-old", { requests: 4000, errors: 2000 }, 0);
    const champion = await traffic(ports, "parts", "parts-1-old");
    await updateRelease(ports, "parts", (r) =>
      r.candidate === undefined
        ? r
        : {
            ...r,
            candidate: {
              ...r.candidate,
              championBefore: { requests: champion.requests, errors: champion.errors },
            },
          },
    );
    for (let i = 0; i < 200; i += 1) await ask(ports, `image ${i}`);
    expect(ports.tokens.answerOf("watch")).toEqual({ output: { decision: "rollback" } });
  });

  it("counts a broken endpoint against it and answers 503 where no other is", async () => {
    const ports = await released(() => 200);
    ports.endpoints.serve("parts-1-old", undefined);
    ports.endpoints.serve("parts-2-new", undefined);
    expect((await ask(ports, "x")).status).toBe(503);
    expect((await traffic(ports, "parts", "parts-1-old")).errors).toBe(1);
  });

  it("keeps a sample of images and answers, without embeddings", async () => {
    const ports = await released(() => 200);
    for (let i = 0; i < 40; i += 1) await ask(ports, `image ${i}`);
    const kept: string[] = [];
    for await (const { key } of ports.objects.list("campaigns/parts/captures")) kept.push(key);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(40);
    const json = kept.find((key) => key.endsWith(".json")) as string;
    const body = JSON.parse(Buffer.from((await ports.objects.get(json))?.bytes ?? []).toString("utf8"));
    expect(body.embedding).toBeUndefined();
    expect(["old", "new"]).toContain(body.version);
  });
});
