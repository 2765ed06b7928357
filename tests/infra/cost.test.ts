import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bill, Counted, Prices } from "../../infra/cost/model.ts";

const read = (name: string) => readFileSync(new URL(`../../infra/cost/${name}`, import.meta.url), "utf8");
const prices = Prices.parse(parse(read("prices.yaml")));
const counted = Counted.parse(JSON.parse(read("counted.json")));
/** As much of a template as the bill reads. */
const fn = (name: string, MemorySize: number) => ({
  Type: "AWS::Lambda::Function",
  Properties: { FunctionName: `countersign-dev-${name}`, MemorySize },
});
const parts = [...new Set(counted.runs.flatMap((run) => Object.keys(run.parts)))];
const stages = parts.filter((part) => !part.startsWith("portal"));
const resources = {
  ...Object.fromEntries(stages.map((part) => [part, fn(part, part === "admit-images" ? 3538 : 1024)])),
  portal: fn("portal-people", 1024),
  key: { Type: "AWS::KMS::Key", Properties: {} },
  rule: { Type: "AWS::Events::Rule", Properties: { ScheduleExpression: "rate(1 hour)" } },
};
const stacks = { Pipeline: { Resources: resources } };
const total = (lines: readonly { usd: number }[]) => lines.reduce((sum, { usd }) => sum + usd, 0);

describe("the bill", () => {
  test("every price that is used has its page, and every line its count", () => {
    const { lines } = bill(1_000_000, counted, prices, stacks);
    expect(lines.length).toBeGreaterThan(50);
    for (const { count, usd, unit } of lines) {
      expect(count).toBeGreaterThanOrEqual(0);
      expect(usd).toBeGreaterThan(0);
      expect(unit).not.toBe("");
    }
  });

  test("ten times the images cost about ten times as much, fixed charges apart", () => {
    // What the month gives for free is no share of the whole.
    const grows = ({ group, what }: { group: string; what: string }) =>
      !["fixed", "jobs", "watching"].includes(group) && !what.startsWith("CloudFront");
    const cost = (images: number) => total(bill(images, counted, prices, stacks).lines.filter(grows));
    expect(cost(10_000_000) / cost(1_000_000)).toBeGreaterThan(9);
    expect(cost(10_000_000) / cost(1_000_000)).toBeLessThan(10.5);
  });

  test("at a counted size the line gives what was counted", () => {
    const large = [...counted.runs].sort((a, b) => b.images - a.images)[0] as (typeof counted.runs)[number];
    const { lines, labelsUsd } = bill(large.images, counted, prices, stacks);
    expect(labelsUsd).toBeCloseTo(large.labelsUsd, 6);
    expect(lines.find(({ what }) => what === "HTTP API")?.count).toBe(large.portal.requests);
    expect(lines.find(({ what }) => what === "Step Functions, lot")?.count).toBe(large.transitions.lot);
  });

  test("an hour's schedule and a key are charged while nobody works", () => {
    const fixed = bill(1000, counted, prices, stacks).lines.filter(({ group }) => group === "fixed");
    expect(fixed.find(({ what }) => what === "keys")?.usd).toBe(1);
    expect(fixed.find(({ what }) => what === "scheduled runs")?.count).toBe(730);
  });
});
