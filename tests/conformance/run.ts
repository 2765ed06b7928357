import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { LEVELS, type Level, levelOf } from "./level.ts";
import type { Recording } from "./recording.ts";
import { type Outcome, replay } from "./replay.ts";

/**
 * Runs recordings of AWS Step Functions through the engine and says how closely it followed. Exits 1 when a recording
 * that the committed score knows comes out worse than it did.
 * `npm run conformance -- --recordings FILE [--json] [--verbose] [--accept]`; `--accept` rewrites the score.
 */
const { values } = parseArgs({
  options: {
    recordings: { type: "string" },
    json: { type: "boolean" },
    verbose: { type: "boolean" },
    accept: { type: "boolean" },
  },
});
if (values.recordings === undefined) {
  console.error("conformance: --recordings is missing; give a JSON file of recordings.");
  process.exit(2);
}
const recordings = JSON.parse(readFileSync(values.recordings, "utf8")) as Recording[];
const outcomes: Outcome[] = [];
for (const recording of recordings) outcomes.push(await replay(recording));
const counts = { scenarios: outcomes.length, inProfile: 0, types: 0, details: 0, exactEligible: 0, exact: 0 };
for (const outcome of outcomes) {
  if (!outcome.profile) continue;
  counts.inProfile++;
  if (outcome.verdict.types) counts.types++;
  if (outcome.verdict.details) counts.details++;
  if (outcome.verdict.exact !== undefined) counts.exactEligible++;
  if (outcome.verdict.exact === true) counts.exact++;
}
if (values.json !== true || values.verbose === true) {
  for (const outcome of outcomes) {
    console.log(`${levelOf(outcome).padEnd(14)} ${outcome.id}`);
    for (const line of outcome.profile ? outcome.verdict.differences : [outcome.why])
      console.log(`    ${line.slice(0, 2000)}`);
  }
}
console.log(values.json === true ? JSON.stringify(counts) : counts);
const scorePath = new URL("score.json", import.meta.url);
const score = existsSync(scorePath) ? (JSON.parse(readFileSync(scorePath, "utf8")) as Record<string, Level>) : {};
const worse = outcomes.filter((outcome) => {
  const before = score[outcome.id];
  return before !== undefined && LEVELS.indexOf(levelOf(outcome)) < LEVELS.indexOf(before);
});
if (values.accept === true) {
  for (const outcome of outcomes) score[outcome.id] = levelOf(outcome);
  writeFileSync(scorePath, `${JSON.stringify(Object.fromEntries(Object.entries(score).sort()), null, 2)}\n`);
} else if (worse.length > 0) {
  for (const outcome of worse)
    console.error(`worse than the committed score: ${outcome.id} was ${score[outcome.id]}, is ${levelOf(outcome)}`);
  process.exit(1);
}
