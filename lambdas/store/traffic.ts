import type { Audited } from "../../domain/gates/production.ts";
import type { Traffic } from "../../domain/gates/rollout.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { recordKeys } from "./keys.ts";

/** Upper edges of the latency histogram in milliseconds, a factor of about 1.5 apart; the last bin is open. */
const EDGES = [5, 8, 12, 18, 27, 40, 60, 90, 135, 200, 300, 450, 680, 1000, 1500, 2300, 3500, 5000, 10_000, 60_000];
/** Writers of one endpoint spread over so many records. */
const SHARDS = 8;

interface Shard {
  requests: number;
  errors: number;
  latencies: number[];
}
const EMPTY: Shard = { requests: 0, errors: 0, latencies: EDGES.map(() => 0) };

/** Counts one request of an endpoint. `spread` is any number that differs between requests. */
export async function count(
  ports: Pick<Ports, "records">,
  campaign: string,
  endpoint: string,
  seen: { requests?: number; errors?: number; milliseconds?: number },
  spread: number,
): Promise<void> {
  const key = recordKeys.traffic(campaign, endpoint, Math.abs(spread) % SHARDS);
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get<Shard>(key);
    const before = found?.body ?? EMPTY;
    const bin = seen.milliseconds === undefined ? -1 : binOf(seen.milliseconds);
    const after: Shard = {
      requests: before.requests + (seen.requests ?? 0),
      errors: before.errors + (seen.errors ?? 0),
      latencies: before.latencies.map((n, i) => (i === bin ? n + 1 : n)),
    };
    try {
      await ports.records.put(key, after, found ? { version: found.version } : "absent");
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

/** All shards of an endpoint together. */
export async function traffic(
  ports: Pick<Ports, "records">,
  campaign: string,
  endpoint: string,
): Promise<Omit<Traffic, keyof Audited>> {
  const total: Shard = { ...EMPTY, latencies: EDGES.map(() => 0) };
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const found = await ports.records.get<Shard>(recordKeys.traffic(campaign, endpoint, shard));
    if (found === undefined) continue;
    total.requests += found.body.requests;
    total.errors += found.body.errors;
    found.body.latencies.forEach((n, i) => {
      total.latencies[i] = (total.latencies[i] ?? 0) + n;
    });
  }
  const timed = total.latencies.reduce((a, b) => a + b, 0);
  let below = 0;
  let p95Milliseconds: number | undefined;
  for (const [i, n] of total.latencies.entries()) {
    below += n;
    if (timed > 0 && below >= timed * 0.95) {
      p95Milliseconds = EDGES[i] as number;
      break;
    }
  }
  return {
    requests: total.requests,
    errors: total.errors,
    p95Milliseconds,
  };
}

function binOf(milliseconds: number): number {
  const bin = EDGES.findIndex((edge) => milliseconds <= edge);
  return bin === -1 ? EDGES.length - 1 : bin;
}
