import { ConflictError, type ExecutionEvent, type ExecutionView, type Workflows } from "../../lambdas/ports.ts";

/** Executions that run nothing: a test says how each ends. */
export interface MemoryWorkflows extends Workflows {
  started(): { machine: string; name: string; input: unknown }[];
  finish(machine: string, name: string, output: unknown): void;
  /** Adds to the history of an execution that was started. */
  record(machine: string, name: string, events: readonly Omit<ExecutionEvent, "id" | "timestamp">[]): void;
}

export function memoryWorkflows(now: () => number): MemoryWorkflows {
  const executions = new Map<
    string,
    { machine: string; name: string; input: string; view: ExecutionView; events: ExecutionEvent[] }
  >();
  const nameOf = (machine: string, name: string) => JSON.stringify([machine, name]);

  function close(machine: string, name: string, type: string, change: Partial<ExecutionView>): void {
    const one = executions.get(nameOf(machine, name));
    if (one === undefined || one.view.status !== "RUNNING") return;
    one.view = { ...one.view, stoppedAt: now(), ...change };
    one.events.push({ id: one.events.length + 1, previousEventId: one.events.length, timestamp: now(), type });
  }

  return {
    started: () =>
      [...executions.values()].map(({ machine, name, input }) => ({ machine, name, input: JSON.parse(input) })),
    finish: (machine, name, output) => close(machine, name, "ExecutionSucceeded", { status: "SUCCEEDED", output }),
    record(machine, name, events) {
      const held = executions.get(nameOf(machine, name))?.events;
      for (const event of events) held?.push({ ...event, id: held.length + 1, timestamp: now() });
    },
    async start(machine, name, input) {
      const text = JSON.stringify(input ?? null);
      const there = executions.get(nameOf(machine, name));
      if (there && there.input !== text)
        throw new ConflictError(`${machine} ${name} was started before with another input`);
      if (there) return;
      executions.set(nameOf(machine, name), {
        machine,
        name,
        input: text,
        view: { status: "RUNNING", startedAt: now() },
        events: [{ id: 1, previousEventId: 0, timestamp: now(), type: "ExecutionStarted" }],
      });
    },
    async stop(machine, name, reason) {
      close(machine, name, "ExecutionAborted", { status: "ABORTED", error: "Stopped", cause: reason });
    },
    async describe(machine, name) {
      const view = executions.get(nameOf(machine, name))?.view;
      return view && { ...view };
    },
    async history(machine, name) {
      return [...(executions.get(nameOf(machine, name))?.events ?? [])];
    },
  };
}
