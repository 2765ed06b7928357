/**
 * `npm run deploy -- --env dev` and `npm run destroy -- --env dev`: says what it will do, asks, does it. The account is asked
 * first; data and images come next; CodeBuild in the user's account makes the images; the rest is deployed with their digests.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { awsIn } from "./aws-command.ts";
import { ConfigError, type EnvironmentConfig, readConfig } from "./config.ts";
import { builtImages, IMAGE_NAMES, sourceTag } from "./images.ts";
import { PreflightError, preflight } from "./preflight.ts";
import { bucketsOf, emptyBucket, leftBehind, removeRunTime, stopExecutions } from "./teardown.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RUNNING_PARTS = ["Observability", "Portal", "Pipeline"];

function cdk(...args: string[]): void {
  const { status, error } = spawnSync(join(ROOT, "node_modules", ".bin", "cdk"), args, { cwd: ROOT, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0)
    throw new Error(
      `cdk ${args.slice(0, 3).join(" ")} ended with ${status}; what was done so far stays, run the command again`,
    );
}

async function agreed(question: string, word = "yes"): Promise<boolean> {
  if (process.argv.includes("--yes")) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question} Type ${word} to go on: `);
  terminal.close();
  return answer.trim() === word;
}

const stackName = (config: EnvironmentConfig, name: string) => `Countersign-${config.name}-${name}`;

async function deploy(config: EnvironmentConfig): Promise<void> {
  const aws = awsIn(config.region);
  const { account, problems, notes } = preflight(aws, config);
  for (const note of notes) console.log(`note: ${note}`);
  if (problems.length > 0) throw new PreflightError(problems);
  console.log(
    `Deploys Countersign "${config.name}" to ${config.region} in the account ${account}: five stacks, three images built there (about 20 minutes of CodeBuild, about 0.40 USD), then about 5 USD a month while nothing runs.`,
  );
  if (!(await agreed("This spends money."))) return;
  // Who said yes beforehand is not asked by the CDK either: without a terminal it would refuse.
  const approval = process.argv.includes("--yes") ? "never" : "broadening";
  const common = ["-c", `env=${config.name}`, "--require-approval", approval];
  cdk("deploy", ...["Data", "Images"].map((name) => stackName(config, name)), ...common);
  const digests = await builtImages(aws, config, sourceTag(join(ROOT, "build", "image-source")));
  const parameters = IMAGE_NAMES.flatMap((image) => [
    "--parameters",
    `${stackName(config, "Pipeline")}:${image}Digest=${digests[image]}`,
  ]);
  cdk(
    "deploy",
    ...["Pipeline", "Portal", "Observability"].map((name) => stackName(config, name)),
    ...common,
    ...parameters,
  );
}

async function destroy(config: EnvironmentConfig): Promise<void> {
  if (config.onDestroy === "keep") return takeDownRunningParts(config);
  const aws = awsIn(config.region);
  console.log(
    `Deletes everything of "${config.name}": endpoints, models, workflows, pages, and ALL images, answers, models, records and audit copies. Keys wait 7 days for their end; the records of finished jobs stay in SageMaker's own list.`,
  );
  if (!(await agreed("This can't be undone.", config.name))) return;
  // Workflows first: nothing may be made anew while things are taken down.
  cdk("destroy", stackName(config, "Observability"), "--force", "-c", `env=${config.name}`);
  for (const name of stopExecutions(aws, config)) console.log(`stopped: ${name}`);
  const alone = (name: string) =>
    cdk("destroy", stackName(config, name), "--force", "--exclusively", "-c", `env=${config.name}`);
  const empty = (name: string) => {
    for (const bucket of bucketsOf(aws, stackName(config, name)))
      console.log(`emptied ${bucket}: ${emptyBucket(aws, bucket)} versions`);
  };
  alone("Pipeline");
  for (const what of removeRunTime(aws, config)) console.log(`deleted: ${what}`);
  empty("Portal");
  alone("Portal");
  // S3 writes access logs late: into a bucket that was emptied a moment ago too.
  empty("Data");
  try {
    cdk("destroy", "--all", "--force", "-c", `env=${config.name}`);
  } catch (error) {
    console.log(`${(error as Error).message}; once more, with the access logs that came meanwhile`);
    empty("Data");
    cdk("destroy", "--all", "--force", "-c", `env=${config.name}`);
  }
  const left = leftBehind(aws, config);
  if (left.length > 0) throw new Error(`still there, look why:\n${left.map((arn) => `- ${arn}`).join("\n")}`);
  console.log("Nothing is left.");
}

/** Where data are kept, nothing is deleted unasked: it says what stays, and takes down what runs when told so. */
async function takeDownRunningParts(config: EnvironmentConfig): Promise<void> {
  const kept = "objects, audit copies (locked for seven years), records, keys, images";
  if (!process.argv.includes("--running-parts")) {
    throw new ConfigError(
      `"${config.name}" keeps its data (onDestroy: keep): nothing was deleted. To take down what runs and keep ${kept}: turn termination protection off for ${RUNNING_PARTS.map((name) => stackName(config, name)).join(", ")}, then run this with --running-parts`,
    );
  }
  console.log(`Deletes the workflows, functions, endpoints, portal and alarms of "${config.name}". Kept: ${kept}.`);
  if (!(await agreed("People are locked out, and models stop answering.", config.name))) return;
  for (const name of stopExecutions(awsIn(config.region), config)) console.log(`stopped: ${name}`);
  for (const name of RUNNING_PARTS)
    cdk("destroy", stackName(config, name), "--force", "--exclusively", "-c", `env=${config.name}`);
  for (const what of removeRunTime(awsIn(config.region), config)) console.log(`deleted: ${what}`);
}

const command = process.argv[2];
const at = process.argv.indexOf("--env");
try {
  if (at < 0) throw new ConfigError(`say which environment: npm run ${command} -- --env dev`);
  const config = readConfig(String(process.argv[at + 1]));
  if (!existsSync(join(ROOT, "cdk.json"))) throw new ConfigError("cdk.json is missing: run this in the repository");
  if (command === "deploy") await deploy(config);
  else await destroy(config);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
