// Kills a real process at crash point after crash point through whole campaigns and compares the books with a calm run.
// usage: node tests/faults/run.ts [--crashes 300] [--seed 1] [--json]
//    or: node tests/faults/run.ts --schedule seed:7:20 [--json]   one campaign under this schedule; one that goes wrong
//        is shrunk to the fewest faults that still do it, printed as --faults reads them.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chance } from "../../domain/chance.ts";
import { type Fault, formatFaults, parseFaults, shrinkFaults } from "../../local/engine/faults.ts";
import { books, countersign, drawnCampaign, newFolder, records, summaryOf } from "../journey/program.ts";

const { values } = parseArgs({
  options: {
    crashes: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    schedule: { type: "string" },
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

const nothing = (): Result => ({
  crashes: 0,
  campaigns: 0,
  lostAnswers: 0,
  changedAnswers: 0,
  doublePayments: 0,
  lostPayments: 0,
  releasesWithoutApproval: 0,
  otherDatasets: 0,
  notLive: 0,
});
const wentWrong = ({ crashes: _crashes, campaigns: _campaigns, ...bad }: Result) =>
  Object.values(bad).some((n) => n !== 0);

/** One campaign from intake to release in as many lives as it takes; adds what it came to. */
async function campaign(result: Result, faultsOfLife: (work: string) => string): Promise<void> {
  const work = newFolder("crashed");
  let outcome = "";
  let dataset = "";
  for (;;) {
    const ended = await run(work, ["--faults", faultsOfLife(work)]);
    if (ended.code !== null) {
      const summary = summaryOf(ended);
      outcome = summary.outcome;
      dataset = summary.dataset?.version ?? "";
      break;
    }
    result.crashes += 1;
    if (isReleased(work) && !isApproved(work)) result.releasesWithoutApproval += 1;
    if (result.crashes % 10 === 0) process.stderr.write(`${result.crashes} crashes\n`);
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

/** A fault of its own for each life. */
async function drawn(): Promise<Result> {
  const result = nothing();
  const draw = chance(`faults ${values.seed}`);
  while (result.crashes < wanted) {
    await campaign(result, (work) => {
      // The same fault may be drawn again: what an earlier life saw of it does not count.
      rmSync(join(work, "faults"), { recursive: true, force: true });
      return `${draw.below(2) === 0 ? "crash-before" : "crash-after"}@${1 + draw.below(SPAN)}`;
    });
  }
  return result;
}

/** One schedule for all lives: each goes on with the faults that are left. */
async function scheduled(faults: readonly Fault[]): Promise<Result> {
  const result = nothing();
  await campaign(result, () => formatFaults(faults));
  return result;
}

const faults = values.schedule === undefined ? undefined : parseFaults(values.schedule);
const result = faults === undefined ? await drawn() : await scheduled(faults);
const bad = wentWrong(result);
const smallest =
  bad && faults !== undefined
    ? await shrinkFaults(faults, async (some) => some.length > 0 && wentWrong(await scheduled(some)))
    : undefined;
const report = {
  ...result,
  ...(faults === undefined ? {} : { schedule: formatFaults(faults) }),
  ...(smallest === undefined ? {} : { smallest: formatFaults(smallest) }),
};
process.stdout.write(`${JSON.stringify(report, undefined, values.json ? undefined : 2)}\n`);
process.exitCode = bad ? 1 : 0;

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
