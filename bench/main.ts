// Runs every benchmark behind a claim of the README, one after the other, and prints each one's JSON line.
// usage: npm run bench -- [SHARED] [--only name,name]     SHARED: folder with data/ and weights/ (default ../shared)
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
const shared = resolve(positionals[0] ?? process.env.COUNTERSIGN_SHARED ?? "../shared");
const HERE = fileURLToPath(new URL("..", import.meta.url));
const data = (path: string) => join(shared, "data", path);
const weights = ["--weights", join(shared, "weights")];

/** Name, the program, its arguments, and the folder that it cannot do without. */
const BENCHES: { name: string; program: string; args: string[]; needs?: string }[] = [
  { name: "engine", program: "bench/engine.ts", args: [] },
  { name: "ingest", program: "bench/ingest/speed.ts", args: [data("images/grocery")], needs: data("images/grocery") },
  { name: "flags", program: "bench/ingest/flags.ts", args: [data("images")], needs: data("images") },
  { name: "duplicates", program: "bench/ingest/duplicates.ts", args: [] },
  { name: "hostile", program: "bench/ingest/hostile.ts", args: [data("hostile")], needs: data("hostile") },
  { name: "consensus", program: "bench/labels/consensus.ts", args: [data("crowd")], needs: data("crowd") },
  {
    name: "redundancy",
    program: "bench/labels/redundancy.ts",
    args: [data("crowd/cifar10h")],
    needs: data("crowd/cifar10h"),
  },
  {
    name: "vendors",
    program: "bench/labels/vendors.ts",
    args: [data("crowd/cifar10h")],
    needs: data("crowd/cifar10h"),
  },
  {
    name: "campaign",
    program: "bench/labels/campaign.ts",
    args: [data("images/flowers5"), ...weights],
    needs: data("images/flowers5"),
  },
  {
    name: "label-errors",
    program: "bench/labels/label-errors.ts",
    args: [data("images/flowers5"), ...weights],
    needs: data("images/flowers5"),
  },
  {
    name: "training",
    program: "bench/training/run.ts",
    args: ["training", data("images/neu-steel"), ...weights],
    needs: data("images/neu-steel"),
  },
  {
    name: "training",
    program: "bench/training/run.ts",
    args: ["training", data("images/flowers5"), ...weights],
    needs: data("images/flowers5"),
  },
  {
    // Its test part is looked at by hand only: each look is counted in docs/experiments.md.
    name: "training",
    program: "bench/training/run.ts",
    args: ["training", data("images/grocery"), ...weights, "--look", "val", "--sizes", "256", "--finetune-folds", "0"],
    needs: data("images/grocery"),
  },
  {
    name: "serving",
    program: "bench/training/run.ts",
    args: ["serving", data("images/flowers5"), ...weights, "--images", "4311"],
    needs: data("images/flowers5"),
  },
  {
    name: "serving",
    program: "bench/training/run.ts",
    args: ["serving", data("images/flowers5"), ...weights, "--backbone", "resnet18"],
    needs: data("images/flowers5"),
  },
];

const only = values.only?.split(",");
let failed = 0;
for (const { name, program, args, needs } of BENCHES) {
  if (only !== undefined && !only.includes(name)) continue;
  if (needs !== undefined && !existsSync(needs)) {
    process.stderr.write(`${name}: not run, there is no ${needs}; give the folder with data/ and weights/\n`);
    failed += 1;
    continue;
  }
  process.stderr.write(`${name} ...\n`);
  const run = spawnSync(process.execPath, [program, ...args, "--json"], {
    cwd: HERE,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (run.status !== 0) failed += 1;
  process.stdout.write(
    `${JSON.stringify({ bench: name, exit: run.status })} ${run.stdout.trim().split("\n").at(-1) ?? ""}\n`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;
