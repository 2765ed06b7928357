import type { Outcome } from "./replay.ts";

/** How far a replay agrees with AWS, worst first. */
export const LEVELS = ["out of profile", "differs", "types", "details", "exact"] as const;
export type Level = (typeof LEVELS)[number];

export function levelOf(outcome: Outcome): Level {
  if (!outcome.profile) return "out of profile";
  const { exact, details, types } = outcome.verdict;
  if (exact === true) return "exact";
  return details ? "details" : types ? "types" : "differs";
}
