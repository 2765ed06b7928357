import { dataReport, type KnownBeside } from "../../domain/catalogue/report.ts";
import type { Catalogue } from "../../schemas/catalogue.ts";
import type { DataReport } from "../../schemas/data-report.ts";
import { DatasetVersion } from "../../schemas/dataset.ts";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign } from "./campaigns.ts";
import { claimsByImage } from "./claims.ts";
import { decisions, newestCatalogue, newestRef } from "./decisions.ts";
import { readImmutable } from "./lot-records.ts";

/**
 * The newest catalogue of a campaign, its report, and what is known beside it. The sealed test set's truth is not in it.
 * Throws BadInputError before anything was admitted.
 */
export async function campaignReport(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<{ catalogue: Catalogue; report: DataReport; beside: KnownBeside }> {
  const { agreement } = await readCampaign(ports, campaign);
  const catalogue = await newestCatalogue(ports, campaign);
  if (catalogue === undefined) {
    throw new BadInputError(
      `"${campaign}" has admitted no images yet: its report comes with the first intake; look again in a minute`,
    );
  }
  const dataset = await newestRef(ports, campaign, "dataset");
  const items = dataset === undefined ? [] : (await readImmutable(ports.objects, dataset, DatasetVersion)).items;
  const beside: KnownBeside = {
    classes: agreement.classes,
    labels: new Map(items.map(({ sha256, label }) => [sha256, label])),
    claims: await claimsByImage(ports, campaign),
    decisions: await decisions(ports, campaign),
  };
  return { catalogue, report: dataReport(catalogue, beside), beside };
}
