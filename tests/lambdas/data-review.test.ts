import { beforeEach, describe, expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { runStage, type Stage } from "../../lambdas/stage.ts";
import { openCycle } from "../../lambdas/stages/open-cycle.ts";
import { requestDataReview } from "../../lambdas/stages/request-data-review.ts";
import { createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { decideDataReview, pendingDataReview } from "../../lambdas/store/data-reviews.ts";
import { sealIntake } from "../../lambdas/store/intakes.ts";
import { sweep } from "../../lambdas/sweep.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { excerpt, runMachine } from "../workflow/run-machine.ts";

type World = ReturnType<typeof memoryPorts>;
const agreement = (change: Partial<CampaignInput> = {}) =>
  Campaign.parse({
    name: "parts",
    classes: ["ok", "crack"],
    vendors: [{ id: "alder", name: "Alder", pricePerAnswer: 0.03 }],
    intake: { review: "required", deadlineHours: 48 },
    ...change,
  });
const QUESTION = { campaign: "parts", cycle: 1, catalogueKey: "campaigns/parts/catalogues/c.json" };
const ask = (ports: World, token = "token-1") =>
  runStage(requestDataReview as unknown as Stage, { ...QUESTION, token }, ports);
const say = (ports: World, change: Partial<Parameters<typeof decideDataReview>[1]> = {}) =>
  decideDataReview(ports, { campaign: "parts", decision: "accept", reason: "", by: "tina", how: "person", ...change });

async function world(change: Partial<CampaignInput> = {}, options: Parameters<typeof memoryPorts>[0] = {}) {
  const ports = memoryPorts(options);
  await createCampaign(ports, agreement(change), "requester");
  await enqueueIntake(ports, "parts", "intake-1");
  for (const token of ["token-1", "token-2"]) ports.tokens.issue(token);
  return ports;
}

describe("a cycle that waits for the data team", () => {
  let ports: World;
  beforeEach(async () => {
    ports = await world();
  });

  test("goes on once somebody has accepted the report, which is written down with their name", async () => {
    expect(await ask(ports)).toEqual({ status: "pending" });
    expect((await pendingDataReview(ports, "parts"))?.cycle).toBe(1);
    const answer = await say(ports);
    expect(answer).toMatchObject({ ...QUESTION, decision: "accept", by: "tina", how: "person" });
    expect(ports.tokens.answerOf("token-1")).toEqual({ output: { decision: "accept" } });
    expect(await pendingDataReview(ports, "parts")).toBeUndefined();
    const kept = [];
    for await (const { key } of ports.objects.list("campaigns/parts/data-reviews/")) kept.push(key);
    expect(kept).toHaveLength(1);
  });

  test("is answered once: whoever comes later hears that nothing waits", async () => {
    await ask(ports);
    const both = await Promise.allSettled([
      say(ports),
      say(ports, { decision: "refuse", reason: "blurred", by: "tom" }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(say(ports)).rejects.toThrow('no photos of "parts" wait for the data team');
  });

  test("is not refused without a reason", async () => {
    await ask(ports);
    await expect(say(ports, { decision: "refuse", reason: " " })).rejects.toThrow("say why");
    await say(ports, { decision: "refuse", reason: "not ours" });
    expect(ports.tokens.answerOf("token-1")).toEqual({ output: { decision: "refuse" } });
  });

  test("hears an answer that was given while nobody told it, from the step that runs again and from the sweep", async () => {
    await ask(ports);
    // The answer is kept, and nobody hears it: the process died in between.
    ports.tokens.expire("token-1");
    await say(ports);
    expect(ports.tokens.answerOf("token-1")).toBeUndefined();
    ports.tokens.issue("token-1");
    expect((await sweep(ports)).dataReviews).toBe(1);
    expect(ports.tokens.answerOf("token-1")).toEqual({ output: { decision: "accept" } });
    expect((await sweep(ports)).dataReviews).toBe(0);
    expect(await ask(ports, "token-2")).toEqual({ status: "decided" });
    expect(ports.tokens.answerOf("token-2")).toEqual({ output: { decision: "accept" } });
  });

  test("is accepted by policy where the agreement decides by itself, and never so in production", async () => {
    const automatic = await world({ approvals: { mode: "auto" } });
    expect(await ask(automatic)).toEqual({ status: "decided" });
    expect(automatic.tokens.answerOf("token-1")).toEqual({ output: { decision: "accept" } });
    const production = await world({ approvals: { mode: "auto" } }, { environment: "production" });
    await expect(ask(production)).rejects.toThrow("not accepted by policy in production");
    await ask(ports);
    await expect(say(ports, { by: "policy", how: "policy" })).rejects.toThrow("asks for a person's word");
  });
});

describe("the workflow before the first wave", () => {
  const cycle = { campaign: "parts", cycle: 1 };
  const run = (dataReviewSeconds?: number) => {
    const variables = {
      cycle: { ...cycle, ...(dataReviewSeconds === undefined ? {} : { dataReviewSeconds }) },
      catalogue: { key: "k" },
    };
    const definition = excerpt("campaign", "WhoLooksFirst", variables, ["PlanWave", "CloseCycle", "RecordFailure"]);
    const asked: unknown[] = [];
    const invokeLambda = async (_stage: string, payload: unknown) => asked.push(payload);
    return runMachine(definition, {}, { invokeLambda }).then(({ output }) => ({ output, asked: asked.length }));
  };

  test("asks nobody where the agreement does not ask for it", async () => {
    expect(await run()).toEqual({ output: "PlanWave", asked: 0 });
  });

  test("ends the cycle, and buys nothing, where nobody answers in time", async () => {
    expect(await run(3600)).toEqual({ output: "CloseCycle", asked: 1 });
  });

  test.each([
    ["required", 48 * 3600],
    ["none", undefined],
  ] as const)("opens with the agreement's time: review %s", async (review, seconds) => {
    const ports = memoryPorts();
    await createCampaign(ports, agreement({ intake: { review, deadlineHours: 48 } }), "requester");
    const files = [{ name: "a.png", bytes: 3, read: async () => Buffer.from("abc") }];
    const { intake } = await sealIntake(ports, { campaign: "parts", files: files as never });
    await enqueueIntake(ports, "parts", intake);
    const opened = await runStage(openCycle as unknown as Stage, { campaign: "parts", cycle: 1, intake }, ports);
    expect((opened as { dataReviewSeconds?: number }).dataReviewSeconds).toBe(seconds);
  });
});
