import type { Sealer } from "../../lambdas/ports.ts";
import { keySealer } from "../key-sealer.ts";

/** Real sealing under a key that follows from `seed`, so that a test's documents repeat. */
export function memorySealer(seed: number): Sealer {
  return keySealer(Buffer.alloc(64, `memory sealer ${seed}.`));
}
