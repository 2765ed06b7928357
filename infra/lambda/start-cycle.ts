import type { Ports } from "../../lambdas/ports.ts";
import { BadInputError } from "../../lambdas/stage.ts";
import { enqueueIntake } from "../../lambdas/store/cycles.ts";
import { logLine } from "./log-line.ts";
import { world } from "./world.ts";

/** EventBridge's word of an object that S3 has written; it may come twice, late, and out of order. */
interface ObjectCreated {
  detail: { bucket: { name: string }; object: { key: string } };
}
const SEAL = /^campaigns\/([^/]+)\/intakes\/([^/]+)\/_SUCCESS$/;

/** A sealed intake becomes the campaign's next cycle, once, however often the event comes. */
export function startCycle(given: Partial<Ports>): (event: ObjectCreated) => Promise<{ cycle: number | null }> {
  const ports = world(given);
  return async (event) => {
    const [, campaign, intake] = SEAL.exec(event.detail.object.key) ?? [];
    if (campaign === undefined || intake === undefined) {
      throw new BadInputError(
        `"${event.detail.object.key.slice(0, 200)}" is no seal of an intake; expected campaigns/<campaign>/intakes/<intake>/_SUCCESS`,
      );
    }
    const cycle = await enqueueIntake(ports, campaign, intake);
    logLine({ function: "start-cycle", campaign, intake, cycle: cycle ?? "queued" });
    return { cycle: cycle ?? null };
  };
}
