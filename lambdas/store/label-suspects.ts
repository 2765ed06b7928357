import { z } from "zod";
import { lossForTarget, proposeRelabels } from "../../domain/label-errors/proposal.ts";
import { rankSuspects } from "../../domain/label-errors/suspects.ts";
import { Evidence } from "../../schemas/evidence.ts";
import { Probability, Sha256 } from "../../schemas/names.ts";
import type { Ports } from "../ports.ts";
import { readArchive } from "./archive.ts";
import { readCycle } from "./campaigns.ts";
import { fitImages } from "./consensus.ts";
import { DocumentError, readDocument } from "./documents.ts";
import type { Labels } from "./labels.ts";
import { peopleOf, skillOf } from "./purchases.ts";

/** A label that the newest model, which never learned from it, would give otherwise: worth a blind second opinion. */
export interface SuspectLabel {
  image: string;
  label: string;
  suggested: string;
  /** Chance that the label is wrong, from the model's word and the answers so far. */
  errorProbability: number;
  /** Whether confident learning counts it among the errors too. */
  confident: boolean;
  /** Of one answer, and of a third where the second differs, as expected. */
  priceMicros: number;
  /** Expected saving less the price. */
  gainMicros: number;
  /** Who labelled it: never asked again. */
  excludedVendors: string[];
}

/** Labels beside what the newest model says of them. */
export interface DoubtedLabels {
  /** Images with a label of people that the model was compared with. */
  compared: number;
  /** Of them expected to be wrong, and counted among the errors by confident learning. */
  expectedWrong: number;
  confident: number;
  /** What asking all of `suspects` again is expected to cost, and to save beyond that. */
  priceMicros: number;
  gainMicros: number;
  /** Why there are no suspects, or what becomes of them. */
  because: string;
  /** Worth a second opinion, the best buy first. */
  suspects: SuspectLabel[];
}

/** What a training job leaves of its cross-validation: each row from a model that saw nothing of its image's group. */
const CrossValidated = z.object({
  classes: z.array(z.string()),
  items: z.array(z.object({ sha256: Sha256, probabilities: z.array(Probability) })),
});

/**
 * Suspected label errors after the newest training of a cycle up to this one: how likely each label is wrong by the model's
 * word and people's, and which are worth their price at what an error costs. Images that experts decided, that wait for
 * answers, or that no other vendor of people can take are left out.
 */
export async function doubtedLabels(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  cycle: number,
  { agreement, split, known, fitted, pending, purchases, budgetLeftMicros, barred }: Labels,
): Promise<DoubtedLabels> {
  const none = { compared: 0, expectedWrong: 0, confident: 0, priceMicros: 0, gainMicros: 0, suspects: [] };
  const predicted = await newestPredictions(ports, campaign, cycle);
  if (predicted === undefined)
    return { ...none, because: "no model has been trained and evaluated on these labels yet" };
  const { classes } = agreement;
  if (predicted.classes.join("\n") !== classes.join("\n"))
    return { ...none, because: `the newest model knows other classes: ${predicted.classes.join(", ")}` };
  const rows = new Map(predicted.items.map((item) => [item.sha256, item.probabilities]));
  const vendorsOf = (image: string) => [...new Set((known.answers.get(image) ?? []).map(({ vendor }) => vendor))];
  const hired = peopleOf(agreement).filter(({ id }) => !barred.has(id));
  const judged = fitted.images.filter(
    ({ image, answers }) =>
      rows.has(image) &&
      answers > 0 &&
      known.experts.get(image)?.truth === undefined &&
      !pending.has(image) &&
      hired.some(({ id }) => !vendorsOf(image).includes(id)),
  );
  const ranked = rankSuspects({
    classes: classes.length,
    // What people said, without any model's word: a model must not confirm itself.
    labels: Int32Array.from(judged, ({ likelihood }) => likelihood.indexOf(Math.max(...likelihood))),
    probabilities: Float64Array.from(judged.flatMap(({ image }) => rows.get(image) ?? [])),
  });
  // The model's word as far as gold and people believe it, beside what people said.
  const told = new Map(
    fitImages(agreement, split, known, rows).images.map(({ image, posterior }) => [image, posterior]),
  );
  const doubts = ranked.map((suspect) => {
    const posterior = told.get(judged[suspect.index]?.image ?? "") ?? [];
    return { ...suspect, errorProbability: 1 - (posterior[suspect.label] ?? 1) };
  });
  const { skill } = skillOf(agreement, known, fitted);
  const policy = {
    pricePerAnswer: hired.reduce((sum, { pricePerAnswer }) => sum + pricePerAnswer, 0) / Math.max(1, hired.length),
    skill: classes.reduce((sum, _, k) => sum + (skill[k * classes.length + k] ?? 0), 0) / classes.length,
  };
  const { labelAccuracy, valuePerPoint } = agreement.quality;
  // Where only right labels count: as much as brings them to what was promised, now that the model has told more of them.
  const forTarget = valuePerPoint === undefined ? lossForTarget(doubts, 1 - labelAccuracy, policy) : 0;
  const proposals = proposeRelabels(doubts, (index) => vendorsOf(judged[index]?.image ?? ""), {
    ...policy,
    lossPerError: Math.max(purchases.plan.lossPerError, forTarget),
    budgetLeft: Math.max(0, budgetLeftMicros / 1e6),
  });
  const doubtOf = new Map(doubts.map((doubt) => [doubt.index, doubt]));
  const suspects = proposals.map(({ index, errorProbability, expectedGain, excludedVendors, price }): SuspectLabel => {
    const { label = 0, suggested = 0, confident = false } = doubtOf.get(index) ?? {};
    return {
      image: judged[index]?.image ?? "",
      label: classes[label] ?? "",
      suggested: classes[suggested] ?? "",
      errorProbability,
      confident,
      priceMicros: Math.round(price * 1e6),
      gainMicros: Math.round(expectedGain * 1e6),
      excludedVendors,
    };
  });
  const wrong = doubts.reduce((sum, { errorProbability }) => sum + errorProbability, 0);
  const total = (of: (suspect: SuspectLabel) => number) => suspects.reduce((sum, suspect) => sum + of(suspect), 0);
  return {
    compared: doubts.length,
    expectedWrong: Math.round(10 * wrong) / 10,
    confident: doubts.filter(({ confident }) => confident).length,
    priceMicros: total(({ priceMicros }) => priceMicros),
    gainMicros: total(({ gainMicros }) => gainMicros),
    because:
      suspects.length === 0
        ? `no label is doubted enough to be worth a second opinion: ${percent(wrong, doubts.length)} of the labels compared are expected to be wrong, ${percent(1 - labelAccuracy)} may be`
        : "they go first, blind, to vendors that have not labelled them, when the owner asks for more or the next cycle begins; a third answer breaks ties",
    suspects,
  };
}

const percent = (part: number, of = 1) => `${((100 * part) / Math.max(1, of)).toFixed(1)} %`;

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
