/**
 * `npm run cost -- --images 1000000 [--json]`: what a campaign of so many images costs on AWS. Counts come from simulated runs
 * (`npm run cost:count` repeats them), fixed charges from the synthesized templates, prices from a dated list. Spends nothing.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { definitionText, MACHINES } from "../workflow/definition.ts";
import { bill, Counted, type Line, Prices } from "./cost/model.ts";
import { synthesizeInto } from "./synthesize.ts";

const LIMITS = { platformUsd: 80, stepFunctionsUsd: 0.5, lotsUsd: 3, fixedMonthlyUsd: 5 };

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "1000000" },
    env: { type: "string", default: "dev" },
    json: { type: "boolean" },
  },
});
const images = Number(values.images);
if (!Number.isSafeInteger(images) || images < 1 || images > 100_000_000)
  throw new Error(`--images is "${values.images}"; expected a whole number from 1 to 100000000`);
const here = (name: string) => readFileSync(new URL(`./cost/${name}`, import.meta.url), "utf8");
const prices = Prices.parse(parse(here("prices.yaml")));
const counted = Counted.parse(JSON.parse(here("counted.json")));

const work = mkdtempSync(join(tmpdir(), "countersign-cost-"));
process.env.CDK_VALIDATION ??= "false";
const { stacks } = await synthesizeInto(work, values.env).finally(() => rmSync(work, { recursive: true, force: true }));
const { lines, labelsUsd, smallest } = bill(images, counted, prices, stacks);

const sum = (of: (line: Line) => boolean) => lines.filter(of).reduce((total, { usd }) => total + usd, 0);
const cents = (usd: number) => Math.round(usd * 100) / 100;
const isTransition = ({ what }: Line) => what.startsWith("Step Functions");
const result = {
  platformUsd: cents(sum(({ group }) => group !== "fixed")),
  stepFunctionsUsd: Math.round(1000 * sum((line) => isTransition(line) && line.group !== "lots")) / 1000,
  lotsUsd: cents(sum((line) => isTransition(line) && line.group === "lots")),
  fixedMonthlyUsd: cents(sum(({ group }) => group === "fixed")),
  labelsUsd: cents(labelsUsd),
};
const workflow = createHash("sha256")
  .update(MACHINES.map((machine) => definitionText(machine)).join("\n"))
  .digest("hex");
if (values.json) console.log(JSON.stringify(result));
else {
  console.log(
    `${images.toLocaleString("en")} images in ${prices.region}; prices of ${prices.written}, counts of ${counted.countedOn} (${counted.command})`,
  );
  if (workflow !== counted.workflow)
    console.log("The workflow has changed since it was counted: `npm run cost:count` counts again.");
  for (const group of new Set(lines.map((line) => line.group))) {
    console.log(
      `\n${group.padEnd(70)}${cents(sum((line) => line.group === group))
        .toFixed(2)
        .padStart(10)}`,
    );
    for (const { what, count, unit, usd } of lines
      .filter((line) => line.group === group && line.usd >= 0.005)
      .sort((a, b) => b.usd - a.usd))
      console.log(
        `  ${what.padEnd(56)}${Math.round(count).toLocaleString("en").padStart(14)}${usd.toFixed(2).padStart(8)}  ${unit}`,
      );
  }
  console.log("\nAssumed, for no run here can count it:");
  for (const [name, { value, why }] of Object.entries(prices.assumptions)) console.log(`  ${name} ${value}: ${why}`);
  if (smallest !== undefined)
    console.log(
      `The smallest counted run, ${smallest.images} images: ${smallest.byLineUsd.toFixed(3)} USD by the line through the two largest, ${smallest.byCountUsd.toFixed(3)} by its own counts.\n`,
    );
  for (const [name, limit] of Object.entries(LIMITS))
    console.log(`${name}: ${result[name as keyof typeof LIMITS]} (at most ${limit})`);
  console.log(`labelsUsd: ${result.labelsUsd}, paid to people`);
}
if (images <= 1_000_000 && Object.entries(LIMITS).some(([name, limit]) => result[name as keyof typeof LIMITS] > limit))
  process.exitCode = 1;
