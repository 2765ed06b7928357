import { z } from "zod";
import { proposeRelabels } from "../../domain/label-errors/proposal.ts";
import { rankSuspects } from "../../domain/label-errors/suspects.ts";
import { Evidence } from "../../schemas/evidence.ts";
import { Probability, Sha256 } from "../../schemas/names.ts";
import type { Ports } from "../ports.ts";
import { readArchive } from "./archive.ts";
import { readCycle } from "./campaigns.ts";
import { DocumentError, readDocument } from "./documents.ts";
import type { Labels } from "./labels.ts";
import { skillOf } from "./purchases.ts";

/** A label that the newest model, which never learned from it, would give otherwise: worth a blind second opinion. */
export interface SuspectLabel {
  image: string;
  label: string;
  suggested: string;
  errorProbability: number;
  /** Of one answer, and of a third where the second differs, as expected. */
  priceMicros: number;
  /** Expected saving less the price. */
  gainMicros: number;
  /** Who labelled it: never asked again. */
  excludedVendors: string[];
}

/** What a training job leaves of its cross-validation: each row from a model that saw nothing of its image's group. */
const CrossValidated = z.object({
  classes: z.array(z.string()),
  items: z.array(z.object({ sha256: Sha256, probabilities: z.array(Probability) })),
});

/**
 * Suspected label errors after the newest training of a cycle up to this one, the best buy first: ranked by the model's
 * confidence in the label, worth their price at what an error costs. Images that experts decided, that wait for answers, or
 * that no other vendor can take are left out. None where nothing was trained yet, or with other classes.
 */
export async function suspectLabels(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
  { agreement, known, fitted, pending, purchases, budgetLeftMicros }: Labels,
): Promise<SuspectLabel[]> {
  const predicted = await newestPredictions(ports, campaign, cycle);
  if (predicted === undefined || predicted.classes.join("\n") !== agreement.classes.join("\n")) return [];
  const { classes } = agreement;
  const rows = new Map(predicted.items.map((item) => [item.sha256, item.probabilities]));
  const vendorsOf = (image: string) => [...new Set((known.answers.get(image) ?? []).map(({ vendor }) => vendor))];
  const judged = fitted.images.filter(
    ({ image, answers }) =>
      rows.has(image) &&
      answers > 0 &&
      known.experts.get(image)?.truth === undefined &&
      !pending.has(image) &&
      agreement.vendors.some(({ id }) => !vendorsOf(image).includes(id)),
  );
  const suspects = rankSuspects({
    classes: classes.length,
    // What people said, without any model's word: a model must not confirm itself.
    labels: Int32Array.from(judged, ({ likelihood }) => likelihood.indexOf(Math.max(...likelihood))),
    probabilities: Float64Array.from(judged.flatMap(({ image }) => rows.get(image) ?? [])),
  });
  const { skill } = skillOf(agreement, known, fitted);
  const right = classes.reduce((sum, _, k) => sum + (skill[k * classes.length + k] ?? 0), 0) / classes.length;
  const price =
    agreement.vendors.reduce((sum, { pricePerAnswer }) => sum + pricePerAnswer, 0) / agreement.vendors.length;
  const proposals = proposeRelabels(suspects, (index) => vendorsOf(judged[index]?.image ?? ""), {
    pricePerAnswer: price,
    lossPerError: purchases.plan.lossPerError,
    skill: right,
    budgetLeft: Math.max(0, budgetLeftMicros / 1e6),
  });
  const suspectOf = new Map(suspects.map((suspect) => [suspect.index, suspect]));
  return proposals.map(({ index, errorProbability, expectedGain, excludedVendors, price: cost }) => {
    const { label = 0, suggested = 0 } = suspectOf.get(index) ?? {};
    return {
      image: judged[index]?.image ?? "",
      label: classes[label] ?? "",
      suggested: classes[suggested] ?? "",
      errorProbability,
      priceMicros: Math.round(cost * 1e6),
      gainMicros: Math.round(expectedGain * 1e6),
      excludedVendors,
    };
  });
}

async function newestPredictions(ports: Pick<Ports, "records" | "objects">, campaign: string, cycle: number) {
  for (let at = cycle; at >= 1; at -= 1) {
    const { refs } = await readCycle(ports, campaign, at);
    if (refs.evidence === undefined) continue;
    const { modelKey } = await readDocument(ports.objects, refs.evidence, Evidence);
    const found = await ports.objects.get(modelKey);
    const text =
      found === undefined ? undefined : (await readArchive(found.bytes, modelKey)).get("cv-predictions.json");
    if (text === undefined) return undefined;
    const parsed = CrossValidated.safeParse(JSON.parse(text.toString("utf8")));
    if (!parsed.success)
      throw new DocumentError(`${modelKey}: cv-predictions.json is not of its form: ${parsed.error.message}`);
    return parsed.data;
  }
  return undefined;
}
