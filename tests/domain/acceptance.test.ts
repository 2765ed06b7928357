import { expect, test } from "vitest";
import { acceptanceProbability, operatingCharacteristic, qualityAt, risks } from "../../domain/acceptance/oc.ts";
import { type Inspected, judgeLot } from "../../domain/acceptance/verdict.ts";
import {
  AQLS,
  codeLetter,
  type InspectionLevel,
  masterPlan,
  type Severity,
  samplingPlan,
} from "../../domain/acceptance/z14.ts";
import { Verdict } from "../../schemas/lot.ts";
import { sharedText } from "./shared.ts";

type Plans = Record<string, Record<string, [number, number, number]>>;
type Tables = Record<Severity, Plans> & {
  codeLetters: { lotUpper: (number | null)[] } & Record<InspectionLevel, string[]>;
};
const listing = sharedText("oracles/qc_z14_tables.json");
const tables = listing === undefined ? undefined : (JSON.parse(listing) as Tables);

test("plans that everybody knows: J at 1.0 is 80, 2, 3; H at 1.0 is 50, 1, 2; L at 1.0 is 200, 5, 6", () => {
  expect(masterPlan("J", 1, "normal")).toEqual({ letter: "J", n: 80, ac: 2, re: 3 });
  expect(masterPlan("H", 1, "normal")).toEqual({ letter: "H", n: 50, ac: 1, re: 2 });
  expect(masterPlan("L", 1, "normal")).toEqual({ letter: "L", n: 200, ac: 5, re: 6 });
  expect(masterPlan("Q", 0.025, "tightened")).toEqual({ letter: "S", n: 3150, ac: 1, re: 2 });
});

test("200 items at level II and AQL 1.0: letter G leads down to 50, 1, 2", () => {
  expect(samplingPlan(200, "II", 1)).toEqual({
    letter: "H",
    level: "II",
    severity: "normal",
    aql: 1,
    lotSize: 200,
    n: 50,
    inspectsAll: false,
    ac: 1,
    re: 2,
  });
});

test.runIf(tables !== undefined)("all 256 cells of each master table agree with the listing", () => {
  for (const severity of ["normal", "tightened", "reduced"] as const) {
    let cells = 0;
    for (const [aql, row] of Object.entries(tables![severity])) {
      for (const [letter, [n, ac, re]] of Object.entries(row)) {
        expect(masterPlan(letter, Number(aql), severity), `${severity} ${letter} ${aql}`).toMatchObject({ n, ac, re });
        cells++;
      }
    }
    expect(cells).toBe(256);
  }
});

test.runIf(tables !== undefined)("all code letters agree with the listing at both ends of each lot size range", () => {
  const { lotUpper, ...levels } = tables!.codeLetters;
  for (const [level, letters] of Object.entries(levels)) {
    letters.forEach((letter, i) => {
      const upTo = lotUpper[i] ?? 600_000;
      expect(codeLetter(upTo, level as InspectionLevel), `${level} ${upTo}`).toBe(letter);
      expect(codeLetter((lotUpper[i - 1] ?? 0) + 1, level as InspectionLevel)).toBe(letter);
    });
  }
});

test("a lot no larger than the sample is inspected whole", () => {
  const plan = samplingPlan(4, "II", 1);
  expect(plan).toMatchObject({ n: 4, inspectsAll: true });
  for (const aql of AQLS) expect(samplingPlan(1, "I", aql).n).toBe(1);
});

test("lots, limits and letters that the standard lacks are refused", () => {
  expect(() => codeLetter(0, "II")).toThrow("a lot of 0 items");
  expect(() => samplingPlan(100, "II", 3)).toThrow("AQL 3");
  expect(() => masterPlan("I", 1, "normal")).toThrow('code letter "I"');
});

test.each([
  ["J", [0.55, 1.03, 1.385, 3.329, 6.516, 7.661]],
  ["L", [0.9, 1.314, 1.583, 2.83, 4.588, 5.184]],
  ["H", [0.3, 0.715, 1.069, 3.334, 7.558, 9.14]],
])("the OC curve of %s at AQL 1.0 meets the standard's Table X to three decimals", (letter, qualities) => {
  const { n, ac } = masterPlan(letter, 1, "normal");
  [0.99, 0.95, 0.9, 0.5, 0.1, 0.05].forEach((probability, i) => {
    expect(100 * qualityAt({ n, ac }, probability)).toBeCloseTo(qualities[i]!, 2);
    expect(Number((100 * qualityAt({ n, ac }, probability)).toFixed(3))).toBeCloseTo(qualities[i]!, 3);
  });
});

