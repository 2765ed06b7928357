/**
 * `npm run verify:aws -- --env dev [--part replay|smoke|teardown] [--yes] [--dry-run]`: what only a real account can say. It tells what it
 * will do and what that costs, asks, and does it. Without a part: the replay and the smoke campaign; the teardown is looked at
 * after `npm run destroy`.
 */
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { awsIn } from "../../infra/aws-command.ts";
import { readConfig } from "../../infra/config.ts";

const PARTS = ["replay", "smoke", "teardown"] as const;
const SMOKE_PHOTOS = 120;
const { values } = parseArgs({
  options: {
    env: { type: "string" },
    part: { type: "string" },
    yes: { type: "boolean" },
    "dry-run": { type: "boolean" },
  },
});

const PLANS: Record<(typeof PARTS)[number], string> = {
  replay:
    "replay: asks Step Functions' TestState about every state that a campaign here has passed, tasks mocked: nothing is called, no charge.",
  smoke: `smoke: one campaign of ${SMOKE_PHOTOS} drawn photos in the deployed stacks with simulated people: one to two hours, three jobs, about 2 USD; its endpoint stays, serverless, until it is destroyed.`,
  teardown: "teardown: lists what carries this environment's tags; free. Meant for after `npm run destroy`.",
};

async function run(): Promise<string[]> {
  if (values.env === undefined) throw new Error("say which environment: npm run verify:aws -- --env dev");
  const config = readConfig(values.env);
  const chosen = PARTS.filter((part) => (values.part === undefined ? part !== "teardown" : part === values.part));
  if (chosen.length === 0) throw new Error(`--part is "${values.part}"; choose one of ${PARTS.join(", ")}`);
  if (config.name === "production" && chosen.includes("smoke"))
    throw new Error("no smoke campaign runs in production; choose dev or staging, or --part replay");
  console.log(`In "${config.name}", ${config.region}:\n${chosen.map((part) => `  ${PLANS[part]}`).join("\n")}`);
  if (values["dry-run"]) return [];
  if (!(await agreed(chosen.includes("smoke") ? "This spends money." : "This calls AWS."))) {
    console.log("Nothing was done.");
    return [];
  }
  const problems: string[] = [];
  if (chosen.includes("replay")) problems.push(...(await (await import("./replay.ts")).replayAll(config.region)));
  if (chosen.includes("smoke")) problems.push(...(await (await import("./smoke.ts")).smoke(config, SMOKE_PHOTOS)));
  if (chosen.includes("teardown")) {
    const { leftBehind } = await import("./on-aws.ts");
    problems.push(...leftBehind(awsIn(config.region), config.name).map((arn) => `left behind: ${arn}`));
  }
  return problems;
}

async function agreed(question: string): Promise<boolean> {
  if (values.yes) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await Promise.race([
    terminal.question(`${question} Type yes to go on: `),
    new Promise<string>((resolve) => terminal.once("close", () => resolve(""))),
  ]);
  terminal.close();
  return answer.trim() === "yes";
}

try {
  const problems = await run();
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
