import { z } from "zod";
import { compareWithReference } from "../../domain/drift/compare.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import { CampaignName } from "../../schemas/names.ts";
import { stage } from "../stage.ts";
import { readDocument, writeOnce } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";
import { capturesBefore, sealedReference } from "../store/monitor.ts";
import { releaseState } from "../store/release.ts";

const Report = z.looseObject({ outcome: z.enum(["too-few", "steady", "drifting"]) });

/** Do real requests still look like the sealed test that the live model was proven on? It only looks; people decide. */
export const measureDrift = stage({
  name: "measure-drift",
  input: z.strictObject({ campaign: CampaignName, day: z.iso.date() }),
  output: z.strictObject({
    outcome: z.enum(["no-model", "no-reference", "too-few", "steady", "drifting"]),
    reportKey: z.string(),
  }),
  async run({ campaign, day }, ports) {
    const { champion } = await releaseState(ports, campaign);
    if (champion === undefined) return { outcome: "no-model" as const, reportKey: "" };
    const reference = await sealedReference(ports, campaign, champion);
    if (reference === undefined) return { outcome: "no-reference" as const, reportKey: "" };
    const reportKey = objectKeys.driftReport(campaign, champion.version, day);
    // The first look of a day stands: its seed, its days and its reference are the same, but a sampled image may be withdrawn.
    if ((await ports.objects.head(reportKey)) !== undefined)
      return { outcome: (await readDocument(ports.objects, reportKey, Report)).outcome, reportKey };
    const captures = await capturesBefore(ports, campaign, champion.version, day);
    const drift = compareWithReference(reference, captures, `${campaign}/${day}`);
    const report = { campaign, day, version: champion.version, ...drift };
    await writeOnce(ports.objects, reportKey, Buffer.from(canonicalJson(report)), "application/json");
    return { outcome: drift.outcome, reportKey };
  },
});
