import { parse } from "yaml";
import { z } from "zod";
import type { Ports } from "../lambdas/ports.ts";
import { createCampaign } from "../lambdas/store/cycles.ts";
import { invite } from "../lambdas/store/members.ts";
import { Campaign } from "../schemas/campaign.ts";
import { ConfigError } from "./config.ts";
import { backboneOf } from "./weights.ts";

/** How long the first person of a campaign may take to open their link. */
const LINK_SECONDS = 14 * 86_400;

/**
 * A campaign in a deployed environment, and the link of its first person, who invites the others on the team page. The same
 * agreement again changes nothing and gives another link. Throws ConfigError where the file is no campaign or its weights are not there, BadInputError
 * where the name is taken by another agreement.
 */
export async function openCampaign(
  ports: Ports,
  text: string,
  subject: string,
  address: string,
): Promise<{ campaign: string; backbone: string; link: string }> {
  let written: unknown;
  try {
    written = parse(text);
  } catch (error) {
    throw new ConfigError(`campaign.yaml is not YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  // Where the photos are on this computer is no part of the agreement.
  const { images: _, ...rest } = (written ?? {}) as Record<string, unknown>;
  const agreement = Campaign.safeParse(rest);
  if (!agreement.success) throw new ConfigError(`campaign.yaml: ${z.prettifyError(agreement.error)}`);
  const { name } = agreement.data;
  const backbone = await backboneOf(ports.objects, agreement.data);
  await createCampaign(ports, agreement.data, subject);
  const secret = await invite(ports, { campaign: name, role: "data-team", subject, ttlSeconds: LINK_SECONDS });
  return { campaign: name, backbone, link: `${address}/join#${secret}` };
}
