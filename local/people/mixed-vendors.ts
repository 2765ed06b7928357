import type { PeopleOptions } from "./people.ts";
import type { Pool } from "./pool.ts";
import type { Tempo } from "./team.ts";

/** How a vendor lets its customer down, if it does. */
export type VendorKind = "steady" | "dead" | "late" | "slow" | "random" | "fades";

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
 * one stops for good after a week. Time counts from `startedAt`.
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
      annotators: (vendor) =>
        kindOf(vendor) === "random"
          ? pool
              .annotators(vendor)
              .map(({ name, seconds }) => ({ name, seconds, kind: "spammer", accuracy: 1 / classes.length }))
          : pool.annotators(vendor),
    },
    tempo: (vendor) => tempoOf(kindOf(vendor), () => now() > startedAt() + 7 * DAY),
  };
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