test("a small lot is exact: 2 of 10 bad, 5 drawn, none allowed passes 56 of 252 times", () => {
  expect(acceptanceProbability({ n: 5, ac: 0, lotSize: 10 }, 0.2)).toBeCloseTo(56 / 252, 12);
  expect(acceptanceProbability({ n: 10, ac: 0, lotSize: 10 }, 0.1)).toBe(0);
});

test("the curve falls from 1 to .01, and both risks stand on it", () => {
  const curve = operatingCharacteristic({ n: 80, ac: 2 });
  expect(curve[0]).toEqual({ bad: 0, accepted: 1 });
  expect(curve.at(-1)!.accepted).toBeCloseTo(0.01, 6);
  for (let i = 1; i < curve.length; i++) expect(curve[i]!.accepted).toBeLessThan(curve[i - 1]!.accepted);
  expect(risks({ n: 80, ac: 2 }, 1).passesOneInTen).toBeCloseTo(0.06516, 5);
});

const plan = { letter: "C", severity: "normal", aql: 10, lotSize: 20, n: 5, inspectsAll: false, ac: 1, re: 2 } as const;
const hash = (i: number) => String(i).padStart(64, "0");
const sampled = (said: string | null, ...truths: (string | null)[]): Inspected => ({
  item: `i-${said}`,
  image: hash(1),
  said: said === null ? { task: "cannot-tell", reason: "unclear-image" } : { task: "class", label: said },
  truths,
});
const right = sampled("rose", "rose", "rose");
const wrong = sampled("tulip", "rose", "rose");
const verdict = (sample: Inspected[], more = {}) =>
  Verdict.parse(judgeLot({ plan, sample, round: 1, reassigned: 0, ...more }));

test("one defect is accepted where one is allowed, two send the lot back to its vendor", () => {
  expect(verdict([right, right, right, right, wrong])).toMatchObject({ verdict: "accept", undecided: 0, experts: 2 });
  const rejected = verdict([right, right, right, wrong, wrong]);
  expect(rejected.verdict).toBe("rework");
  expect(rejected.defects).toHaveLength(2);
  expect(rejected.defects[0]).toMatchObject({ truth: "rose", said: { label: "tulip" } });
});

test("a second rejection gives the lot to another vendor, twice at most, then it is refused for good", () => {
  const bad = [wrong, wrong, wrong, wrong, wrong];
  expect(verdict(bad, { round: 2 }).verdict).toBe("reassign");
  expect(verdict(bad, { round: 2, reassigned: 1 }).verdict).toBe("reassign");
  expect(verdict(bad, { round: 2, reassigned: 2 }).verdict).toBe("reject");
  expect(verdict(bad, { round: 2, otherVendors: 0 }).verdict).toBe("reject");
  expect(verdict(bad, { round: 2, reassigned: 2 }).reasons.at(-1)).toContain("refused for good");
});

test("experts who disagree, can't tell or are alone make no defect", () => {
  const disagreed = sampled("tulip", "rose", "daisy");
  const unclear = sampled("tulip", null, null);
  const alone = sampled("tulip", "rose");
  expect(verdict([disagreed, disagreed, unclear, unclear, alone])).toMatchObject({
    verdict: "accept",
    undecided: 5,
    defects: [],
  });
});

test('"cannot tell" where two experts agree on a class is a defect', () => {
  expect(
    verdict([right, right, right, sampled(null, "rose", "rose"), sampled(null, "rose", "rose")]).defects,
  ).toHaveLength(2);
});

test("an inspection that nobody finished counts as accepted, and says so; found defects still reject", () => {
  expect(verdict([])).toMatchObject({ verdict: "accept", experts: 0 });
  expect(verdict([]).reasons.at(-1)).toContain("deemed accepted: 5 of 5");
  expect(verdict([wrong, wrong]).verdict).toBe("rework");
});

test("reduced inspection between Ac and Re accepts and goes back to normal", () => {
  const reduced = { ...plan, severity: "reduced", ac: 1, re: 3 } as const;
  const between = judgeLot({ plan: reduced, sample: [wrong, wrong, right, right, right], round: 1, reassigned: 0 });
  expect(between.verdict).toBe("accept");
  expect(between.reasons.at(-1)).toContain("back to normal");
});
