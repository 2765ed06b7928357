import { Experts } from "./experts.ts";
import { defaultPool, type Pool, type Seen } from "./pool.ts";
import type { Doors } from "./portal-client.ts";
import { Team, type Tempo } from "./team.ts";

export type { Person, Pool } from "./pool.ts";
export type { Tempo } from "./team.ts";

export interface PeopleOptions extends Doors {
  clock: { now(): number };
  seed: number;
  campaign: string;
  vendors: readonly string[];
  classes: readonly string[];
  /** What a person sees in a served image: stands for the eye. `id` names the picture whatever its bytes. */
  perceive: (imageBytes: Uint8Array) => Seen | undefined;
  pool?: Pool;
  /** How a vendor works; a dead one takes lots and never answers. */
  tempo?: (vendor: string) => Tempo;
  /** Grows whenever a workflow moved; saves asking the portal when nothing can have changed. */
  moves?: () => number;
}

/**
 * Simulated annotators and experts. They know of a campaign what its portal shows them and nothing else, and keep no state
 * that matters: killed and started again they go on where the portal says, with the same answers.
 */
export class SimulatedPeople {
  readonly #teams: readonly Team[];
  readonly #experts: Experts;

  constructor(options: PeopleOptions) {
    const pool = options.pool ?? defaultPool(options.seed, options.classes);
    this.#teams = options.vendors.map(
      (vendor) =>
        new Team({ ...options, vendor, people: pool.annotators(vendor), tempo: options.tempo?.(vendor) ?? {} }),
    );
    this.#experts = new Experts({ ...options, people: pool.experts });
  }

  /** Does what is due now; answers given. 0: nothing is to be done before `nextActionAt`. */
  async act(): Promise<number> {
    let done = 0;
    for (const team of this.#teams) done += await team.act();
    return done + (await this.#experts.act());
  }

  /** When somebody will do something next, in milliseconds; undefined while nobody has anything to do. */
  nextActionAt(): number | undefined {
    const times = [...this.#teams, this.#experts].map((one) => one.nextActionAt()).filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}
