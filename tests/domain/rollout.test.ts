import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { judgeRollout, type Traffic } from "../../domain/gates/rollout.ts";

const policy = { minimumRequests: 5000, errorMargin: 0.02, latencyFactor: 3 };
const served = (requests: number, errors: number, more: Partial<Traffic> = {}): Traffic => ({
  requests,
  errors,
  audited: 0,
  wrong: 0,
  p95Milliseconds: 40,
  ...more,
});

/** Requests come one by one, a tenth to the candidate, and every one is looked at. How many it took to a rollback. */
function watched(seed: string, errorRates: { champion: number; candidate: number }, most: number): number | undefined {
  const draw = chance(seed);
  let [champion, candidate] = [served(0, 0), served(0, 0)];
  for (let i = 1; i <= most; i += 1) {
    const isCandidate = draw.uniform() < 0.1;
    const error = Number(draw.uniform() < errorRates[isCandidate ? "candidate" : "champion"]);
    if (isCandidate) candidate = served(candidate.requests + 1, candidate.errors + error);
    else champion = served(champion.requests + 1, champion.errors + error);
    if (judgeRollout(champion, candidate, policy).decision === "rollback") return i;
  }
  return undefined;
}

test("looking at every request rolls a candidate at the margin back in at most one watch of twenty", () => {
  const rates = { champion: 0.1, candidate: 0.12 };
  const wrong = Array.from({ length: 100 }, (_, i) => watched(`calm-${i}`, rates, 5000)).filter(
    (at) => at !== undefined,
  );
  expect(wrong.length).toBeLessThanOrEqual(5);
});

test("an injected regression is rolled back, the sooner the worse it is", () => {
  const mild = watched("mild", { champion: 0.02, candidate: 0.4 }, 20_000) as number;
  const total = watched("total", { champion: 0.02, candidate: 1 }, 20_000) as number;
  expect(total).toBeLessThan(mild);
  expect(total).toBeLessThan(600);
});

test("nothing is decided below the planned number of requests, however well they go", () => {
  expect(judgeRollout(served(10_000, 0), served(0, 0), policy).decision).toBe("continue");
  expect(judgeRollout(served(10_000, 0), served(24, 24), policy).decision).toBe("continue");
  expect(judgeRollout(served(10_000, 0), served(4999, 0), policy)).toEqual({
    decision: "continue",
    reasons: ["4999 of 5000 requests"],
  });
  expect(judgeRollout(served(10_000, 0), served(5000, 0), policy).decision).toBe("promote");
});

test("more measured errors than the margin allows are not promoted, and slow or wrong answers are rolled back", () => {
  expect(judgeRollout(served(10_000, 0), served(5000, 101), policy).decision).toBe("continue");
  expect(judgeRollout(served(10_000, 0), served(100, 0, { p95Milliseconds: 135 }), policy).decision).toBe("rollback");
  const audited = { audited: 1000, wrong: 30 };
  expect(
    judgeRollout(served(10_000, 0, audited), served(5000, 0, { audited: 1000, wrong: 400 }), policy),
  ).toMatchObject({
    decision: "rollback",
    reasons: ["wrong answers in the audit are 37.0 points above the champion's"],
  });
});
