import type { Ports } from "../../lambdas/ports.ts";
import { runStage, type Stage } from "../../lambdas/stage.ts";
import { logLine } from "./log-line.ts";
import { world } from "./world.ts";

/** A stage as a Lambda function: one structured log line, which is also its CloudWatch metric (embedded metric format). */
export function stageHandler(stage: unknown, given: Partial<Ports>): (event: unknown) => Promise<unknown> {
  const ports = world(given);
  return (event) => runStage(stage as Stage, event, ports, (line) => logLine({ ...line, ...metric(line) }));
}

function metric(line: Record<string, unknown>): Record<string, unknown> {
  return {
    failed: line.outcome === "ok" ? 0 : 1,
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        {
          Namespace: "Countersign",
          Dimensions: [["stage"], []],
          Metrics: [
            { Name: "milliseconds", Unit: "Milliseconds" },
            { Name: "failed", Unit: "Count" },
          ],
        },
      ],
    },
  };
}
