// Types, lint, dead code, workflow definitions, and the rules that no linter knows.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const bin = (name: string) => join(HERE, "node_modules", ".bin", name);
let failures = 0;

function check(title: string, command: string, args: readonly string[]): void {
  const result = spawnSync(command, args, { cwd: HERE, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const ok = result.status === 0;
  process.stdout.write(`${ok ? "ok  " : "FAIL"} ${title}\n`);
  if (ok) return;
  failures += 1;
  process.stdout.write(`${result.error?.message ?? ""}${result.stdout}${result.stderr}\n`);
}

/** domain/ is pure: neither clock nor unseeded chance. The linter's import rules cannot see globals. */
function purity(): void {
  const impure = /\b(?:Math\.random|Date\.now|new Date\(\)|performance\.now|crypto\.|process\.|setTimeout|fetch\()/;
  const found: string[] = [];
  for (const entry of readdirSync(join(HERE, "domain"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const file = join(entry.parentPath, entry.name);
    for (const [index, text] of readFileSync(file, "utf8").split("\n").entries()) {
      if (impure.test(text) && !/^\s*(?:\*|\/\/|\/\*)/.test(text))
        found.push(`${file.slice(HERE.length)}:${index + 1} ${text.trim()}`);
    }
  }
  process.stdout.write(
    `${found.length === 0 ? "ok  " : "FAIL"} domain/ is pure\n${found.map((line) => `${line}\n`).join("")}`,
  );
  if (found.length > 0) failures += 1;
}

const definitions = readdirSync(join(HERE, "workflow")).filter((name) => name.endsWith(".asl.json"));
const python = join(HERE, ".venv", "bin", "python");
check("types (tsc)", bin("tsc"), ["-p", "."]);
check("lint and imports per room (biome)", bin("biome"), ["ci", "--diagnostic-level=error", "--colors=off", "."]);
check("dead code (knip)", bin("knip"), []);
purity();
check("workflow definitions (own lint)", process.execPath, [
  "cli/main.ts",
  "check",
  ...definitions.map((name) => `workflow/${name}`),
]);
check(
  "workflow definitions (asl-validator)",
  bin("asl-validator"),
  ["--no-arn-check", "--silent"].concat(definitions.flatMap((name) => ["--json-path", `workflow/${name}`])),
);
check("Python lint (ruff)", python, ["-m", "ruff", "check", "training-container", "tests/python"]);
check("Python types (pyright)", bin("pyright"), ["--pythonpath", python]);
process.exitCode = failures === 0 ? 0 : 1;
