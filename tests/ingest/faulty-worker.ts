/** Stands in for the imaging process: does what the file's name says. */
import type { InspectionJob } from "../../lambdas/imaging/inspect.ts";

process.on("disconnect", () => process.exit(0));
process.on("message", (job: InspectionJob & { id: number }) => {
  if (job.name === "die") process.kill(process.pid, "SIGSEGV");
  if (job.name === "hang") for (;;) Math.sqrt(2);
  if (job.name === "swell") {
    const held: Buffer[] = [];
    for (let i = 0; i < 4000; i += 1) held.push(Buffer.alloc(1024 * 1024, i));
  }
  process.send?.({ id: job.id, inspection: { verdict: "quarantined", findings: [] }, residentBytes: 0 });
});
process.send?.("ready");
