import type { PeopleOptions } from "./people.ts";
import { modelVendor, type Person, type Pool } from "./pool.ts";
import type { Tempo } from "./team.ts";

/** How a vendor lets its customer down, if it does. */
export type VendorKind = "steady" | "dead" | "late" | "slow" | "random" | "fades" | "model" | "copies" | "tires";

/** Of ten vendors in a row, four are steady; the order is fixed, so that fewer vendors have their share of each kind. */
const IN_ORDER: readonly VendorKind[] = [
  "steady",
  "dead",
  "late",
  "steady",
  "slow",
  "steady",
  "random",
  "late",
  "steady",
  "fades",
];
const DAY = 86_400_000;

/** The kind of the n-th vendor, from 0. */
export function kindAt(index: number): VendorKind {
  return IN_ORDER[index % IN_ORDER.length] as VendorKind;
}

/**
 * People of vendors of mixed kinds: a dead one never answers; a late one does four items every other day and lets most of
 * a lot pass its deadline; a slow one begins days after the offer; at a random one everybody clicks at random; a fading
 * one stops for good after a week; a model's instances err together; at a copying one all say what the first says; at a
 * tiring one people lose two fifths of their right answers by the end of a sitting. Time counts from `startedAt`.
 */
export function mixedVendors(options: {
  kindOf: (vendor: string) => VendorKind;
  classes: readonly string[];
  pool: Pool;
  now: () => number;
  startedAt: () => number;
}): Pick<PeopleOptions, "pool" | "tempo"> & { pool: Pool; tempo: (vendor: string) => Tempo } {
  const { kindOf, classes, pool, now, startedAt } = options;
  return {
    pool: {
      experts: pool.experts,
      annotators: (vendor) => peopleOf(kindOf(vendor), pool.annotators(vendor), classes.length),
    },
    tempo: (vendor) => tempoOf(kindOf(vendor), () => now() > startedAt() + 7 * DAY),
  };
}

/** A vendor's people as its kind makes them. */
function peopleOf(kind: VendorKind, people: readonly Person[], classes: number): readonly Person[] {
  const names = people.map(({ name }) => name);
  switch (kind) {
    case "random":
      return people.map(({ name, seconds }) => ({ name, seconds, kind: "spammer", accuracy: 1 / classes }));
    case "model":
      return modelVendor({ names: names.slice(0, 4), accuracy: 0.85 });
    case "copies": {
      const [first, ...rest] = people;
      if (first === undefined) return people;
      return [first, ...rest.map(({ name }): Person => ({ ...first, name, kind: "copier", copies: first }))];
    }
    case "tires":
      return people.map((person) => ({ ...person, tires: 0.4 }));
    default:
      return people;
  }
}

function tempoOf(kind: VendorKind, isWeekOver: () => boolean): Tempo {
  switch (kind) {
    case "dead":
      return { dead: true };
    case "late":
      return { sitting: 4, restHours: 40 };
    case "slow":
      return { slowness: 60 };
    case "fades":
      return {
        get dead() {
          return isWeekOver();
        },
      };
    default:
      return {};
  }
}
