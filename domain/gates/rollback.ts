/** What became of a model that was released, oldest first. */
export interface Released {
  version: string;
  cycle: number;
  outcome: "live" | "promoted" | "rolled-back" | "unproven";
}

/**
 * The release to go back to from the live version: the newest one that was live before it and that nobody has gone back
 * from since. `wanted`: that version instead, if it was ever live and is not live now. undefined: there is none.
 * Example: v1 live, v2 promoted: v1. v1 live, v2 promoted, v2 rolled back, v1 promoted: none.
 */
export function releaseBefore(history: readonly Released[], live: string, wanted?: string): Released | undefined {
  const wasLive = ({ outcome }: Released) => outcome === "live" || outcome === "promoted";
  if (wanted !== undefined) return history.findLast((one) => wasLive(one) && one.version === wanted && wanted !== live);
  const began = history.findLastIndex((one) => wasLive(one) && one.version === live);
  return history
    .slice(0, Math.max(0, began))
    .findLast(
      (one, at) =>
        wasLive(one) &&
        one.version !== live &&
        !history.slice(at + 1).some((later) => later.version === one.version && later.outcome === "rolled-back"),
    );
}
