/**
 * `npm run deploy -- --env dev` and `npm run destroy -- --env dev`: says what it will do, asks, does it. Data and images
 * come first; CodeBuild in the user's account makes the images; the rest is deployed with their digests.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { ConfigError, type EnvironmentConfig, readConfig } from "./config.ts";
import { resourceName } from "./foundation.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const IMAGE_NAMES = ["training", "serving", "admission"] as const;

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0)
    throw new Error(
      `${command} ${args.slice(0, 3).join(" ")} ended with ${status}; what was done so far stays, run the command again`,
    );
}
const cdk = (...args: string[]) => run(join(ROOT, "node_modules", ".bin", "cdk"), args);

/** The AWS command line's answer as JSON. */
function aws(config: EnvironmentConfig, args: string[]): Record<string, unknown> {
  const { status, stdout, stderr, error } = spawnSync("aws", [...args, "--region", config.region, "--output", "json"], {
    encoding: "utf8",
  });
  if (error)
    throw new Error('the "aws" command line is needed to build images; install it and sign in, then run this again');
  if (status !== 0) throw new Error(`aws ${args.slice(0, 2).join(" ")}: ${stderr.trim()}`);
  return JSON.parse(stdout || "{}") as Record<string, unknown>;
}

/** Content digest of what the images are built from: the same sources are built once. */
function sourceTag(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path.slice(folder.length)).update(readFileSync(path));
  return hash.digest("hex").slice(0, 20);
}

function digestOf(config: EnvironmentConfig, image: string, tag: string): string | undefined {
  try {
    const found = aws(config, [
      "ecr",
      "describe-images",
      "--repository-name",
      resourceName(config, image),
      "--image-ids",
      `imageTag=${tag}`,
    ]);
    return (found as { imageDetails: { imageDigest: string }[] }).imageDetails[0]?.imageDigest;
  } catch (error) {
    if (String(error).includes("ImageNotFoundException")) return undefined;
    throw error;
  }
}

async function builtImages(config: EnvironmentConfig): Promise<Record<string, string>> {
  const tag = sourceTag(join(ROOT, "build", "image-source"));
  const digests: Record<string, string> = {};
  for (const image of IMAGE_NAMES) {
    let digest = digestOf(config, image, tag);
    if (digest === undefined) {
      const started = aws(config, [
        "codebuild",
        "start-build",
        "--project-name",
        resourceName(config, image),
        "--environment-variables-override",
        `name=TAG,value=${tag}`,
      ]);
      const { id } = (started as { build: { id: string } }).build;
      console.log(`building ${image}: ${id}`);
      await finished(config, id);
      digest = digestOf(config, image, tag);
    }
    if (digest === undefined)
      throw new Error(
        `the image ${image}:${tag} is not in its repository although its build ended well; look at the build's log`,
      );
    digests[image] = digest;
  }
  return digests;
}

async function finished(config: EnvironmentConfig, id: string): Promise<void> {
  for (let minutes = 0; minutes < 90; minutes += 0.25) {
    const { builds } = aws(config, ["codebuild", "batch-get-builds", "--ids", id]) as {
      builds: { buildStatus: string; logs?: { deepLink?: string } }[];
    };
    const status = builds[0]?.buildStatus;
    if (status === "SUCCEEDED") return;
    if (status !== "IN_PROGRESS")
      throw new Error(`the build ${id} ended as ${status}; its log: ${builds[0]?.logs?.deepLink ?? "in CodeBuild"}`);
    await new Promise((resolve) => setTimeout(resolve, 15_000));
  }
  throw new Error(`the build ${id} takes longer than 90 minutes`);
}

async function agreed(question: string): Promise<boolean> {
  if (process.argv.includes("--yes")) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question} Type yes to go on: `);
  terminal.close();
  return answer.trim() === "yes";
}

async function deploy(config: EnvironmentConfig): Promise<void> {
  console.log(
    `Deploys Countersign "${config.name}" to ${config.region}: five stacks, three images built in your account (about 20 minutes of CodeBuild, about 0.40 USD), then about 4 USD a month while nothing runs.`,
  );
  if (!(await agreed("This spends money."))) return;
  const stacks = (...names: string[]) => names.map((name) => `Countersign-${config.name}-${name}`);
  const common = ["-c", `env=${config.name}`, "--require-approval", "broadening"];
  cdk("deploy", ...stacks("Data", "Images"), ...common);
  const digests = await builtImages(config);
  const parameters = IMAGE_NAMES.flatMap((image) => [
    "--parameters",
    `Countersign-${config.name}-Pipeline:${image}Digest=${digests[image]}`,
  ]);
  cdk("deploy", ...stacks("Pipeline", "Portal", "Observability"), ...common, ...parameters);
}

async function destroy(config: EnvironmentConfig): Promise<void> {
  const keeps = config.onDestroy === "keep";
  console.log(
    keeps
      ? `Deletes the workflows, functions, portal and alarms of "${config.name}". Kept: objects, audit copies, records, keys, images. Stacks are protected: turn termination protection off first.`
      : `Deletes everything of "${config.name}": ALL images, answers, models and records. Keys wait 7 days; audit copies of the last day are locked until it is over.`,
  );
  if (!(await agreed("This can't be undone."))) return;
  if (!keeps)
    for (const bucket of bucketsOf(config))
      run("aws", ["s3", "rm", `s3://${bucket}`, "--recursive", "--region", config.region]);
  cdk("destroy", "--all", "--force", "-c", `env=${config.name}`);
}

/** Buckets of the data stack by their physical names. */
function bucketsOf(config: EnvironmentConfig): string[] {
  const found = aws(config, [
    "cloudformation",
    "list-stack-resources",
    "--stack-name",
    `Countersign-${config.name}-Data`,
  ]);
  const all = (
    found as {
      StackResourceSummaries: { ResourceType: string; PhysicalResourceId: string; LogicalResourceId: string }[];
    }
  ).StackResourceSummaries;
  return all
    .filter((one) => one.ResourceType === "AWS::S3::Bucket" && !one.LogicalResourceId.startsWith("Audit"))
    .map((one) => one.PhysicalResourceId);
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
