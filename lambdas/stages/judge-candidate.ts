import { z } from "zod";
import { judgeCandidate as judge } from "../../domain/gates/judge.ts";
import { DatasetVersion, TestTruth } from "../../schemas/dataset.ts";
import { Evaluation } from "../../schemas/evaluation.ts";
import type { Evidence } from "../../schemas/evidence.ts";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { cycleAgreement, readCycle, updateCycle } from "../store/campaigns.ts";
import { digestOf, readDocument, writeDocument } from "../store/documents.ts";
import { objectKeys } from "../store/keys.ts";
import { totals } from "../store/ledger.ts";
import { lookNumber } from "../store/looks.ts";
import { releaseState } from "../store/release.ts";

/** Does the candidate pass the gates that were planned before anybody looked? The evidence is bound by one digest. */
export const judgeCandidate = stage({
  name: "judge-candidate",
  input: CycleRef.extend({
    datasetKey: z.string(),
    modelKey: z.string(),
    evaluationPrefix: z.string(),
    backbone: z.string(),
  }),
  output: z.strictObject({
    outcome: z.enum(["promote", "reject", "not-enough-data"]),
    evidenceKey: z.string(),
    evidenceDigest: z.string(),
  }),
  async run({ campaign, cycle, datasetKey, modelKey, evaluationPrefix, backbone }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    const dataset = await readDocument(ports.objects, datasetKey, DatasetVersion);
    const truth = await readDocument(ports.objects, objectKeys.sealedTruth(campaign, dataset.testSha256), TestTruth);
    const evaluationKey = `${evaluationPrefix}/evaluation.json`;
    const evaluation = await readDocument(ports.objects, evaluationKey, Evaluation);
    // An evaluation is a look, whatever comes of it; the step that runs again finds its own.
    const look = await lookNumber(ports, campaign, { evaluationKey, cycle, testSha256: dataset.testSha256 });
    const { champion } = await releaseState(ports, campaign);
    const money = await totals(ports, campaign);
    const { counts, refs, openedAt } = await readCycle(ports, campaign, cycle);
    const judgement = judge({
      evaluation,
      gates: agreement.gates,
      look,
      quality: agreement.quality,
      residualError: truth.residualError.upper,
      hasChampion: champion !== undefined && champion.cycle !== cycle,
      // Three blind answers and, about every second time, two experts: what one more test label costs.
      pricePerTestLabelMicros: Math.round(
        (3 * Math.max(...agreement.vendors.map((v) => v.pricePerAnswer)) + agreement.expertPricePerAnswer) * 1e6,
      ),
    });
    const rest: Omit<Evidence, "digest"> = {
      campaign,
      cycle,
      datasetVersion: dataset.version,
      modelKey,
      modelSha256: evaluation.modelSha256,
      backbone,
      evaluationKey,
      evaluation,
      judgement,
      dataset: { train: dataset.counts.train, validation: dataset.counts.validation, test: dataset.counts.test },
      labels: {
        bought: counts.bought ?? 0,
        perImage: counts.perImage ?? 0,
        spentMicros: money.spentMicros,
        budgetMicros: Math.round(agreement.budget * 1e6),
        currency: agreement.currency,
      },
      residualLabelError: truth.residualError.upper,
      // The cycle's own date, so that the step gives the same evidence when it runs again.
      madeAt: openedAt,
    };
    const evidence: Evidence = { digest: digestOf(rest), ...rest };
    const evidenceKey = objectKeys.evidence(campaign, evidence.digest);
    await writeDocument(ports.objects, evidenceKey, evidence);
    if (refs.evidence !== evidenceKey) {
      await updateCycle(ports, campaign, cycle, (record) => ({
        ...record,
        refs: { ...record.refs, evidence: evidenceKey },
      }));
    }
    return { outcome: judgement.outcome, evidenceKey, evidenceDigest: evidence.digest };
  },
});
