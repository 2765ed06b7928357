import { startMonitors } from "../../lambdas/monitor.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { sweep, watch } from "../../lambdas/sweep.ts";
import { logLine } from "./log-line.ts";
import { world } from "./world.ts";

type Task = (ports: Ports) => Promise<Record<string, number>>;

function scheduled(name: string, task: Task, given: Partial<Ports>): () => Promise<void> {
  const ports = world(given);
  return async () => logLine({ function: name, ...(await task(ports)) });
}

/** Every day: live models are compared with what they were proven on. */
export const monitorHandler = (given: Partial<Ports>) => scheduled("monitor", startMonitors, given);
/** Every hour: what a crash between a commit and its token left waiting goes on. */
export const sweepHandler = (given: Partial<Ports>) => scheduled("sweep", sweep, given);
/** Every five minutes: candidates are judged on their real requests. */
export const watchHandler = (given: Partial<Ports>) => scheduled("watch", watch, given);
