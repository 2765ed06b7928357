import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { alphaOfLook, type Candidacy, judgeCandidate } from "../../domain/gates/judge.ts";
import { wilson } from "../../domain/intervals.ts";
import { lookNumber } from "../../lambdas/store/looks.ts";
import { GatePolicy } from "../../schemas/campaign.ts";
import { Evaluation } from "../../schemas/evaluation.ts";
import { Judgement } from "../../schemas/evidence.ts";

function evaluation(right: number, n: number, more: Partial<Evaluation> = {}): Evaluation {
  return Evaluation.parse({
    schemaVersion: 1,
    classes: ["good", "scratch"],
    n,
    groups: n,
    accuracy: wilson(right, n),
    balancedAccuracy: 0,
    macroF1: 0,
    logLoss: 0,
    brier: 0,
    ece: 0,
    majorityClass: { label: "good", accuracy: 0.8 },
    perClass: [
      {
        label: "good",
        n: Math.max(0, n - 20),
        precision: 1,
        recall: wilson(Math.max(0, n - 20), Math.max(0, n - 20)),
        f1: 1,
      },
      { label: "scratch", n: 20, precision: 1, recall: wilson(18, 20), f1: 1 },
    ],
    confusion: [],
    mistakes: [],
    champion: null,
    modelSha256: "0".repeat(64),
    ...more,
  });
}

function judge(more: Partial<Candidacy>) {
  return Judgement.parse(
    judgeCandidate({
      evaluation: evaluation(190, 200),
      gates: GatePolicy.parse({}),
      quality: { recall: {} },
      residualError: 0,
      hasChampion: false,
      pricePerTestLabelMicros: 390_000,
      ...more,
    }),
  );
}

const against = (difference: { value: number; low: number; high: number }, discordant: number, n = 200) => ({
  hasChampion: true,
  evaluation: evaluation(190, 200, { champion: { difference, discordant, n } }),
});

test("without a floor or a champion the lower bound must beat the commonest class", () => {
  expect(judge({}).outcome).toBe("promote"); // 190 of 200: at least .91, above .80
  expect(judge({ evaluation: evaluation(160, 200) }).outcome).toBe("reject"); // .80 is no better than .80
  expect(judge({ evaluation: evaluation(150, 200) }).outcome).toBe("reject");
});

test("a point estimate that passes while its bound does not asks for more labels and says their price", () => {
  const { outcome, gates } = judge({ evaluation: evaluation(166, 200) }); // .83 [.772, .876] against .80
  expect(outcome).toBe("not-enough-data");
  // By hand: se = (.83 - .772) / 1.96 = .0296, variance .175; (1.96 + .84)^2 = 7.85; .175 x 7.85 / .03^2 - 200 = about 1,330.
  expect(gates[0]?.moreTestLabels).toBeGreaterThan(1150);
  expect(gates[0]?.moreTestLabels).toBeLessThan(1500);
  expect(gates[0]?.priceMicros).toBe((gates[0]?.moreTestLabels ?? 0) * 390_000);
});

test("so many more labels do tell: the gate passes at the promised size", () => {
  const asked = judge({ evaluation: evaluation(166, 200) }).gates[0]?.moreTestLabels ?? 0;
  const n = 200 + asked;
  expect(judge({ evaluation: evaluation(Math.round(0.83 * n), n) }).outcome).toBe("promote");
});

test("the owner's floor is held against the lower bound less the test's own label error", () => {
  const quality = { modelAccuracy: 0.9, recall: {} };
  expect(judge({ quality }).outcome).toBe("promote"); // lower bound .910
  expect(judge({ quality, residualError: 0.02 }).outcome).toBe("not-enough-data"); // .890
  expect(judge({ quality, residualError: 0.06 }).outcome).toBe("reject"); // even the estimate, .89, is below
  // A floor replaces the commonest class as the measure.
  expect(judge({ quality }).gates.map((gate) => gate.name)).toEqual(["accuracy floor"]);
});

