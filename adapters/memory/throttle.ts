import { ThrottledError } from "../../lambdas/ports.ts";

/** Says ThrottledError now and then, by a seeded draw (mulberry32), or as often as a test asks. */
export interface Throttle {
  before: () => Promise<void>;
  /** The next `calls` calls are throttled. */
  next(calls: number): void;
}

/** `share` of the calls is throttled: 0 never, .1 one in ten. */
export function throttle(seed: number, share: number): Throttle {
  let state = seed >>> 0;
  let forced = 0;
  function draw(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    next(calls) {
      forced = calls;
    },
    async before() {
      if (forced > 0 || (share > 0 && draw() < share)) {
        forced = Math.max(0, forced - 1);
        throw new ThrottledError("too many requests; try again");
      }
    },
  };
}
