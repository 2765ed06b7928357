import { shuffled } from "../../domain/split/rank.ts";
import type { AuditPlan, AuditRecord } from "../../schemas/audit.ts";
import type { MonitorPolicy } from "../../schemas/campaign.ts";
import { Evidence } from "../../schemas/evidence.ts";
import type { Ports } from "../ports.ts";
import { auditedImages, auditedOf } from "./audits.ts";
import { cycleAgreement, readCampaign } from "./campaigns.ts";
import { digestOf, readDocument } from "./documents.ts";
import { objectKeys } from "./keys.ts";
import { type Captured, capturesBefore } from "./monitor.ts";
import type { LiveModel, ReleaseRecord } from "./release.ts";

/** With fewer captured requests an audit waits for more. */
const FEWEST = 20;
const DAY = 86_400_000;

type Sampled = AuditPlan["models"][number];

/**
 * Captured requests to label now, and under which cycle's agreement; "none" where none are due, "too-few" where more have to
 * come first. A candidate whose rollout waits comes before the champion's turn, and the champion is labelled beside it.
 */
export async function sampleCaptures(
  ports: Pick<Ports, "records" | "objects">,
  about: { campaign: string; day: string },
  { champion, candidate }: ReleaseRecord,
  audits: readonly AuditRecord[],
): Promise<{ cycle: number; models: Sampled[] } | "none" | "too-few"> {
  if (champion === undefined) return "none";
  const { campaign, day } = about;
  const held = candidate === undefined ? undefined : (await cycleAgreement(ports, campaign, candidate.cycle)).monitor;
  if (candidate !== undefined && held?.holdsRollout === true) {
    const lacking = held.labels - auditedOf(audits, candidate.version).audited;
    const own = lacking <= 0 ? [] : await fresh(ports, about, candidate, audits, lacking);
    if (lacking > 0 && own.length < lacking) return "too-few";
    if (lacking > 0) {
      const beside = held.labels - auditedOf(audits, champion.version, candidate.since.slice(0, 10)).audited;
      const others = (await comparable(ports, campaign, champion, candidate))
        ? await fresh(ports, about, champion, audits, Math.max(0, beside))
        : [];
      const models = [await sampledOf(ports, campaign, held, candidate, own)];
      if (others.length > 0) models.push(await sampledOf(ports, campaign, held, champion, others));
      return { cycle: candidate.cycle, models };
    }
  }
  const policy = (await readCampaign(ports, campaign)).agreement.monitor;
  if (policy === undefined) return "none";
  const last = audits.findLast(({ versions }) => versions.includes(champion.version))?.day;
  if (last !== undefined && Date.parse(day) - Date.parse(last) < policy.everyDays * DAY) return "none";
  const own = await fresh(ports, about, champion, audits, policy.labels);
  if (own.length < FEWEST) return "too-few";
  return { cycle: champion.cycle, models: [await sampledOf(ports, campaign, policy, champion, own)] };
}

/** A random sample of a model's captured requests that no audit has seen, each image once. */
async function fresh(
  ports: Pick<Ports, "objects">,
  { campaign, day }: { campaign: string; day: string },
  { version }: LiveModel,
  audits: readonly AuditRecord[],
  most: number,
): Promise<Captured[]> {
  const seen = await auditedImages(ports, audits, version);
  const captures = new Map<string, Captured>();
  for (const capture of await capturesBefore(ports, campaign, version, day)) {
    const image = imageOf(capture);
    if (!seen.has(image) && !captures.has(image)) captures.set(image, capture);
  }
  return shuffled([...captures.values()], 0, `audit-${campaign}-${day}`, imageOf).slice(0, most);
}

/** A capture is kept under its bytes' digest. */
export const imageOf = ({ image }: Pick<Captured, "image">) => image.replace(/^.*\//, "").replace(/\.image$/, "");

async function sampledOf(
  ports: Pick<Ports, "objects">,
  campaign: string,
  { accuracyFloor }: MonitorPolicy,
  { version, evidenceDigest }: LiveModel,
  captures: readonly Captured[],
): Promise<Sampled> {
  const proven = async () => {
    const { evaluation } = await readDocument(ports.objects, objectKeys.evidence(campaign, evidenceDigest), Evidence);
    return evaluation.accuracy.low;
  };
  const answers = captures.map((capture) => ({ image: imageOf(capture), label: capture.label }));
  return { version, floor: accuracyFloor ?? (await proven()), answers };
}

/** Whether both models name the same classes: answers of one class set say nothing of another. */
async function comparable(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  one: LiveModel,
  other: LiveModel,
): Promise<boolean> {
  const of = async ({ cycle }: LiveModel) => digestOf((await cycleAgreement(ports, campaign, cycle)).classes);
  return (await of(one)) === (await of(other));
}
