import { z } from "zod";
import { type Lot, LotPlan } from "../../schemas/lot.ts";
import { CycleRef } from "../../schemas/state.ts";
import { ConflictError, type Ports, type RecordWrite } from "../ports.ts";
import { stage } from "../stage.ts";
import { objectKeys, recordKeys } from "../store/keys.ts";
import { readImmutable, tokenContext, type VendorLot } from "../store/lot-records.ts";
import { askForQuestions } from "../store/qualifications.ts";
import { readWavePlan, updateWave, wakeWhenClosed } from "../store/waves.ts";

/** Which lots does the wave start? Each becomes an execution of its own; the cycle waits for the last to close. */
export const dispatchLots = stage({
  name: "dispatch-lots",
  input: CycleRef.extend({ wave: z.int().min(0), waveKey: z.string(), token: z.string().min(1) }),
  output: z.strictObject({ lots: z.int() }),
  async run({ campaign, cycle, wave, waveKey, token }, ports) {
    const plan = await readWavePlan(ports, waveKey);
    const plans: LotPlan[] = [];
    for (const lot of plan.lots)
      plans.push(await readImmutable(ports.objects, objectKeys.lotPlan(campaign, lot), LotPlan));
    // Every lot is written before any starts: a quick first one must not find itself the last.
    for (const lotPlan of plans) await writeLot(ports, lotPlan);
    const sealedToken = await ports.sealer.seal(token, tokenContext.wave(campaign, cycle, wave));
    let first = false;
    await updateWave(ports, { campaign, cycle, wave }, (record) => {
      first = record.sealedToken === undefined;
      return { ...record, sealedToken };
    });
    for (const { lot, deadlineSeconds, reviewSeconds } of plans) {
      await ports.workflows.start("lot", `lot-${campaign}-${lot}`, { lot, campaign, deadlineSeconds, reviewSeconds });
    }
    if (plans.length > 0) await askForQuestions(ports, campaign, cycle);
    if (first && plans.length > 0) await tellVendors(ports, campaign, plans);
    await wakeWhenClosed(ports, campaign, cycle, wave);
    return { lots: plans.length };
  },
});

/** Lot, its line among the wave's open lots and its line in the vendor's book: all or, when it is there already, nothing. */
async function writeLot(ports: Pick<Ports, "records">, plan: LotPlan): Promise<void> {
  const { campaign, cycle, wave, lot, vendor } = plan;
  const record: Lot = {
    lot,
    campaign,
    cycle,
    wave,
    vendor,
    round: 1,
    reassigned: 0,
    status: "planned",
    items: plan.items.length,
    answered: 0,
    planKey: objectKeys.lotPlan(campaign, lot),
    pricePerAnswerMicros: plan.pricePerAnswerMicros,
  };
  const writes: RecordWrite[] = [
    { op: "put", key: recordKeys.lot(campaign, lot), body: record, condition: "absent" },
    { op: "put", key: recordKeys.openLot(campaign, cycle, wave, lot), body: { lot }, condition: "any" },
    {
      op: "put",
      key: recordKeys.vendorLot(campaign, vendor, lot),
      body: { lot, open: true, fromRound: 1 } satisfies VendorLot,
      condition: "any",
    },
  ];
  try {
    await ports.records.transact(writes);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

async function tellVendors(ports: Pick<Ports, "notifier">, campaign: string, plans: readonly LotPlan[]): Promise<void> {
  const lots = new Map<string, number>();
  for (const { vendor } of plans) lots.set(vendor, (lots.get(vendor) ?? 0) + 1);
  for (const [vendor, count] of lots) {
    await ports.notifier.notify({
      audience: "vendor",
      subject: `${campaign}: ${count} lots for ${vendor}`,
      text: `${count} lots are offered to ${vendor} in campaign ${campaign}; the vendor page shows them.`,
    });
  }
}
