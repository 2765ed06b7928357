import { Standing } from "../../schemas/standing.ts";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign } from "./campaigns.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";

/**
 * Records a person's decision to pause, release or take back a vendor or one of its annotators; it holds from the next
 * lease and the next wave on. Work that is leased may be handed in. Throws BadInputError for an unknown vendor.
 */
export async function setStanding(
  ports: Pick<Ports, "records" | "objects" | "clock">,
  campaign: string,
  decision: Omit<Standing, "at">,
): Promise<Standing> {
  const { agreement } = await readCampaign(ports, campaign);
  if (!agreement.vendors.some(({ id }) => id === decision.vendor)) {
    throw new BadInputError(
      `"${decision.vendor}" is no vendor of "${campaign}"; its vendors are ${agreement.vendors.map(({ id }) => id).join(", ")}`,
    );
  }
  const parsed = Standing.safeParse({ ...decision, at: new Date(ports.clock.now()).toISOString() });
  if (!parsed.success)
    throw new BadInputError(
      `the decision is not of its form: ${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`,
    );
  await ports.records.put(recordKeys.standing(campaign, decision.vendor, decision.annotator), parsed.data, "any");
  return parsed.data;
}

/** Every decision in force, in order of vendor, then annotator. */
export async function standings(ports: Pick<Ports, "records">, campaign: string): Promise<Standing[]> {
  const found: Standing[] = [];
  for await (const { body } of everyRecord(ports.records, recordKeys.standing(campaign, "").pk))
    found.push(Standing.parse(body));
  return found;
}

/** The decision that keeps somebody from work: the vendor's, else the annotator's own; undefined where there is none. */
export async function barred(
  ports: Pick<Ports, "records">,
  campaign: string,
  vendor: string,
  annotator: string,
): Promise<Standing | undefined> {
  for (const key of [recordKeys.standing(campaign, vendor), recordKeys.standing(campaign, vendor, annotator)]) {
    const found = await ports.records.get(key);
    if (found === undefined) continue;
    const standing = Standing.parse(found.body);
    if (standing.standing !== "active") return standing;
  }
  return undefined;
}
