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

/** What a person ordered: a candidate out of its watch, or an earlier release back. Gone once it is carried out. */
export const RollbackOrder = z.strictObject({
  kind: z.enum(["withdraw", "back"]),
  version: z.string(),
  cycle: z.int().min(1),
  by: z.string(),
  reason: z.string(),
  at: Instant,
  /** Going back makes a model and an endpoint of new names each time: names of deleted ones may linger. */
  attempt: z.int().min(1).optional(),
});
export type RollbackOrder = z.infer<typeof RollbackOrder>;

export const ReleaseRecord = z.strictObject({
  order: RollbackOrder.optional(),
  /** How often somebody asked to go back so far. */
  rollbacks: z.int().min(0).optional(),
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

type Decision = "promote" | "rollback" | "unproven";

const REASONS: Record<Decision, string> = {
  promote: "real requests showed it to be no worse than the champion",
  rollback: "it was worse than the champion, or broke",
  unproven: "too few real requests came in time; the champion stays",
};

/** Why a candidate ended so, for the history: a person's words where a person ordered it. */
export function reasonOf({ order }: ReleaseRecord, version: string, decision: Decision): string {
  if (order?.version !== version) return REASONS[decision];
  if (order.kind === "back" && decision !== "promote")
    return `${order.by} went back to it, but it could not be put into service`;
  return order.kind === "back"
    ? `${order.by} went back to it: ${order.reason}`
    : `${order.by} withdrew it: ${order.reason}`;
}

/** The release record without the order about a version, once that is carried out or has failed. */
export function withoutOrder(record: ReleaseRecord, version: string): ReleaseRecord {
  const { order, ...rest } = record;
  return order?.version === version ? rest : record;
}

/** The history's line about the champion that a person went back from. */
export function leftBehind(
  { order, champion }: ReleaseRecord,
  version: string,
  decision: Decision,
  at: string,
): ReleaseRecord["history"] {
  if (order?.kind !== "back" || order.version !== version || decision !== "promote" || champion === undefined)
    return [];
  return [
    {
      version: champion.version,
      cycle: champion.cycle,
      outcome: "rolled-back",
      reason: `${order.by}: ${order.reason}`,
      at,
    },
  ];
}
