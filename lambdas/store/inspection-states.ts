import { type FirstInspection, type SwitchingState, severityAfter } from "../../domain/acceptance/switching.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { type Lot, Verdict } from "../../schemas/lot.ts";
import type { Ports } from "../ports.ts";
import { readDocument } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { findLot, readLotPlan, type VendorLot } from "./lot-records.ts";

/**
 * Where a vendor stands in the switching rules: the first inspection of each of its lots, in order of cycle, wave and lot.
 * Lots of one wave are cut alike and run side by side, so their order among each other is their name's, not the clock's.
 */
export async function inspectionState(
  ports: Pick<Ports, "records" | "objects">,
  agreement: Campaign,
  vendor: string,
): Promise<SwitchingState> {
  const campaign = agreement.name;
  const firsts: { lot: Lot; round: number }[] = [];
  for await (const { body } of everyRecord<VendorLot>(
    ports.records,
    recordKeys.vendorLot(campaign, vendor, "").pk,
    "lot#",
  )) {
    const lot = (await findLot(ports, campaign, body.lot))?.lot;
    if (lot !== undefined) firsts.push({ lot, round: body.fromRound });
  }
  firsts.sort((a, b) => a.lot.cycle - b.lot.cycle || a.lot.wave - b.lot.wave || (a.lot.lot < b.lot.lot ? -1 : 1));
  const inspected: FirstInspection[] = [];
  for (const { lot, round } of firsts) {
    const key = objectKeys.lotVerdict(campaign, lot.lot, round);
    if ((await ports.objects.head(key)) === undefined) continue;
    const { defects, weighedDefects, verdict } = await readDocument(ports.objects, key, Verdict);
    const { isolated, inspection } = await readLotPlan(ports, lot);
    inspected.push({
      lotSize: lot.items,
      level: inspection.level,
      defects: weighedDefects ?? defects.length,
      accepted: verdict === "accept",
      isolated: isolated === true || lot.cutShort === true,
    });
  }
  return severityAfter(inspected, agreement.inspection.level ?? "II", agreement.inspection.aql);
}
