import { startMonitors } from "../lambdas/monitor.ts";
import type { Ports } from "../lambdas/ports.ts";
import { SCHEDULES, type ScheduleName } from "../lambdas/schedules.ts";
import { sweep, watch } from "../lambdas/sweep.ts";

const TASKS: Record<ScheduleName, (ports: Ports) => Promise<unknown>> = { sweep, watch, monitor: startMonitors };
const keyOf = (name: ScheduleName) => ({ pk: "laptop-schedules", sk: name });

/**
 * What EventBridge starts on AWS, by the host's own clock. When each ran last is kept, so that a host that is opened for an
 * hour a day still looks at its models. Virtual time is looked at, never asked to go on: a schedule alone moves no clock.
 */
export class Schedules {
  readonly #ports: Ports;
  readonly #names: readonly ScheduleName[];
  readonly #next = new Map<ScheduleName, number>();

  constructor(ports: Ports, names: readonly ScheduleName[] = Object.keys(SCHEDULES) as ScheduleName[]) {
    this.#ports = ports;
    this.#names = names;
  }

  /** Runs what is due. Returns the names that ran. */
  async runDue(): Promise<ScheduleName[]> {
    const now = this.#ports.clock.now();
    const ran: ScheduleName[] = [];
    for (const name of this.#names) {
      if (now < (await this.#nextOf(name, now))) continue;
      await TASKS[name](this.#ports);
      await this.#ranAt(name, now);
      ran.push(name);
    }
    return ran;
  }

  async #nextOf(name: ScheduleName, now: number): Promise<number> {
    const known = this.#next.get(name);
    if (known !== undefined) return known;
    const found = await this.#ports.records.get<{ ranAt: number }>(keyOf(name));
    if (found === undefined) await this.#ranAt(name, now);
    else this.#next.set(name, found.body.ranAt + SCHEDULES[name] * 60_000);
    return this.#next.get(name) as number;
  }

  async #ranAt(name: ScheduleName, at: number): Promise<void> {
    await this.#ports.records.put(keyOf(name), { ranAt: at }, "any");
    this.#next.set(name, at + SCHEDULES[name] * 60_000);
  }
}
