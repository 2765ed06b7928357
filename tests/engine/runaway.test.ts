import { expect, test } from "vitest";
import { machine, runOnce } from "./world.ts";

const evaluate = async (expression: string) =>
  (await runOnce(machine({ Run: { Type: "Pass", Output: `{% ${expression} %}`, End: true } }))).described;

test("an expression that loops for ever is stopped with States.QueryEvaluationError", async () => {
  const described = await evaluate("($forever := function($n) { $forever($n + 1) }; $forever(0))");
  expect(described.error).toBe("States.QueryEvaluationError");
  expect(described.cause).toMatch(/takes more than \d+ steps|runs longer than/);
}, 30_000);

test("an expression that recurses without end is stopped by its depth, not by the process's stack", async () => {
  const described = await evaluate("($deep := function($n) { 1 + $deep($n + 1) }; $deep(0))");
  expect(described.error).toBe("States.QueryEvaluationError");
  expect(described.cause).toContain("nests deeper than 1000 levels");
});

test("a regular expression that backtracks without end is stopped within seconds", async () => {
  const before = performance.now();
  const described = await evaluate(`$match("${"a".repeat(60)}!", /^(a+)+$/)`);
  expect(described.error).toBe("States.QueryEvaluationError");
  expect(described.cause).toContain("does not finish within");
  expect(performance.now() - before).toBeLessThan(20_000);
}, 30_000);

test("a range beyond ten million is refused before it is made", async () => {
  expect((await evaluate("[1..20000000]")).cause).toContain("D2014");
  expect((await evaluate("$range(1, 20000000, 1)")).cause).toContain("D2014");
});

test("honest work stays possible: 20,000 items, a recursion of 100, a regular expression with groups", async () => {
  expect((await evaluate("$sum($map([1..20000], function($n) { $n * 2 }))")).output).toBe(400_020_000);
  expect((await evaluate("($sum1 := function($n) { $n = 0 ? 0 : $n + $sum1($n - 1) }; $sum1(100))")).output).toBe(5050);
  expect((await evaluate('$match("lot-2026-11-23 and more text", /(\\d+)-(\\d+)-(\\d+)/).groups')).output).toEqual([
    "2026",
    "11",
    "23",
  ]);
});

test("Step Functions' own functions: partition, range, hash, random, uuid, parse; no eval", async () => {
  expect((await evaluate("$partition([1,2,3,4,5], 2)")).output).toEqual([[1, 2], [3, 4], [5]]);
  expect((await evaluate("$range(0, 10, 5)")).output).toEqual([0, 5, 10]);
  // sha256("abc"), FIPS 180-2 appendix B.1
  expect((await evaluate('$hash("abc", "SHA-256")')).output).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  const draw = (await evaluate("[$random(), $random()]")).output as number[];
  expect(draw.every((value) => value >= 0 && value < 1) && draw[0] !== draw[1]).toBe(true);
  expect((await evaluate("$random(4) = $random(4)")).output).toBe(true);
  expect((await evaluate("$uuid()")).output).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect((await evaluate('$parse("{\\"a\\":[1]}").a')).output).toEqual([1]);
  expect((await evaluate("$now()")).output).toBe("2026-01-01T00:00:00.000Z");
});
