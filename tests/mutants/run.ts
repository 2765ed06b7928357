/**
 * `npm run mutants [-- --json] [--kind definition]`: plants each fault alone and asks every check. A fault is killed when a
 * check says something that it does not say of the untouched product. No file is changed: handler faults are planted by a
 * transform while their tests load.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readConfig } from "../../infra/config.ts";
import { definitionText, MACHINES } from "../../workflow/definition.ts";
import { definitionChecks, templateChecks } from "./checks.ts";
import type { ConfigFault, DefinitionFault, Fault, HandlerFault, Json, TemplateFault } from "./fault.ts";
import { faults } from "./faults.ts";
import { functionAccess, synthesized } from "./synthesized.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const args = process.argv.slice(2);
const json = args.includes("--json");
/** The suite that ought to catch a fault, such as `infra`. */
const expected = args.includes("--expect") ? args[args.indexOf("--expect") + 1] : undefined;
const kind = args.includes("--kind") ? args[args.indexOf("--kind") + 1] : undefined;

interface Verdict {
  fault: Fault;
  killedBy: string[];
}
/** What a check says; an exception is a finding too. */
function say(check: () => string[]): string[] {
  try {
    return check();
  } catch (error) {
    return [`${(error as Error).name}: ${(error as Error).message}`];
  }
}
function same(before: unknown, after: unknown, name: string): void {
  if (JSON.stringify(before) === JSON.stringify(after)) throw new Error(`the fault "${name}" changes nothing`);
}

function definitionVerdicts(all: DefinitionFault[]): Verdict[] {
  const clean = new Map(
    MACHINES.map((machine) => {
      const definition = JSON.parse(definitionText(machine)) as Json;
      return [
        machine,
        new Map(definitionChecks.map((check) => [check.name, new Set(say(() => check.run(machine, definition)))])),
      ];
    }),
  );
  return all.map((fault) => {
    const before = JSON.parse(definitionText(fault.machine)) as Json;
    const after = structuredClone(before);
    fault.edit(after.States, after);
    same(before, after, fault.name);
    const killedBy = definitionChecks.filter((check) =>
      say(() => check.run(fault.machine, after)).some((line) => !clean.get(fault.machine)?.get(check.name)?.has(line)),
    );
    return { fault, killedBy: killedBy.map((check) => check.name) };
  });
}

async function templateVerdicts(all: TemplateFault[]): Promise<Verdict[]> {
  if (all.length === 0) return [];
  const stacks = await synthesized("dev");
  const access = await functionAccess();
  const clean = new Map(templateChecks.map((check) => [check.name, new Set(say(() => check.run(stacks, access)))]));
  return all.map((fault) => {
    const after = structuredClone(stacks);
    fault.edit(after);
    same(stacks, after, fault.name);
    const killedBy = templateChecks.filter((check) =>
      say(() => check.run(after, access)).some((line) => !clean.get(check.name)?.has(line)),
    );
    return { fault, killedBy: killedBy.map((check) => check.name) };
  });
}

function configVerdicts(all: ConfigFault[]): Verdict[] {
  const yaml = readFileSync(`${ROOT}/infra/environments.yaml`, "utf8");
  return all.map((fault) => {
    const after = fault.edit(yaml);
    same(yaml, after, fault.name);
    const refused = ["dev", "staging", "production"].some((name) => {
      try {
        readConfig(name, after);
        return false;
      } catch (error) {
        return (error as Error).name === "ConfigError";
      }
    });
    return { fault, killedBy: refused ? ["ConfigError"] : [] };
  });
}

/** The suites that a handler fault's tests are in. */
const SUITES: Record<string, string[]> = {
  contract: ["tests/contract"],
  infra: ["tests/infra/lambda.test.ts", "tests/infra/access.test.ts"],
  stage: ["tests/infra/stage.test.ts"],
};

/** Whether a suite passes with a fault planted, or with none. */
function passes(suite: string[], fault: HandlerFault | null): boolean {
  const planted =
    fault === null ? "null" : JSON.stringify({ file: fault.file, find: fault.find, replace: fault.replace });
  const vitest = [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--config",
    "tests/mutants/vitest.config.ts",
    "--bail=1",
    "--reporter=dot",
  ];
  const { status } = spawnSync(process.execPath, [...vitest, ...suite], {
    cwd: ROOT,
    env: { ...process.env, COUNTERSIGN_FAULT: planted },
    stdio: "ignore",
    timeout: 180_000,
  });
  return status === 0;
}

function handlerVerdicts(all: HandlerFault[]): Verdict[] {
  for (const name of new Set(all.map((fault) => fault.expect))) {
    if (!passes(SUITES[name] ?? [], null))
      throw new Error(`the suite "${name}" fails without any fault: what it kills proves nothing`);
  }
  return all.map((fault) => {
    const text = readFileSync(`${ROOT}/${fault.file}`, "utf8");
    if (!text.includes(fault.find))
      throw new Error(`the fault "${fault.name}" changes nothing: ${fault.file} has no "${fault.find}"`);
    return { fault, killedBy: passes(SUITES[fault.expect] ?? [], fault) ? [] : [`tests (${fault.expect})`] };
  });
}

const chosen = faults.filter(
  (fault) => (kind === undefined || fault.kind === kind) && (expected === undefined || fault.expect === expected),
);
const of = <K extends Fault["kind"]>(...kinds: K[]) =>
  chosen.filter((fault) => (kinds as string[]).includes(fault.kind)) as Extract<Fault, { kind: K }>[];
const verdicts = [
  ...definitionVerdicts(of("definition")),
  ...(await templateVerdicts(of("template", "iam") as TemplateFault[])),
  ...configVerdicts(of("config")),
  ...handlerVerdicts(of("handler")),
];
const survivors = verdicts.filter(({ killedBy }) => killedBy.length === 0);
if (!json) {
  for (const { fault, killedBy } of verdicts)
    console.log(
      `${killedBy.length > 0 ? "killed  " : "SURVIVED"} ${fault.kind.padEnd(10)} ${fault.name}${killedBy.length > 0 ? `: ${killedBy.join(", ")}` : ` (expected: ${fault.expect})`}`,
    );
}
const summary = {
  total: verdicts.length,
  killed: verdicts.length - survivors.length,
  survivors: survivors.map(({ fault }) => `${fault.kind}: ${fault.name}`),
};
console.log(json ? JSON.stringify(summary) : `${summary.killed} of ${summary.total} killed`);
process.exitCode = summary.killed >= summary.total * 0.95 ? 0 : 1;
