/** A process that looks at files, one after the other, for the pool that started it; it ends when the pool does. */
import { type Inspection, type InspectionJob, inspect } from "./inspect.ts";

export interface WorkerReply {
  id: number;
  inspection: Inspection;
  /** The process's memory after the job. */
  residentBytes: number;
}

const jobs: (InspectionJob & { id: number })[] = [];
let working = false;

async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const reply: WorkerReply = { id: job.id, inspection: await inspect(job), residentBytes: process.memoryUsage.rss() };
    process.send?.(reply);
  }
  working = false;
}

process.on("disconnect", () => process.exit(0));
process.on("message", (job: InspectionJob & { id: number }) => {
  jobs.push(job);
  void work();
});
process.send?.("ready");
