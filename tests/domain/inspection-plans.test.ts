import { describe, expect, it } from "vitest";
import { correctedDefectRate, type ExpertPair, expertErrorOf } from "../../domain/acceptance/expert-error.ts";
import { limitingQualityPlan } from "../../domain/acceptance/limiting-quality.ts";
import { acceptanceProbability } from "../../domain/acceptance/oc.ts";
import { proposeFromPilot } from "../../domain/acceptance/pilot.ts";
import { stratifiedSample } from "../../domain/acceptance/strata.ts";
import { type Inspected, judgeLot } from "../../domain/acceptance/verdict.ts";
import { samplingPlan } from "../../domain/acceptance/z14.ts";
import { chance } from "../../domain/chance.ts";

const policy = { limitingQuality: 25, consumerRisk: 0.1, aql: 10, producerRisk: 0.1, most: 80 };

describe("an isolated lot's plan", () => {
  it("keeps the consumer's risk exactly, and the producer's where a larger sample is allowed", () => {
    for (const lotSize of [8, 20, 60, 200, 500]) {
      const { n, ac } = limitingQualityPlan(lotSize, policy);
      expect(acceptanceProbability({ n, ac, lotSize }, 0.25), `${lotSize}`).toBeLessThanOrEqual(0.1);
      // One item fewer would pass a bad lot too often: the sample is the least that keeps the promise.
      if (n < lotSize) expect(acceptanceProbability({ n: n - 1, ac, lotSize }, 0.25)).toBeGreaterThan(0.1);
    }
    const large = limitingQualityPlan(200, policy);
    expect(large).toMatchObject({ n: 34, ac: 5, re: 6, letter: "LQ" });
    expect(acceptanceProbability({ n: 34, ac: 5, lotSize: 200 }, 0.1)).toBeGreaterThan(0.9);
    expect(limitingQualityPlan(200, { ...policy, most: 10 }).n).toBeLessThanOrEqual(10);
  });

  it("inspects everything where nothing less will do, and refuses limits that are none", () => {
    expect(limitingQualityPlan(2, { ...policy, limitingQuality: 30 })).toMatchObject({ n: 2, inspectsAll: true });
    expect(() => limitingQualityPlan(100, { ...policy, limitingQuality: 10 })).toThrow("expected 0 <= AQL < limit");
    expect(() => limitingQualityPlan(0, policy)).toThrow("a lot of 0 items");
    expect(() => limitingQualityPlan(9, { ...policy, consumerRisk: 0 })).toThrow("risk 0");
  });
});

describe("the experts' own errors", () => {
  /** Pairs of experts who err independently with rate e among C classes. */
  const pairs = (e: number, classes: number, n: number): ExpertPair[] => {
    const random = chance(`experts ${e}`);
    const say = () => (random.uniform() < e ? `c${1 + random.below(classes - 1)}` : "c0");
    return Array.from({ length: n }, () => [say(), say()]);
  };

  it("are found again from how often two of them differ", () => {
    for (const e of [0.01, 0.05, 0.15]) {
      const found = expertErrorOf(pairs(e, 4, 40_000), 4);
      expect(Math.abs(found.rate - e)).toBeLessThan(0.1 * e + 0.002);
    }
    expect(expertErrorOf([], 4)).toMatchObject({ pairs: 0, rate: 0, agreedWrong: 0 });
    expect(expertErrorOf([[null, "c1"]], 4).pairs).toBe(0);
  });

  it("are taken out of the defect rate: honest work that bad experts call wrong comes out near its true rate", () => {
    const random = chance("corrected");
    const classes = 3;
    const [e, honest] = [0.25, 0.08];
    const expert = () => (random.uniform() < e ? 1 + random.below(classes - 1) : 0);
    let decided = 0;
    let defects = 0;
    for (let i = 0; i < 200_000; i++) {
      const [a, b] = [expert(), expert()];
      const said = random.uniform() < honest ? 1 + random.below(classes - 1) : 0;
      if (a !== b) continue;
      decided++;
      if (said !== a) defects++;
    }
    const { agreedWrong } = expertErrorOf(
      Array.from({ length: 100_000 }, (): ExpertPair => [`${expert()}`, `${expert()}`]),
      classes,
    );
    expect(defects / decided).toBeGreaterThan(0.115);
    const corrected = correctedDefectRate(defects, decided, { agreedWrong }, classes);
    expect(Math.abs(corrected.value - honest)).toBeLessThan(0.006);
    expect(correctedDefectRate(0, 20, { agreedWrong }, classes)).toMatchObject({ value: 0, low: 0 });
  });
});

