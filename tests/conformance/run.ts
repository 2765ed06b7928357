import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Recording } from "./recording.ts";
import { type Outcome, replay } from "./replay.ts";

/**
 * Runs recordings of AWS Step Functions through the engine and says how closely it followed.
 * `npm run conformance -- --recordings FILE [--json] [--verbose]`
 */
const { values } = parseArgs({
  options: { recordings: { type: "string" }, json: { type: "boolean" }, verbose: { type: "boolean" } },
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
    const level = !outcome.profile
      ? "out of profile"
      : outcome.verdict.exact === true
        ? "exact"
        : outcome.verdict.details
          ? "details"
          : outcome.verdict.types
            ? "types"
            : "differs";
    console.log(`${level.padEnd(14)} ${outcome.id}`);
    for (const line of outcome.profile ? outcome.verdict.differences : [outcome.why])
      console.log(`    ${line.slice(0, 2000)}`);
  }
}
console.log(values.json === true ? JSON.stringify(counts) : counts);
