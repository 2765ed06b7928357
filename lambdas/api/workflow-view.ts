import type { StateNode } from "../../schemas/portal.ts";
import campaignMachine from "../../workflow/campaign.asl.json" with { type: "json" };
import type { ExecutionEvent } from "../ports.ts";

interface State {
  Type: string;
  Comment?: string;
  Next?: string;
  Default?: string;
  Choices?: { Next: string }[];
  Catch?: { Next: string }[];
}

/**
 * The campaign workflow's states in the order of the file, each with what an execution's history says of it.
 * A state that was entered and not left is running while the execution is, and failed when it ended there.
 */
export function workflowView(history: readonly ExecutionEvent[], running: boolean): StateNode[] {
  const states = campaignMachine.States as Record<string, State>;
  const seen = new Map<string, { entered: number; exited: number; at: number; failed: boolean }>();
  for (const event of history) {
    if (event.state === undefined || states[event.state] === undefined) continue;
    const one = seen.get(event.state) ?? { entered: 0, exited: 0, at: 0, failed: false };
    if (event.type.endsWith("StateEntered")) {
      one.entered += 1;
      one.at = event.timestamp;
    }
    if (event.type.endsWith("StateExited")) one.exited += 1;
    seen.set(event.state, one);
  }
  return Object.entries(states).map(([name, state]) => {
    const one = seen.get(name);
    const open = one !== undefined && one.entered > one.exited;
    const next = [...(state.Choices ?? []).map((choice) => choice.Next), state.Next, state.Default];
    return {
      name,
      type: state.Type,
      comment: state.Comment ?? "",
      next: [...new Set(next.filter((to) => to !== undefined))],
      catches: [...new Set((state.Catch ?? []).map((rule) => rule.Next))],
      visits: one?.entered ?? 0,
      status: one === undefined ? "untouched" : open ? (running ? "running" : "failed") : "done",
      ...(one === undefined ? {} : { enteredAt: new Date(one.at).toISOString() }),
    };
  });
}
