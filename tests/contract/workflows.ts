import { expect, test } from "vitest";
import { ConflictError, type Workflows } from "../../lambdas/ports.ts";

let serial = 0;

/** What every world's Workflows keep, short of running: `machine` is one that waits. */
export function workflowsContract(open: () => Workflows, machine: string): void {
  test("the same name with the same input starts nothing new, with another input it is a conflict", async () => {
    const name = `contract-${++serial}`;
    expect(await open().describe(machine, name)).toBeUndefined();
    await open().start(machine, name, { lot: "a", n: 1 });
    await open().start(machine, name, { lot: "a", n: 1 });
    await expect(open().start(machine, name, { lot: "b", n: 1 })).rejects.toThrow(ConflictError);
    expect(await open().describe(machine, name)).toMatchObject({ status: "RUNNING" });
  });

  test("a stopped execution is aborted, says why, and is not started again by its own name", async () => {
    const name = `contract-${++serial}`;
    await open().start(machine, name, { lot: "a" });
    await open().stop(machine, name, "the campaign was cancelled");
    const seen = await open().describe(machine, name);
    expect(seen).toMatchObject({ status: "ABORTED" });
    expect(seen?.stoppedAt).toBeGreaterThanOrEqual(seen?.startedAt as number);
    await open().start(machine, name, { lot: "a" });
    expect(await open().describe(machine, name)).toMatchObject({ status: "ABORTED" });
  });

  test("history is in order of event ids; nothing is known of what was never started", async () => {
    const name = `contract-${++serial}`;
    await open().start(machine, name, {});
    const events = await open().history(machine, name);
    expect(events[0]).toMatchObject({ id: 1, type: "ExecutionStarted" });
    expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
    expect(await open().history(machine, "never-started")).toEqual([]);
    await open().stop(machine, "never-started", "nothing to stop");
  });
}
