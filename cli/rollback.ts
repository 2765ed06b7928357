import { BadInputError } from "../lambdas/stage.ts";
import type { Host } from "../local/host.ts";
import type { Options } from "./arguments.ts";
import { ask } from "./ask.ts";

/** What a person orders: `rollback <campaign> --by NAME --reason TEXT [--to VERSION]`. Throws BadInputError for what is missing. */
export function rollbackOrder(campaign: string, { by, reason, to }: Options): Record<string, string> {
  if (by === undefined || by.trim() === "")
    throw new BadInputError("a rollback is a person's decision: say who decides it with --by NAME");
  if (reason === undefined || reason.trim() === "")
    throw new BadInputError("to roll back, say why with --reason TEXT; it stands in the release's history");
  return { campaign, by, reason, ...(to === undefined ? {} : { to }) };
}

/** Carries the order out in this process's own host, and says what is live then. */
export async function rollBackHere(work: string, order: Record<string, string>, host: Host): Promise<object> {
  const ordered = (await ask(work, "rollback", order, host)) as { execution?: string };
  const { execution } = ordered;
  const releases = async () => (await ask(work, "releases", { campaign: order.campaign }, host)) as { order?: object };
  await host.runUntil(async () => {
    if ((await releases()).order === undefined) return true;
    const seen = execution === undefined ? undefined : await host.ports.workflows.describe("release", execution);
    return seen !== undefined && seen.status !== "RUNNING";
  });
  return { ...ordered, now: await releases() };
}