describe("a pilot", () => {
  const lots = { lotSize: 200, level: "II" as const };
  it("proposes the finest AQL that honest work passes, and the rates of the gold test", () => {
    const proposed = proposeFromPilot({ decided: 400, defects: 20, expertError: { agreedWrong: 0 }, classes: 4 }, lots);
    expect(proposed?.errorRate.value).toBeCloseTo(0.05, 12);
    expect(proposed?.accepts).toBeGreaterThanOrEqual(0.95);
    const finer = samplingPlan(200, "II", 4);
    expect(acceptanceProbability({ n: finer.n, ac: finer.ac, lotSize: 200 }, 0.05)).toBeLessThan(0.95);
    expect(proposed).toMatchObject({ p0: 0.05, aql: 6.5 });
    expect(proposed?.p1).toBeCloseTo(0.2, 12);
  });

  it("says so where no AQL is coarse enough, and nothing at all from a handful of items", () => {
    const half = { decided: 100, defects: 50, expertError: { agreedWrong: 0 }, classes: 4 };
    expect(proposeFromPilot(half, lots)?.aql).toBeNull();
    expect(proposeFromPilot({ ...half, decided: 29, defects: 1 }, lots)).toBeUndefined();
  });
});

describe("a stratified sample", () => {
  const item = (name: string, i: number) => ({ name, i });
  const lot = [...Array.from({ length: 98 }, (_, i) => item("common", i)), item("rare", 98), item("rare", 99)];

  it("shows every class that was said, and weighs it back to its share", () => {
    const drawn = stratifiedSample(lot, ({ name }) => name, 10);
    expect(drawn.filter(({ item: { name } }) => name === "rare")).toEqual([{ item: item("rare", 98), weight: 0.2 }]);
    expect(drawn.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(10, 12);
    expect(drawn).toHaveLength(10);
  });

  it("leaves chance's own draw as it is where nothing is missing, and takes the commonest where places lack", () => {
    expect(stratifiedSample(lot.slice(90), ({ name }) => name, 10).every(({ weight }) => weight === 1)).toBe(true);
    const many = ["a", "b", "c"].flatMap((name, at) => Array.from({ length: 3 - at }, (_, i) => item(name, i)));
    expect(stratifiedSample(many, ({ name }) => name, 2).map(({ item: { name } }) => name)).toEqual(["a", "b"]);
    expect(stratifiedSample([], () => "", 5)).toEqual([]);
  });
});

const rose = { task: "class", label: "rose" } as const;
const inspected = (truth: string, weight = 1): Inspected => ({
  item: "i-1",
  image: "0".repeat(64),
  said: rose,
  truths: [truth, truth],
  weight,
});
const plan = { letter: "D", severity: "normal", aql: 10, lotSize: 50, n: 8, inspectsAll: false, ac: 2, re: 3 } as const;
const right = Array.from({ length: 6 }, () => inspected("rose"));

describe("critical errors", () => {
  const critical = { plan: { ...plan, aql: 1, n: 13, ac: 0, re: 1 }, pairs: [{ truth: "poison", said: "rose" }] };
  it("reject by their own number where all errors together would pass", () => {
    const sample = [...right, inspected("tulip"), inspected("poison")];
    expect(judgeLot({ plan, sample, round: 1, reassigned: 0 }).verdict).toBe("accept");
    const verdict = judgeLot({ plan, sample, round: 1, reassigned: 0, critical });
    expect(verdict.verdict).toBe("rework");
    expect(verdict.because).toEqual(["critical-defects", "first-rejection"]);
    expect(verdict.critical).toEqual({ sampleSize: 13, acceptanceNumber: 0, aql: 1, defects: 1 });
  });

  it("are looked for in the further items of their own plan, which say nothing of all errors", () => {
    const sample = [
      ...right,
      inspected("rose"),
      inspected("rose"),
      ...Array(4).fill(inspected("tulip")),
      inspected("poison"),
    ];
    const verdict = judgeLot({ plan, sample, round: 2, reassigned: 2, critical });
    expect(verdict.defects).toEqual([]);
    expect(verdict.because).toEqual(["critical-defects", "rejected-after-rework", "most-reassignments"]);
  });
});

it("a defect of a class that was sampled densely counts by its share", () => {
  const sample = [...right.slice(1), ...Array(3).fill(inspected("tulip", 0.3))];
  const verdict = judgeLot({ plan, sample, round: 1, reassigned: 0 });
  expect(verdict).toMatchObject({ verdict: "accept", because: ["within-acceptance-number"] });
  expect(verdict.weighedDefects).toBeCloseTo(0.9, 12);
  expect(verdict.defects).toHaveLength(3);
});

it("what was answered of a lot past its deadline is accepted or refused, and never comes back", () => {
  const bad = Array.from({ length: 8 }, () => inspected("tulip"));
  const refused = judgeLot({ plan, sample: bad, round: 1, reassigned: 0, cutShort: true });
  expect(refused).toMatchObject({ verdict: "reject", because: ["too-many-defects", "past-its-deadline"] });
  expect(judgeLot({ plan, sample: right, round: 1, reassigned: 0, cutShort: true }).verdict).toBe("accept");
});

it("the verdict tells the defect rate without the experts' own errors", () => {
  const sample = [...right, inspected("tulip"), inspected("tulip")];
  const { correctedRate } = judgeLot({
    plan,
    sample,
    round: 1,
    reassigned: 0,
    experts: { agreedWrong: 0.1, classes: 3 },
  });
  expect(correctedRate?.value).toBeCloseTo((0.25 - 0.1) / (1 - 0.1 - 0.05), 12);
});
