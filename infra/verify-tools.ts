/** `npm run verify:tools`: checkov into a Python environment of its own, beside the project's; cfn-lint comes with the tests' environment. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(fileURLToPath(new URL("..", import.meta.url)), "build", "aws-venv");
for (const [command, args] of [
  ["python3", ["-m", "venv", folder]],
  [join(folder, "bin", "pip"), ["install", "checkov==3.2.*"]],
] as const) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) {
    console.error(`${command} ${args.join(" ")} failed; checkov is not there, and "npm run verify" will say so`);
    process.exit(1);
  }
}
