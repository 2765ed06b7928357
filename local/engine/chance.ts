import { createHash } from "node:crypto";
import { type ExpressionWorld, seeded } from "./expression-functions.ts";

/** Seeded chance by place: the same (seed, place) gives the same numbers, whatever else happened before. */
export type Random = (place: string) => () => number;

export function randomFrom(seed: number): Random {
  return (place) => seeded(createHash("sha256").update(`${seed}|${place}`).digest().readUInt32LE(0));
}

/** The time and chance of one evaluation. The generator is made only if the expression draws. */
export function evaluateWorld(random: Random, place: string, now: number): ExpressionWorld {
  let draw: (() => number) | undefined;
  return {
    now,
    random: () => {
      draw ??= random(place);
      return draw();
    },
  };
}
