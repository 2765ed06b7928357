/**
 * `npm run verify [-- --json] [--static]`: everything that can be known without an account, by the tools of the field and our
 * own. Tools that Python brings (cfn-lint, checkov) are found in .venv or build/aws-venv; a missing one is said and counts as
 * failed. Last, a campaign runs in the account on loopback (`npm run verify:workflow`), where every request that travels is
 * checked; `--static` leaves that out, and its requests are not counted.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import validate from "asl-validator";
import { Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { stages } from "../lambdas/main.ts";
import { closedWorldFindings } from "../workflow/checks/closed-world.ts";
import { lintDefinition } from "../workflow/checks/definition-lint.ts";
import { houseFindings } from "../workflow/checks/house-rules.ts";
import { requestFindings, requestsOf } from "../workflow/checks/requests.ts";
import { definitionText, MACHINES } from "../workflow/definition.ts";
import { ACKNOWLEDGED, acknowledgedBy } from "./checks/acknowledged.ts";
import { askMatrix } from "./checks/iam-matrix.ts";
import type { Json, Stacks } from "./checks/resolve.ts";
import { sdkFindings } from "./checks/sdk-schemas.ts";
import { serviceModels } from "./checks/service-models.ts";
import { templateFindings } from "./checks/template-rules.ts";
import { synthesizeInto } from "./synthesize.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const json = process.argv.includes("--json");
const say = (line: string) => (json ? undefined : console.log(line));

interface Finding {
  tool: "nag" | "cfn-lint" | "checkov";
  rule: string;
  where: string;
  message: string;
}

/** Synthesizes, with the nag packs where asked for; CPU seconds are this process's and esbuild's share of it. */
async function synthesize(
  out: string,
  nag: boolean,
): Promise<{ stacks: Stacks; access: Record<string, Json>; cpuSeconds: number; functions: number }> {
  const before = process.cpuUsage();
  const { stacks, bundle } = await synthesizeInto(out, "dev", (app) => {
    if (nag) Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  });
  const { user, system } = process.cpuUsage(before);
  return {
    stacks,
    access: Object.fromEntries(bundle.map((one) => [one.name, one.access])),
    cpuSeconds: (user + system) / 1e6,
    functions: bundle.length,
  };
}

function nagFindings(out: string): Finding[] {
  const report = JSON.parse(readFileSync(join(out, "cdk", "validation-report.json"), "utf8")) as Json;
  return (report.pluginReports as Json[]).flatMap((plugin) =>
    (plugin.violations ?? []).flatMap((violation: Json) =>
      (violation.violatingConstructs ?? violation.violatingResources ?? [{}]).map((one: Json) => ({
        tool: "nag" as const,
        rule: String(violation.ruleName ?? violation.rule),
        where: String(one.constructPath ?? one.resourceLogicalId ?? one.constructStack?.path ?? ""),
        message: String(violation.description ?? ""),
      })),
    ),
  );
}

function python(tool: string): string | undefined {
  return [".venv", "build/aws-venv"].map((venv) => join(ROOT, venv, "bin", tool)).find((path) => existsSync(path));
}

function cfnLintFindings(out: string): Finding[] | undefined {
  const tool = python("cfn-lint");
  if (tool === undefined) return undefined;
  const { stdout } = spawnSync(tool, ["--format", "json", "--non-zero-exit-code", "none", ...templatesIn(out)], {
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  return (JSON.parse(stdout || "[]") as Json[]).map((one) => ({
    tool: "cfn-lint",
    rule: one.Rule.Id,
    where: (one.Location?.Path?.Path ?? []).join("/"),
    message: one.Message,
  }));
}

function checkovFindings(out: string): Finding[] | undefined {
  const tool = python("checkov");
  if (tool === undefined) return undefined;
  const { stdout } = spawnSync(
    tool,
    [
      "--framework",
      "cloudformation",
      "--compact",
      "--quiet",
      "--soft-fail",
      "-o",
      "json",
      ...templatesIn(out).flatMap((file) => ["-f", file]),
    ],
    { encoding: "utf8", maxBuffer: 1e8 },
  );
  const reports = [JSON.parse(stdout || "[]") as Json].flat();
  return reports.flatMap((report) =>
    (report.results?.failed_checks ?? []).map((one: Json) => ({
      tool: "checkov" as const,
      rule: one.check_id,
      where: one.resource,
      message: one.check_name,
    })),
  );
}

const templatesIn = (out: string) =>
  readdirSync(join(out, "cdk"))
    .filter((file) => file.endsWith(".template.json"))
    .map((file) => join(out, "cdk", file));

/**
 * sha256 over what would be deployed: the templates, and the asset manifests, which name every asset by its content. Metadata beside
 * them holds source positions, and the CDK stages an unchanged asset once per process.
 */
function digestOfFolder(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && /\.(?:template|assets)\.json$/.test(entry.name),
  );
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path.slice(folder.length)).update(readFileSync(path));
  return hash.digest("hex");
}

