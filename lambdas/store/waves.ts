import { WavePlan, WaveRecord } from "../../schemas/wave.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { everyRecord } from "./every-record.ts";
import { recordKeys } from "./keys.ts";
import { readImmutable, tokenContext, wake } from "./lot-records.ts";

/** Lots of an audit bear its day's number where lots of a cycle bear their wave's: no cycle has so many waves. */
export const FIRST_AUDIT_WAVE = 10_000;

/** The records of a cycle's waves, in order; audits of what it released are none. */
export async function wavesOf(ports: Pick<Ports, "records">, campaign: string, cycle: number): Promise<WaveRecord[]> {
  const { pk } = recordKeys.wave(campaign, cycle, 0);
  const waves: WaveRecord[] = [];
  for await (const { body } of everyRecord(ports.records, pk, `wave#${cycle}#`)) waves.push(WaveRecord.parse(body));
  return waves.filter(({ wave }) => wave < FIRST_AUDIT_WAVE).sort((a, b) => a.wave - b.wave);
}

/** Changes a wave's record under compare-and-swap, writing it where it is not there yet; `change` may run several times. */
export async function updateWave(
  ports: Pick<Ports, "records">,
  { campaign, cycle, wave }: { campaign: string; cycle: number; wave: number },
  change: (record: WaveRecord) => WaveRecord,
): Promise<WaveRecord> {
  const key = recordKeys.wave(campaign, cycle, wave);
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    const next = change(found === undefined ? { campaign, cycle, wave, settled: false } : WaveRecord.parse(found.body));
    try {
      await ports.records.put(key, next, found === undefined ? "absent" : { version: found.version });
      return next;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

export async function readWavePlan(ports: Pick<Ports, "objects">, key: string): Promise<WavePlan> {
  return readImmutable(ports.objects, key, WavePlan);
}

/** Lots of a wave that are not closed yet. */
export async function openLotsOfWave(
  ports: Pick<Ports, "records">,
  campaign: string,
  cycle: number,
  wave: number,
): Promise<number> {
  let open = 0;
  for await (const _ of everyRecord(ports.records, recordKeys.openLot(campaign, cycle, wave, "").pk)) open += 1;
  return open;
}

/** Wakes the cycle when the wave has no open lot left. Returns whether there was none. */
export async function wakeWhenClosed(
  ports: Pick<Ports, "records" | "sealer" | "tokens">,
  campaign: string,
  cycle: number,
  wave: number,
): Promise<boolean> {
  if ((await openLotsOfWave(ports, campaign, cycle, wave)) > 0) return false;
  const found = await ports.records.get(recordKeys.wave(campaign, cycle, wave));
  const sealed = found === undefined ? undefined : WaveRecord.parse(found.body).sealedToken;
  if (sealed !== undefined) await wake(ports, sealed, tokenContext.wave(campaign, cycle, wave), { wave });
  return true;
}
