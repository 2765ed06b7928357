import type { Audited } from "../../domain/gates/production.ts";
import { AuditPlan, AuditRecord } from "../../schemas/audit.ts";
import type { Ports } from "../ports.ts";
import { readCampaign } from "./campaigns.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";
import { openLots, readImmutable } from "./lot-records.ts";
import { FIRST_AUDIT_WAVE, wavesOf } from "./waves.ts";

const DAY = 86_400_000;

/** The number under which a day's audit (an ISO date) goes among waves: days since 1970 above FIRST_AUDIT_WAVE. */
export const auditWave = (day: string) => FIRST_AUDIT_WAVE + Math.floor(Date.parse(`${day}T00:00:00Z`) / DAY);

/** A campaign's audits of live models, oldest first. */
export async function auditsOf(ports: Pick<Ports, "records">, campaign: string): Promise<AuditRecord[]> {
  const audits: AuditRecord[] = [];
  for await (const { body } of everyRecord(ports.records, recordKeys.audit(campaign, "").pk))
    audits.push(AuditRecord.parse(body));
  return audits;
}

/** The audit that is under way at a moment (milliseconds), if there is one. */
export const openAudit = (audits: readonly AuditRecord[], now: number): AuditRecord | undefined =>
  audits.find(({ results, until }) => results === undefined && Date.parse(until) > now);

/** What all audits that ended found of one model, since a day (ISO date) where one is given. */
export function auditedOf(audits: readonly AuditRecord[], version: string, since = ""): Audited {
  const found = audits.filter(({ day }) => day >= since).flatMap(({ results }) => results ?? []);
  const own = found.filter((one) => one.version === version);
  return {
    audited: own.reduce((sum, { audited }) => sum + audited, 0),
    wrong: own.reduce((sum, { wrong }) => sum + wrong, 0),
  };
}

/** Images of a model that audits have looked at or are looking at. */
export async function auditedImages(
  ports: Pick<Ports, "objects">,
  audits: readonly AuditRecord[],
  version: string,
): Promise<Set<string>> {
  const images = new Set<string>();
  for (const { planKey, versions } of audits) {
    if (!versions.includes(version)) continue;
    const { models } = await readImmutable(ports.objects, planKey, AuditPlan);
    for (const { answers } of models.filter((one) => one.version === version))
      for (const { image } of answers) images.add(image);
  }
  return images;
}

/** What lots of audits that are still open may come to, in millionths. */
export async function openAuditMicros(ports: Pick<Ports, "records">, campaign: string): Promise<number> {
  let micros = 0;
  for (const { cycle, wave, results } of await auditsOf(ports, campaign))
    if (results === undefined) micros += await openWaveMicros(ports, campaign, cycle, wave);
  return micros;
}

/** What all lots that are open may come to, of the campaign's open cycle and of its audits. */
export async function openMicros(ports: Pick<Ports, "records" | "objects">, campaign: string): Promise<number> {
  const { openCycle } = (await readCampaign(ports, campaign)).head;
  let micros = await openAuditMicros(ports, campaign);
  for (const { cycle, wave } of openCycle === null ? [] : await wavesOf(ports, campaign, openCycle))
    micros += await openWaveMicros(ports, campaign, cycle, wave);
  return micros;
}

async function openWaveMicros(
  ports: Pick<Ports, "records">,
  campaign: string,
  cycle: number,
  wave: number,
): Promise<number> {
  let micros = 0;
  for await (const lot of openLots(ports, campaign, cycle, wave)) micros += lot.items * lot.pricePerAnswerMicros;
  return micros;
}
