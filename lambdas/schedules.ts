/** What runs by the clock on both hosts, in minutes: EventBridge starts it on AWS, the host's own clock on a laptop. */
export const SCHEDULES = {
  /** What was decided is told again. */
  sweep: 60,
  /** Candidates are judged on their real requests. */
  watch: 5,
  /** Live models are compared with what they were proven on. */
  monitor: 24 * 60,
} as const;
export type ScheduleName = keyof typeof SCHEDULES;
