/** One fit of the synthetic labels in a process of its own: prints {cpuSeconds, peakMb, accuracy}. Argument: see consensus.ts. */
import { readFileSync } from "node:fs";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { accuracyOf } from "./crowd-data.ts";

const { file, tasks, perTask, workers, classes, iterations } = JSON.parse(process.argv[2] ?? "{}");
const bytes = readFileSync(file);
const columns = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const n = tasks * perTask;
const answers = {
  classes,
  tasks,
  workers,
  task: columns.subarray(0, n),
  worker: columns.subarray(n, 2 * n),
  label: columns.subarray(2 * n, 3 * n),
};
const before = process.cpuUsage();
const { posterior } = fitConsensus({ ...answers, method: "dawid-skene", estimate: "mle", iterations });
const { user, system } = process.cpuUsage(before);
const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
const accuracy = accuracyOf(posterior, columns.subarray(3 * n), classes);
process.stdout.write(
  JSON.stringify({
    cpuSeconds: Math.round((user + system) / 1e4) / 100,
    peakMb,
    accuracy: Math.round(accuracy * 1e5) / 1e5,
  }),
);
