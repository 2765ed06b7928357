import { z } from "zod";
import { Instant } from "../../schemas/names.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { recordKeys } from "./keys.ts";

/** A model behind an endpoint. */
export const LiveModel = z.strictObject({
  endpoint: z.string(),
  version: z.string(),
  modelKey: z.string(),
  modelSha256: z.string(),
  evidenceDigest: z.string(),
  cycle: z.int().min(1),
  since: Instant,
});
export type LiveModel = z.infer<typeof LiveModel>;

export const ReleaseRecord = z.strictObject({
  champion: LiveModel.optional(),
  candidate: LiveModel.extend({
    share: z.number(),
    sealedToken: z.string().optional(),
    /** What the champion had counted when the candidate came: an old outage must not excuse a bad candidate. */
    championBefore: z.looseObject({ requests: z.int(), errors: z.int() }).optional(),
  }).optional(),
  /** What became of earlier candidates, newest last. */
  history: z.array(
    z.strictObject({
      version: z.string(),
      cycle: z.int(),
      outcome: z.enum(["live", "promoted", "rolled-back", "unproven"]),
      reason: z.string(),
      at: Instant,
      /** The endpoint that nobody asks any more. */
      retire: z.string().optional(),
    }),
  ),
});
export type ReleaseRecord = z.infer<typeof ReleaseRecord>;

const NOTHING: ReleaseRecord = { history: [] };

export async function releaseState(ports: Pick<Ports, "records">, campaign: string): Promise<ReleaseRecord> {
  const found = await ports.records.get(recordKeys.release(campaign));
  return found === undefined ? NOTHING : ReleaseRecord.parse(found.body);
}

/** Changes the release record under compare-and-swap; `change` may run several times; returning the same object writes nothing. */
export async function updateRelease(
  ports: Pick<Ports, "records">,
  campaign: string,
  change: (record: ReleaseRecord) => ReleaseRecord,
): Promise<ReleaseRecord> {
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(recordKeys.release(campaign));
    const before = found === undefined ? NOTHING : ReleaseRecord.parse(found.body);
    const after = change(before);
    if (after === before) return before;
    try {
      await ports.records.put(recordKeys.release(campaign), after, found ? { version: found.version } : "absent");
      return after;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

export const candidateTokenContext = (campaign: string, endpoint: string) => `release#${campaign}#${endpoint}`;
