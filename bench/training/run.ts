/** `bench:training | bench:serving | bench:gpu`: the Python of bench/training under the interpreter of the jobs. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { CONTAINER_FOLDER, findPython } from "../../local/jobs/python.ts";

const [name = "", ...rest] = process.argv.slice(2);
const known = ["training", "serving", "gpu"];
if (!known.includes(name)) {
  console.error(`bench ${name}: expected one of ${known.join(", ")}`);
  process.exit(2);
}
const child = spawn(findPython(), [join(import.meta.dirname, `${name}.py`), ...rest], {
  stdio: "inherit",
  env: { ...process.env, PYTHONPATH: CONTAINER_FOLDER, HF_HUB_OFFLINE: "1", ORT_DISABLE_TELEMETRY: "1" },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("exit", (code) => process.exit(code ?? 1));