test("a candidate within the margin of the champion passes, a worse one is rejected", () => {
  expect(judge(against({ value: 0.01, low: -0.005, high: 0.025 }, 8)).outcome).toBe("promote");
  expect(judge(against({ value: -0.05, low: -0.09, high: -0.01 }, 20)).outcome).toBe("reject");
  expect(judge(against({ value: -0.02, low: -0.05, high: 0.01 }, 20)).outcome).toBe("reject");
  expect(judge(against({ value: 0, low: -0.03, high: 0.03 }, 20)).outcome).toBe("not-enough-data");
});

test("a surely worse candidate is rejected even within the margin", () => {
  expect(judge(against({ value: -0.004, low: -0.007, high: -0.001 }, 8, 5000)).outcome).toBe("reject");
});

test("no image judged differently proves little on few images and enough on many", () => {
  const same = { value: 0, low: 0, high: 0 };
  expect(judge(against(same, 0, 50)).outcome).toBe("not-enough-data"); // 97.5 % bound 7.1 %
  expect(judge(against(same, 0, 1000)).outcome).toBe("promote"); // 0.37 %
});

test("a champion without a comparison is never passed over", () => {
  expect(judge({ hasChampion: true }).outcome).toBe("reject");
});

test("a class below its floor rejects, a class with too few images asks for more of all images", () => {
  expect(judge({ quality: { recall: { scratch: 0.95 } } }).outcome).toBe("reject"); // 18 of 20
  const { outcome, gates } = judge({ quality: { recall: { scratch: 0.8 } } });
  expect(outcome).toBe("not-enough-data");
  // One image in ten is a scratch, so ten images are needed for each further one.
  expect(gates[1]?.moreTestLabels).toBeGreaterThan(500);
  const missing = judge({ quality: { recall: { dent: 0.8 } } });
  expect(missing.gates[1]?.reason).toContain('no image of "dent"');
  expect(missing.outcome).toBe("not-enough-data");
});

test("more planned looks ask for more of each", () => {
  const quality = { modelAccuracy: 0.905, recall: {} };
  expect(judge({ quality }).outcome).toBe("promote");
  expect(judge({ quality, gates: GatePolicy.parse({ looks: 10 }) }).outcome).toBe("not-enough-data");
});

test("each look spends its part of alpha, and looks beyond the plan ever less: together below one and a half alpha", () => {
  const gates = GatePolicy.parse({ looks: 3 });
  expect([1, 2, 3].map((look) => alphaOfLook(gates, look))).toEqual([0.05 / 3, 0.05 / 3, 0.05 / 3]);
  let spent = 0;
  for (let look = 1; look <= 10_000; look++) spent += alphaOfLook(GatePolicy.parse({}), look);
  expect(spent).toBeGreaterThan(0.05);
  expect(spent).toBeLessThan(0.075);
  expect(() => alphaOfLook(gates, 0)).toThrow("look 0");
  // The same measurement promotes at the first look and is not enough at the second unplanned one.
  const quality = { modelAccuracy: 0.905, recall: {} };
  expect(judge({ quality }).look).toEqual({ number: 1, planned: 1, alpha: 0.05 });
  const second = judge({ quality, look: 2 });
  expect(second.outcome).toBe("not-enough-data");
  expect(second.look).toEqual({ number: 2, planned: 1, alpha: 0.05 / 6 });
  expect(second.gates[0]?.moreTestLabels).toBeGreaterThan(0);
});

test("looks are counted per evaluation: the step that runs again finds its own, the next cycle is the next look", async () => {
  const ports = memoryPorts();
  const look = (evaluationKey: string, cycle: number) =>
    lookNumber(ports, "parts", { evaluationKey, cycle, testSha256: "0".repeat(64) });
  expect([await look("a", 1), await look("b", 2), await look("a", 1), await look("c", 2)]).toEqual([1, 2, 1, 3]);
  const together = await Promise.all(["d", "e", "f", "d"].map((key) => look(key, 3)));
  expect([...new Set(together)].sort()).toEqual([4, 5, 6]);
});

test("an empty test set decides nothing", () => {
  expect(judge({ evaluation: evaluation(0, 0, { perClass: [] }) }).outcome).toBe("not-enough-data");
});
