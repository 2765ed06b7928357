/** Time as a port: everything that waits asks a clock, so that a simulation can jump. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `wake` once when `epochMs` has come (at once, but never synchronously, if it has passed). Returns a cancel. */
  at(epochMs: number, wake: () => void): () => void;
}

/** setTimeout overflows beyond 2^31-1 ms (24.8 days); longer waits are cut into pieces of this size. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** The wall clock. Its timers keep the process alive only while somebody waits on them. */
export function realClock(): Clock {
  return {
    now: () => Date.now(),
    at(epochMs, wake) {
      let timer: NodeJS.Timeout;
      const arm = (): void => {
        const left = epochMs - Date.now();
        timer = left > LONGEST_TIMER_MS ? setTimeout(arm, LONGEST_TIMER_MS) : setTimeout(wake, Math.max(0, left));
      };
      arm();
      return () => clearTimeout(timer);
    },
  };
}

interface Wake {
  at: number;
  order: number;
  wake: () => void;
}

/** Earlier first; ties in order of registration. */
function precedes(a: Wake, b: Wake): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Time that jumps. Nothing moves by itself: `advanceToNext` goes to the earliest pending wake and fires it.
 * While any hold is open (a real child process runs, a real person is awaited) it refuses to move.
 * Example: `new VirtualClock(0)` with wakes at 50 and 20 fires 20 first, then 50, and `now()` says so.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** Binary heap by `precedes`; cancelled entries stay until they surface. */
  readonly #heap: Wake[] = [];
  readonly #cancelled = new Set<Wake>();
  readonly #holds = new Set<{ reason: string }>();

  constructor(startMs: number) {
    if (!Number.isFinite(startMs))
      throw new RangeError(`VirtualClock: startMs is ${startMs}; give a finite epoch in milliseconds.`);
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  at(epochMs: number, wake: () => void): () => void {
    if (Number.isNaN(epochMs)) throw new RangeError("VirtualClock.at: the time is NaN; give an epoch in milliseconds.");
    const entry: Wake = { at: epochMs, order: this.#order++, wake };
    this.#push(entry);
    return () => {
      if (entry.wake === fired) return;
      this.#cancelled.add(entry);
    };
  }

  /** Time stands still until the returned release is called (a second call does nothing). */
  hold(reason: string): () => void {
    const entry = { reason };
    this.#holds.add(entry);
    return () => {
      this.#holds.delete(entry);
    };
  }

  /** Why time stands still now; empty when it may move. */
  holds(): string[] {
    return [...this.#holds].map((entry) => entry.reason);
  }

  /** How many wakes are still to come. */
  pending(): number {
    return this.#heap.length - this.#cancelled.size;
  }

  /** The time of the earliest pending wake, or undefined when nothing waits. */
  nextWake(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.at;
  }

  /** Jumps to the earliest pending wake and fires it. False when nothing waits or time is held. */
  advanceToNext(): boolean {
    if (this.#holds.size > 0) return false;
    this.#dropCancelled();
    const entry = this.#pop();
    if (entry === undefined) return false;
    this.#now = Math.max(this.#now, entry.at);
    const { wake } = entry;
    entry.wake = fired;
    wake();
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap[0] !== undefined && this.#cancelled.delete(this.#heap[0])) this.#pop();
  }

  #push(entry: Wake): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Wake;
      if (!precedes(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Wake | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1] as Wake, heap[child] as Wake)) child++;
      if (!precedes(heap[child] as Wake, last)) break;
      heap[at] = heap[child] as Wake;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function fired(): void {}
