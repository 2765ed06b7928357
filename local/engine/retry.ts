import type { Retrier } from "./definition.ts";

/**
 * Milliseconds before the retry that follows `made` earlier ones by the same retrier:
 * IntervalSeconds (1) x BackoffRate (2) ^ made, at most MaxDelaySeconds; with FULL jitter uniform between 0 and that.
 * Example: interval 2, rate 3: 2 s, 6 s, 18 s.
 */
export function retryDelay(rule: Retrier, made: number, random: () => number): number {
  const seconds = Math.min(
    (rule.IntervalSeconds ?? 1) * (rule.BackoffRate ?? 2) ** made,
    rule.MaxDelaySeconds ?? Number.POSITIVE_INFINITY,
  );
  return Math.round(seconds * 1000 * (rule.JitterStrategy === "FULL" ? random() : 1));
}
