import { type Json, type Lint, list, report } from "./lint-report.ts";
import { KNOWN_RESOURCES, parseResource } from "./task-resource.ts";

/** What a Task needs beside its fields: a known resource, a bound on its time, a way out of its failures. */
export function checkTask(lint: Lint, path: string, state: Json, nested: boolean): void {
  if (state.Resource === undefined) report(lint, path, `The Task has no Resource; allowed are ${KNOWN_RESOURCES}.`);
  const pattern = typeof state.Resource === "string" ? parseResource(state.Resource)?.pattern : undefined;
  const token = pattern === "waitForTaskToken";
  if (state.TimeoutSeconds === undefined) {
    report(
      lint,
      path,
      token
        ? "The Task waits for a token without TimeoutSeconds: a lost token would hold the execution for a year."
        : "The Task has no TimeoutSeconds.",
      "house",
    );
  }
  if (token && !JSON.stringify(state.Arguments ?? "").includes("context.Task.Token")) {
    report(
      lint,
      `${path}/Arguments`,
      "The Task waits for a token that its Arguments never pass on: use $states.context.Task.Token.",
      "house",
    );
  }
  if (
    typeof state.HeartbeatSeconds === "number" &&
    typeof state.TimeoutSeconds === "number" &&
    state.HeartbeatSeconds >= state.TimeoutSeconds
  ) {
    report(
      lint,
      `${path}/HeartbeatSeconds`,
      `HeartbeatSeconds is ${state.HeartbeatSeconds}; it must be less than TimeoutSeconds (${state.TimeoutSeconds}).`,
    );
  }
  if (list(state.Retry).length === 0)
    report(lint, path, "The Task has no Retry: a passing fault would end the execution.", "house");
  if (!nested && list(state.Catch).length === 0)
    report(lint, path, "The Task has no Catch: its failure would end the execution without a word.", "house");
}
