/** A process that looks at files, one after the other, for the pool that started it; it ends when the pool does. */
import { readFileSync } from "node:fs";
import { type Inspection, type InspectionJob, inspect } from "./inspect.ts";
import { type Tiling, tilesOf } from "./tiles.ts";

/** A file to look at, or, once it was admitted, to cut into tiles. */
export interface WorkerJob extends InspectionJob {
  wanted?: "tiles";
}

export interface WorkerReply {
  id: number;
  inspection?: Inspection;
  /** Absent where the picture could not be cut. */
  tiles?: Tiling;
  /** The process's memory after the job. */
  residentBytes: number;
  /** The most it has held so far. */
  peakBytes: number;
  /** What this job took, user and system. */
  cpuMilliseconds: number;
}

const jobs: (WorkerJob & { id: number })[] = [];
let working = false;

async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const before = process.cpuUsage();
    const seen =
      job.wanted === "tiles"
        ? await tilesOf(job.bytes).then(
            (tiles) => ({ tiles }),
            () => ({}),
          )
        : { inspection: await inspect(job) };
    const { user, system } = process.cpuUsage(before);
    const reply: WorkerReply = {
      id: job.id,
      ...seen,
      residentBytes: process.memoryUsage.rss(),
      peakBytes: peakBytes(),
      cpuMilliseconds: (user + system) / 1000,
    };
    process.send?.(reply);
  }
  working = false;
}

/** Linux counts the starting process's memory into maxRSS across exec; its VmHWM is this program's own. */
function peakBytes(): number {
  const own =
    process.platform === "linux" ? /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] : undefined;
  return own === undefined ? process.resourceUsage().maxRSS * 1024 : Number(own) * 1024;
}

process.on("disconnect", () => process.exit(0));
process.on("message", (job: WorkerJob & { id: number }) => {
  jobs.push(job);
  void work();
});
process.send?.("ready");
