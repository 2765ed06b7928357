import { Campaign } from "../../schemas/campaign.ts";
import { CampaignHead, CycleRecord } from "../../schemas/state.ts";
import { ConflictError, type Objects, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readDocument } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";

/** Every campaign by name. */
export async function campaignNames(ports: Pick<Ports, "records">): Promise<string[]> {
  const names: string[] = [];
  for await (const { sk } of everyRecord(ports.records, recordKeys.campaigns("").pk)) names.push(sk);
  return names;
}

/** The campaign's head and the agreement in force. Throws BadInputError where there is no such campaign. */
export async function readCampaign(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<{ head: CampaignHead; version: number; agreement: Campaign }> {
  const found = await ports.records.get(recordKeys.campaign(campaign));
  if (found === undefined) throw new BadInputError(`there is no campaign "${campaign}"`);
  const head = CampaignHead.parse(found.body);
  return { head, version: found.version, agreement: await readAgreement(ports.objects, head.agreementKey) };
}

const agreements = new WeakMap<Objects, Map<string, Campaign>>();
const MOST_AGREEMENTS = 32;

/** A key names its content, so an agreement is fetched once by a process, and every request after that costs nothing. */
async function readAgreement(objects: Objects, key: string): Promise<Campaign> {
  const known = agreements.get(objects) ?? new Map<string, Campaign>();
  agreements.set(objects, known);
  const there = known.get(key) ?? (await readDocument(objects, key, Campaign));
  if (known.size >= MOST_AGREEMENTS) known.clear();
  known.set(key, there);
  return structuredClone(there);
}

export async function readCycle(ports: Pick<Ports, "records">, campaign: string, cycle: number): Promise<CycleRecord> {
  const found = await ports.records.get(recordKeys.cycle(campaign, cycle));
  if (found === undefined) throw new BadInputError(`campaign "${campaign}" has no cycle ${cycle}`);
  return CycleRecord.parse(found.body);
}

/** The agreement that an open cycle works under: frozen when it opened, amendments wait for the next. */
export async function cycleAgreement(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
): Promise<Campaign> {
  return readAgreement(ports.objects, (await readCycle(ports, campaign, cycle)).agreementKey);
}

/** Changes a cycle's record under compare-and-swap; `change` may run several times. */
export async function updateCycle(
  ports: Pick<Ports, "records">,
  campaign: string,
  cycle: number,
  change: (record: CycleRecord) => CycleRecord,
): Promise<CycleRecord> {
  return swap(ports, recordKeys.cycle(campaign, cycle), (body) => change(CycleRecord.parse(body)));
}

/** Changes the head under compare-and-swap; `change` may run several times. */
export async function updateHead(
  ports: Pick<Ports, "records">,
  campaign: string,
  change: (head: CampaignHead) => CampaignHead,
): Promise<CampaignHead> {
  return swap(ports, recordKeys.campaign(campaign), (body) => change(CampaignHead.parse(body)));
}

async function swap<T>(
  ports: Pick<Ports, "records">,
  key: { pk: string; sk: string },
  change: (body: unknown) => T,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    if (found === undefined) throw new BadInputError(`nothing is recorded under ${key.pk} ${key.sk}`);
    const next = change(found.body);
    try {
      await ports.records.put(key, next, { version: found.version });
      return next;
    } catch (error) {
      // Twenty losers in a row mean more than contention: let the workflow's retry wait.
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}
