/**
 * `npm run verify:workflow -- [--json] [--photos 120] [--images 2000] [--part campaign|workflow|direct] [--record]`: the synthesized
 * definitions with the bundled functions in an AWS account on loopback (moto, the engine, the job runner). Without a part, all three:
 * a small campaign from the sealed intake to its end; many tiny images through the intake; the same by the stages alone.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { type Account, openAccount } from "./account.ts";
import { runCampaign } from "./campaign.ts";
import { filesIn } from "./files.ts";
import { intakeByStages, intakeByWorkflow } from "./many-images.ts";
import { type Visit, visitsOf } from "./replay.ts";

const MOST_EVENTS = 2000;
const MOST_STATE_BYTES = 32 * 1024;
const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    photos: { type: "string", default: "120" },
    images: { type: "string", default: "2000" },
    part: { type: "string" },
    record: { type: "boolean" },
  },
});
const number = (name: "photos" | "images"): number => {
  const n = Number(values[name]);
  if (Number.isSafeInteger(n) && n >= 20 && n <= 1_000_000) return n;
  throw new Error(`--${name} is "${values[name]}"; expected a whole number from 20 to 1000000`);
};
const wants = (part: string) => values.part === undefined || values.part === part;
if (!["campaign", "workflow", "direct", undefined].includes(values.part))
  throw new Error(`--part is "${values.part}"; expected campaign, workflow or direct`);
const problems: string[] = [];

async function campaign(photos: number) {
  const began = performance.now();
  const files = await filesIn((folder) => drawSample(folder, { count: photos, seed: 5 }));
  const account = await openAccount();
  try {
    const agreement = Campaign.parse({
      name: "parts",
      classes: [...SAMPLE_CLASSES],
      vendors: ["alder", "birch", "cedar"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 })),
      training: { backbone: "descriptor", testShare: 0.25 },
      labelling: { lotSize: 40 },
      // Every step that an agreement can ask for is gone through.
      quality: { latencyMs: 1000 },
      intake: { review: "required" },
      approvals: { mode: "auto" },
    });
    const { outcome, counts } = await runCampaign(account, agreement, files);
    const executions = account.engine.list();
    const events = Math.max(...executions.map(({ executionArn }) => account.engine.history(executionArn).length));
    problems.push(...account.front.findings);
    if (values.record) record(account);
    for (const { executionArn, status, error, cause } of executions)
      if (status !== "SUCCEEDED") problems.push(`${executionArn} ended ${status}: ${error}: ${cause}`);
    return {
      photos,
      outcome,
      admitted: counts.admitted,
      executions: executions.length,
      events,
      resources: account.deployment.deployed,
      functions: Object.keys(account.functions.imports).length,
      invocations: account.functions.invocations.length,
      requests: Object.values(account.front.requests).reduce((sum, n) => sum + n, 0),
      operations: Object.keys(account.front.requests).length,
      failedRequests: account.front.findings.size,
      seconds: Math.round((performance.now() - began) / 1000),
    };
  } finally {
    await account.close();
  }
}

/** What `npm run verify:aws` asks AWS about: the first visit of each state, in the first execution that went through it. */
function record({ engine, deployment }: Account): void {
  const visits = new Map<string, Visit>();
  for (const { executionArn } of engine.list()) {
    const machine = executionArn.split(":")[6] as string;
    for (const visit of visitsOf(machine, engine.history(executionArn)))
      if (!visits.has(`${machine} ${visit.state}`)) visits.set(`${machine} ${visit.state}`, visit);
  }
  const recording = { definitions: deployment.machines, visits: [...visits.values()] };
  writeFileSync(new URL("./replay.json", import.meta.url), `${JSON.stringify(recording)}\n`);
}

const result: Record<string, unknown> = {};
if (wants("campaign")) result.campaign = await campaign(number("photos"));
if (wants("workflow")) {
  const seen = await intakeByWorkflow(number("images"));
  problems.push(...seen.findings, ...seen.troubles);
  if (seen.events >= MOST_EVENTS)
    problems.push(`the cycle's history has ${seen.events} events; below ${MOST_EVENTS} are allowed`);
  if (seen.stateBytes > MOST_STATE_BYTES)
    problems.push(`a state of ${seen.stateBytes} bytes; at most ${MOST_STATE_BYTES} are allowed`);
  result.workflow = seen;
}
if (wants("direct")) result.direct = await intakeByStages(number("images"), memoryPorts());
if (values.part === undefined) {
  const same =
    (result.workflow as { catalogueKey: string }).catalogueKey ===
    (result.direct as { catalogueKey: string }).catalogueKey;
  if (!same) problems.push("the workflow's catalogue is not the one of the stages alone");
  result.sameCatalogue = same;
}
console.log(values.json ? JSON.stringify({ ...result, problems }) : { ...result, problems });
process.exit(problems.length === 0 ? 0 : 1);
