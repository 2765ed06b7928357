// Runs every suite and ends with one line over all of them: `N passed, N failed`. `pytest-slow` (every family of
// backbone, fine-tuning) runs only where it is named, as `npm run verify:python` does.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const OUT = join(HERE, "build", "test-results");
mkdirSync(OUT, { recursive: true });

interface Score {
  suite: string;
  passed: number;
  failed: number;
}

/** Runs a command with its output passed on; resolves with the exit code. */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: HERE,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, CDK_VALIDATION: "false" },
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** A suite that ended badly without a failed test has failed as a whole. */
function score(suite: string, code: number, passed: number, failed: number): Score {
  return { suite, passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

async function checks(): Promise<Score> {
  const code = await run(process.execPath, ["tests/check.ts"]);
  return { suite: "checks", passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

async function vitest(): Promise<Score> {
  const file = join(OUT, "vitest.json");
  const code = await run(process.execPath, [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ]);
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, "utf8")) as {
    numPassedTests: number;
    numFailedTests: number;
  };
  return score("vitest", code, numPassedTests, numFailedTests);
}

async function pytest(name = "pytest", marked = "not slow"): Promise<Score> {
  const file = join(OUT, `${name}.xml`);
  const code = await run(join(HERE, ".venv", "bin", "python"), [
    "-m",
    "pytest",
    "-q",
    "-m",
    marked,
    `--junitxml=${file}`,
    "tests/python",
  ]);
  const head = /<testsuite [^>]*>/.exec(readFileSync(file, "utf8"))?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  return score(name, code, number("tests") - failed - number("skipped"), failed);
}

const only = process.argv.slice(2);
const suites: Record<string, () => Promise<Score>> = {
  checks,
  vitest,
  pytest,
  "pytest-slow": () => pytest("pytest-slow", "slow"),
};
const usual = ["checks", "vitest", "pytest"];
const scores: Score[] = [];
for (const [name, suite] of Object.entries(suites)) {
  if (!(only.length > 0 ? only : usual).includes(name)) continue;
  const started = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  try {
    scores.push(await suite());
  } catch (error) {
    process.stdout.write(`${name} did not run: ${(error as Error).message}\n`);
    scores.push({ suite: name, passed: 0, failed: 1 });
  }
  process.stdout.write(
    `== ${name}: ${JSON.stringify(scores.at(-1))} in ${Math.round((Date.now() - started) / 1000)} s\n`,
  );
}
const passed = scores.reduce((sum, s) => sum + s.passed, 0);
const failed = scores.reduce((sum, s) => sum + s.failed, 0);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
