import { expect, it } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { judgeLot } from "../../domain/acceptance/verdict.ts";
import { samplingPlan } from "../../domain/acceptance/z14.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { expertFindings } from "../../lambdas/store/expert-findings.ts";
import { openReviews, requestReviews, submitReviews } from "../../lambdas/store/reviews.ts";
import { Campaign } from "../../schemas/campaign.ts";

const agreement = Campaign.parse({
  name: "camp",
  classes: ["crack", "ok"],
  vendors: [{ id: "acme", name: "Acme", pricePerAnswer: 0.03 }],
});
const image = "a".repeat(64);

async function asked(...words: (string | undefined)[]): Promise<Ports> {
  const ports = {
    ...memoryPorts({ pageSize: 100 }),
    clock: { now: () => Date.UTC(2026, 0, 5, 8) },
    tokens: { succeed: async () => {}, fail: async () => {}, heartbeat: async () => {} },
  } as unknown as Ports;
  await createCampaign(ports, agreement, "data-team");
  for (const [i, word] of words.entries()) await ask(ports, `batch-${i}`, word);
  return ports;
}
const ask = (ports: Ports, batch: string, word: string | undefined) =>
  requestReviews(ports, {
    campaign: "camp",
    batch,
    kind: "inspection",
    images: [image],
    expected: () => word,
    token: "token",
    agreement,
  });
async function answers(ports: Ports, expert: string, label: string): Promise<number> {
  const open = await openReviews(ports, { campaign: "camp", expert, limit: 10 });
  const given = open.map(({ task }) => ({ task, value: { task: "class" as const, label } }));
  return (await submitReviews(ports, { campaign: "camp", expert, answers: given })).accepted;
}
const finding = async (ports: Ports) => (await expertFindings(ports, "camp", agreement)).get(image);

it("asks no second expert where the first confirms what was said", async () => {
  const ports = await asked("crack");
  expect(await answers(ports, "eve", "crack")).toBe(1);
  expect(await finding(ports)).toMatchObject({ complete: true, truth: "crack" });
  expect(await answers(ports, "finn", "crack")).toBe(0);
});

it("asks a second one where the first says something else, and neither decides alone", async () => {
  const ports = await asked("crack");
  await answers(ports, "eve", "ok");
  expect(await finding(ports)).toMatchObject({ complete: false, truth: undefined });
  expect(await answers(ports, "finn", "ok")).toBe(1);
  expect(await finding(ports)).toMatchObject({ complete: true, truth: "ok" });
});

it("asks two for gold, for which nothing is expected", async () => {
  const ports = await asked(undefined);
  await answers(ports, "eve", "ok");
  expect(await answers(ports, "finn", "ok")).toBe(1);
});

it("asks two where two lots say different things of an image, whichever came first", async () => {
  const together = await asked("crack", "ok");
  await answers(together, "eve", "crack");
  expect(await answers(together, "finn", "crack")).toBe(1);
  const later = await asked("crack");
  await answers(later, "eve", "crack");
  expect((await ask(later, "batch-9", "ok")).open).toBe(1);
  expect(await finding(later)).toMatchObject({ complete: false, truth: undefined });
  expect(await answers(later, "eve", "crack")).toBe(0);
  expect(await answers(later, "finn", "crack")).toBe(1);
  expect(await finding(later)).toMatchObject({ complete: true, truth: "crack" });
});

it("judges a lot as two experts would wherever the first confirms the annotator", () => {
  const plan = samplingPlan(20, "I", 10);
  const sample = Array.from({ length: plan.n }, (_, i) => ({
    item: `i${i}`,
    image: String(i).padStart(64, "0"),
    said: { task: "class" as const, label: i === 0 ? "ok" : "crack" },
  }));
  const withOne = sample.map((one, i) => ({ ...one, truths: i === 0 ? ["crack", "crack"] : ["crack"] }));
  const withTwo = sample.map((one) => ({ ...one, truths: ["crack", "crack"] }));
  const lot = { plan, round: 1, reassigned: 0 };
  const cheap = judgeLot({ ...lot, sample: withOne });
  const dear = judgeLot({ ...lot, sample: withTwo });
  expect(cheap).toEqual(dear);
  expect(cheap.defects.length).toBe(1);
  expect(judgeLot({ ...lot, sample: sample.map((one) => ({ ...one, truths: ["ok"] })) }).undecided).toBe(plan.n - 1);
});
