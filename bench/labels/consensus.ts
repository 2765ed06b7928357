/**
 * Consensus on public crowds, and its cost on a million labels beside crowd-kit in the same run.
 * `npm run bench:consensus -- <folder with crowds> [--python <python that has crowd-kit>] [--json]`
 *
 * Prior strengths were fixed on twelve other public crowds. `automatic` is shown 5 % of the tasks as gold (seeded); it and
 * the methods beside it are judged on the rest of the tasks, `best` being the best of them there.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chance } from "../../domain/chance.ts";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { benchArguments, print, rounded } from "./command.ts";
import { accuracyOf, type Crowd, f1Of, readCrowds } from "./crowd-data.ts";

const LABELS = { tasks: 200_000, perTask: 5, workers: 2_000, classes: 10, iterations: 10 };
const build = fileURLToPath(new URL("../../build", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));

const { folder, json, options } = benchArguments(
  "npm run bench:consensus -- <folder with crowds> [--python <python>] [--json]",
  ["python"],
);
const sets = Object.fromEntries(readCrowds(folder).map((crowd) => [crowd.name, judge(crowd)]));
print({ sets, synthetic: sideBySide() }, json);

function judge(crowd: Crowd) {
  const methods = {
    majority: { method: "majority" },
    "one-coin": { method: "one-coin" },
    // As the reference it is compared with: until nothing moves any more, which takes s-rel more than 100 passes.
    "dawid-skene": { method: "dawid-skene", estimate: "mle", iterations: 300 },
    "dawid-skene-shrunk": { method: "dawid-skene" },
  } as const;
  const known = Array.from(crowd.truth.keys()).filter((t) => crowd.truth[t]! >= 0);
  const shown = new Set(chance(`gold/${crowd.name}`).sample(known, Math.round(0.05 * crowd.tasks)));
  const gold = crowd.truth.map((label, t) => (shown.has(t) ? label : -1));
  const isGold = (t: number) => shown.has(t);
  const result: Record<string, unknown> = {};
  let best = 0;
  for (const [name, options] of Object.entries(methods)) {
    const { posterior } = fitConsensus({ ...crowd, ...options });
    result[name] = score(posterior, crowd);
    best = Math.max(best, accuracyOf(posterior, crowd.truth, crowd.classes, isGold));
  }
  const chosen = fitConsensus({ ...crowd, method: "automatic", gold });
  const judgedOn = known.length - shown.size;
  return {
    tasks: crowd.tasks,
    labels: crowd.task.length,
    ...result,
    automatic: {
      accuracy: rounded(accuracyOf(chosen.posterior, crowd.truth, crowd.classes, isGold)),
      best: rounded(best),
      chose: chosen.method,
      gold: shown.size,
      judgedOn,
    },
  };
}

function score(posterior: Float64Array, { truth, classes }: Crowd) {
  const accuracy = rounded(accuracyOf(posterior, truth, classes));
  return classes === 2 ? { accuracy, f1: rounded(f1Of(posterior, truth)) } : { accuracy };
}

/** The same labels, the same number of passes, one process each; loading and grouping by the caller excluded for both. */
function sideBySide() {
  mkdirSync(join(build, "bench"), { recursive: true });
  const file = join(build, "bench", "synthetic-labels.i32");
  writeFileSync(file, new Uint8Array(drawLabels().buffer));
  try {
    const size = JSON.stringify({ file, ...LABELS });
    const ours = JSON.parse(
      execFileSync(process.execPath, [join(here, "consensus-cost.ts"), size], { encoding: "utf8" }),
    );
    const python = crowdKitPython();
    const crowdKit =
      typeof python === "string"
        ? JSON.parse(execFileSync(python, [join(here, "crowd_kit_cost.py"), size], { encoding: "utf8" }))
        : python;
    return { labels: LABELS.tasks * LABELS.perTask, iterations: LABELS.iterations, ours, crowdKit };
  } finally {
    rmSync(file, { force: true });
  }
}

/** Columns task, worker, label, truth one after the other. Workers are right 50-95 % of the time. */
function drawLabels(): Int32Array {
  const { tasks, perTask, workers, classes } = LABELS;
  const random = chance("synthetic labels");
  const skill = Float64Array.from({ length: workers }, () => 0.5 + 0.45 * random.uniform());
  const n = tasks * perTask;
  const columns = new Int32Array(3 * n + tasks);
  for (let t = 0, i = 0; t < tasks; t++) {
    const truth = random.below(classes);
    columns[3 * n + t] = truth;
    for (let a = 0; a < perTask; a++, i++) {
      const worker = random.below(workers);
      columns[i] = t;
      columns[n + i] = worker;
      columns[2 * n + i] =
        random.uniform() < skill[worker]! ? truth : (truth + 1 + random.below(classes - 1)) % classes;
    }
  }
  return columns;
}

/** A Python that has crowd-kit: the given one, or a virtual environment of its own under build/, made on first use. */
function crowdKitPython(): string | { notRun: string } {
  if (options.python !== undefined) return options.python;
  const venv = join(build, "crowd-kit-venv");
  const python = join(venv, "bin", "python");
  try {
    if (!existsSync(python)) execFileSync("python3", ["-m", "venv", venv], { stdio: "ignore" });
    try {
      execFileSync(python, ["-c", "import crowdkit"], { stdio: "ignore" });
    } catch {
      process.stderr.write("installing crowd-kit for the comparison (once)\n");
      execFileSync(python, ["-m", "pip", "install", "--quiet", "crowd-kit==1.4.2"], {
        stdio: ["ignore", "ignore", "inherit"],
      });
    }
    return python;
  } catch (error) {
    return { notRun: `crowd-kit could not be installed: ${error instanceof Error ? error.message : error}` };
  }
}
