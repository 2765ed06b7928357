// Kills a real process at crash point after crash point through whole campaigns and compares the books with a calm run.
// usage: node tests/faults/run.ts [--crashes 300] [--seed 1] [--json]
import { parseArgs } from "node:util";
import { chance } from "../../domain/chance.ts";
import { books, countersign, drawnCampaign, newFolder, records, summaryOf } from "../journey/program.ts";

const { values } = parseArgs({
  options: {
    crashes: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean" },
  },
});
const wanted = Number(values.crashes);
/** A life dies at one of its first so many writes of the engine's log, so that many lives cover a campaign densely. */
const SPAN = 30;

interface Result {
  crashes: number;
  campaigns: number;
  lostAnswers: number;
  changedAnswers: number;
  doublePayments: number;
  lostPayments: number;
  releasesWithoutApproval: number;
  otherDatasets: number;
  notLive: number;
}

const { yaml } = await drawnCampaign({ count: 64 });
const run = (work: string, faults: string[]) =>
  countersign(["run", yaml, "--truth", "folders", "--approve", "auto", "--work", work, "--json", ...faults]).ended;

const calmWork = newFolder("calm");
const calm = summaryOf(await run(calmWork, []));
const calmBooks = books(calmWork);
process.stderr.write(
  `calm run: ${calm.outcome}, ${calmBooks.answers.length} answers, ${calmBooks.payments.length} payments\n`,
);

const result: Result = {
  crashes: 0,
  campaigns: 0,
  lostAnswers: 0,
  changedAnswers: 0,
  doublePayments: 0,
  lostPayments: 0,
  releasesWithoutApproval: 0,
  otherDatasets: 0,
  notLive: 0,
};
const draw = chance(`faults ${values.seed}`);
while (result.crashes < wanted) {
  const work = newFolder("crashed");
  let outcome = "";
  let dataset = "";
  for (;;) {
    const fault = `${draw.below(2) === 0 ? "crash-before" : "crash-after"}@${1 + draw.below(SPAN)}`;
    const ended = await run(work, ["--faults", fault]);
    if (ended.code !== null) {
      const summary = summaryOf(ended);
      outcome = summary.outcome;
      dataset = summary.dataset?.version ?? "";
      break;
    }
    result.crashes += 1;
    if (isReleased(work) && !isApproved(work)) result.releasesWithoutApproval += 1;
    if (result.crashes % 10 === 0) process.stderr.write(`${result.crashes} of ${wanted} crashes\n`);
  }
  result.campaigns += 1;
  const { answers, payments } = books(work);
  const there = new Set(answers);
  const ids = payments.map(({ id }) => id);
  result.lostAnswers += calmBooks.answers.filter((answer) => !there.has(answer)).length;
  result.changedAnswers += answers.length - calmBooks.answers.length;
  result.doublePayments += ids.length - new Set(ids).size;
  result.lostPayments += calmBooks.payments.filter(({ id }) => !ids.includes(id)).length;
  if (dataset !== calm.dataset?.version) result.otherDatasets += 1;
  if (outcome !== calm.outcome) result.notLive += 1;
}
process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
const { crashes: _crashes, campaigns: _campaigns, ...bad } = result;
process.exitCode = Object.values(bad).every((n) => n === 0) ? 0 : 1;

function isReleased(work: string): boolean {
  return records(work).some(
    ({ sk, body }) => sk === "release" && (body as { champion?: unknown }).champion !== undefined,
  );
}

function isApproved(work: string): boolean {
  return records(work).some(
    ({ sk, body }) => sk.startsWith("approval#") && (body as { decision?: string }).decision === "approve",
  );
}
