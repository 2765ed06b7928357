import { Lot } from "../../schemas/lot.ts";
import { ConflictError, type Ports, type RecordWrite } from "../ports.ts";
import { recordKeys } from "./keys.ts";
import { readLot, type VendorLot } from "./lot-records.ts";

/**
 * Moves a lot on under compare-and-swap, with further writes in the same transaction; `step` may run several times and
 * returns undefined to leave the lot as it is. Returns the lot as it is afterwards.
 */
export async function moveLot(
  ports: Pick<Ports, "records">,
  campaign: string,
  name: string,
  step: (
    lot: Lot,
  ) => { lot: Lot; writes?: RecordWrite[] } | undefined | Promise<{ lot: Lot; writes?: RecordWrite[] } | undefined>,
): Promise<Lot> {
  for (let attempt = 0; ; attempt += 1) {
    const { lot, version } = await readLot(ports, campaign, name);
    const next = await step(lot);
    if (next === undefined) return lot;
    try {
      await ports.records.transact([
        { op: "put", key: recordKeys.lot(campaign, name), body: Lot.parse(next.lot), condition: { version } },
        ...(next.writes ?? []),
      ]);
      return next.lot;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

/** The write that opens or closes a lot's line in its vendor's book. */
export async function vendorLine(ports: Pick<Ports, "records">, lot: Lot, open: boolean): Promise<RecordWrite> {
  const key = recordKeys.vendorLot(lot.campaign, lot.vendor, lot.lot);
  const held = await ports.records.get<VendorLot>(key);
  const line: VendorLot = held?.body ?? { lot: lot.lot, open, fromRound: lot.round };
  return {
    op: "put",
    key,
    body: { ...line, open },
    condition: held === undefined ? "absent" : { version: held.version },
  };
}
