/** A whole small campaign: sealed by the real adapters, started by S3's event, answered through the portal's routes. */
import type { Ports } from "../../lambdas/ports.ts";
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { type IncomingFile, sealIntake } from "../../lambdas/store/intakes.ts";
import { invite } from "../../lambdas/store/members.ts";
import { Eyes } from "../../local/eyes.ts";
import { SimulatedPeople } from "../../local/people/people.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { CycleRecord } from "../../schemas/state.ts";

/** Where a campaign runs: the account on loopback, or a real one. */
export interface Scene {
  ports: Ports;
  request(request: Request): Promise<Response>;
  /** Lets somebody in by an invitation; the answer goes with their requests as a bearer token. */
  signIn(invitation: string, subject: string): Promise<string>;
  /** Resolves when machines rest, as far as this can be known. */
  rest(): Promise<void>;
  /** True while machines work. */
  busy(): boolean;
  /** Lets time pass, at most until `until` (milliseconds). Throws where nothing can come any more. */
  wait(until: number | undefined): Promise<void>;
}

/** Runs one cycle to its end and says how it ended. Throws where nothing moves any more. */
export async function runCampaign(
  scene: Scene,
  agreement: Campaign,
  files: Iterable<IncomingFile>,
): Promise<CycleRecord> {
  const { ports } = scene;
  const campaign = agreement.name;
  await createCampaign(ports, agreement, "data-team");
  await sealIntake(ports, { campaign, files });
  const eyes = new Eyes(ports, campaign);
  const people = new SimulatedPeople({
    request: scene.request,
    clock: ports.clock,
    seed: agreement.seed,
    campaign,
    vendors: agreement.vendors.map(({ id }) => id),
    classes: agreement.classes,
    perceive: eyes.perceive,
    join: async (role, who) =>
      scene.signIn(await invite(ports, { campaign, role, ttlSeconds: 3600, ...who }), `${role}-${who.subject}`),
  });
  for (;;) {
    await scene.rest();
    const { head } = await readCampaign(ports, campaign);
    if (head.cycles > 0 && head.openCycle === null) return readCycle(ports, campaign, 1);
    if (head.cycles > 0) {
      await eyes.learn();
      if ((await people.act()) > 0 || scene.busy()) continue;
    }
    await scene.wait(people.nextActionAt());
  }
}
