/** A whole small campaign in the loopback account: sealed by the real adapters, started by S3's event, answered through the portal. */
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { type IncomingFile, sealIntake } from "../../lambdas/store/intakes.ts";
import { invite } from "../../lambdas/store/members.ts";
import { Eyes } from "../../local/eyes.ts";
import { SimulatedPeople } from "../../local/people/people.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { CycleRecord } from "../../schemas/state.ts";
import type { Account } from "./account.ts";

/** Runs one cycle to its end and says how it ended. Throws where nothing moves any more. */
export async function runCampaign(
  account: Account,
  agreement: Campaign,
  files: Iterable<IncomingFile>,
): Promise<CycleRecord> {
  const { ports, clock, engine } = account;
  const campaign = agreement.name;
  await createCampaign(ports, agreement, "data-team");
  await sealIntake(ports, { campaign, files });
  await account.settled();
  const eyes = new Eyes(ports, campaign);
  const people = new SimulatedPeople({
    request: account.request,
    clock,
    seed: agreement.seed,
    campaign,
    vendors: agreement.vendors.map(({ id }) => id),
    classes: agreement.classes,
    perceive: eyes.perceive,
    // Signed in under a name of their own, they take their invitation up; the token is all that they carry from then on.
    join: async (role, who) => {
      const invitation = await invite(ports, { campaign, role, ttlSeconds: 3600, ...who });
      const token = `${role}-${who.subject}`;
      const taken = await account.request(
        new Request("https://portal.example/api/session", {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify({ invitation }),
        }),
      );
      if (!taken.ok) throw new Error(`${token} could not join: ${await taken.text()}`);
      return token;
    },
  });
  for (;;) {
    await engine.whenIdle();
    await account.settled();
    const { head } = await readCampaign(ports, campaign);
    if (head.cycles < 1) throw new Error(`the sealed intake started no cycle: ${account.troubles.join("; ")}`);
    if (head.openCycle === null) return readCycle(ports, campaign, 1);
    await eyes.learn();
    if ((await people.act()) > 0 || engine.busy()) continue;
    if (account.advance(people.nextActionAt())) continue;
    // A process of the job runner holds time until it is ready.
    if (clock.holds().length === 0) throw new Error(`nothing moves any more: ${account.troubles.join("; ")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