/** What a campaign in the loopback account asked of AWS; undefined where it was left out. */
function travelled(): { checked: number; problems: string[] } | undefined {
  if (process.argv.includes("--static")) return undefined;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["tests/account/run.ts", "--part", "campaign", "--photos", "60", "--json"],
    { cwd: ROOT, encoding: "utf8", maxBuffer: 1e8, env: { ...process.env, CDK_VALIDATION: "false" } },
  );
  const line = stdout.trim().split("\n").at(-1) ?? "";
  if (!line.startsWith("{"))
    return { checked: 0, problems: [`the campaign on loopback did not run: ${stderr.slice(-600)}`] };
  const { campaign, problems } = JSON.parse(line) as { campaign: { requests: number }; problems: string[] };
  return { checked: campaign.requests, problems };
}

const work = mkdtempSync(join(tmpdir(), "countersign-verify-"));
try {
  const first = join(work, "a");
  const { stacks, access, cpuSeconds, functions } = await synthesize(first, false);
  const once = digestOfFolder(join(first, "cdk"));
  rmSync(first, { recursive: true });
  await synthesize(first, false);
  const byteIdentical = once === digestOfFolder(join(first, "cdk"));
  say(`synth: ${cpuSeconds.toFixed(1)} CPU s, twice the same: ${byteIdentical}`);
  const third = join(work, "n");
  await synthesize(third, true).catch(() => undefined);
  const tools = { nag: nagFindings(third), cfnLint: cfnLintFindings(first), checkov: checkovFindings(first) };
  const open = (found: Finding[] | undefined) => found?.filter((one) => acknowledgedBy(one) === undefined);
  for (const [name, found] of Object.entries(tools)) {
    const left = open(found);
    say(
      `${name}: ${found === undefined ? "is not installed; npm run verify:tools" : `${left?.length} findings, ${found.length - (left?.length ?? 0)} acknowledged`}`,
    );
    for (const one of left ?? []) say(`  ${one.rule} ${one.where}: ${one.message}`);
  }
  const definitions = MACHINES.map((machine) => ({ machine, definition: JSON.parse(definitionText(machine)) as Json }));
  const aslFindings = definitions.flatMap(({ machine, definition }) => {
    const seen = validate(definition as never, { checkArn: false });
    return [
      ...(seen.isValid ? [] : [seen.errorsText()]),
      ...lintDefinition(machine, definition).map((one) => `${one.path} ${one.message}`),
      ...houseFindings(machine, definition),
      ...closedWorldFindings(definition, Object.keys(stages)),
    ].map((line) => `${machine}: ${line}`);
  });
  const asked = definitions.map(({ definition }) => {
    const { checked, failed } = requestFindings(definition, serviceModels());
    const bySdk = requestsOf(definition).flatMap(({ state, service, operation, input }) =>
      sdkFindings(service, operation, input).map((finding) => `${state}: ${finding}`),
    );
    return { checked, failed: [...failed, ...bySdk] };
  });
  const running = travelled();
  say(
    running === undefined
      ? "requests of running code: left out"
      : `a campaign on loopback: ${running.checked} requests`,
  );
  const template = templateFindings(stacks, access);
  const matrix = askMatrix(stacks, access);
  for (const line of [
    ...aslFindings,
    ...asked.flatMap(({ failed }) => failed),
    ...(running?.problems ?? []),
    ...template,
    ...matrix.allow.wrong,
    ...matrix.deny.wrong,
  ])
    say(`  ${line}`);
  const result = {
    nag: open(tools.nag)?.length ?? null,
    cfnLint: open(tools.cfnLint)?.length ?? null,
    checkov: open(tools.checkov)?.length ?? null,
    asl: aslFindings.length,
    requests: {
      checked: asked.reduce((sum, { checked }) => sum + checked, running?.checked ?? 0),
      failed: asked.reduce((sum, { failed }) => sum + failed.length, running?.problems.length ?? 0),
    },
    template: template.length,
    acknowledged: ACKNOWLEDGED.length,
    iamAllow: { rows: matrix.allow.rows, wrong: matrix.allow.wrong.length },
    iamDeny: { rows: matrix.deny.rows, wrong: matrix.deny.wrong.length },
    synthCpuSeconds: Number(cpuSeconds.toFixed(1)),
    functions,
    resources: Object.fromEntries(
      Object.entries(stacks).map(([name, stack]) => [name, Object.keys(stack.Resources).length]),
    ),
    byteIdentical,
  };
  console.log(json ? JSON.stringify(result) : result);
  const clean = [
    result.nag,
    result.cfnLint,
    result.checkov,
    result.asl,
    result.requests.failed,
    result.template,
    result.iamAllow.wrong,
    result.iamDeny.wrong,
  ].every((n) => n === 0);
  process.exitCode = clean && byteIdentical && ACKNOWLEDGED.length <= 25 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
