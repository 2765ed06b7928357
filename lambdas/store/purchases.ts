import { accuracyPerWrongLabel, type CurvePoint, worthMoreLabels } from "../../domain/planner/learning-curve.ts";
import { type PurchasePlan, planPurchases } from "../../domain/planner/plan.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { FittedImage, ImageFit, Known } from "./consensus.ts";
import { inspectionPerAnswer } from "./inspection.ts";
import { auditOf } from "./model-audit.ts";

/** Checked answers on truth that experts gave from which skill counts as measured. */
const CHECKS_TO_ANCHOR = 20;
/** The fit's own idea of skill weighs as much as so many checked answers per class. */
const FIT_WEIGHT = 10;

/** Vendors whose answers are people's. */
export const peopleOf = ({ vendors }: Pick<Campaign, "vendors">) => vendors.filter(({ kind }) => kind === "people");

/** What is worth buying for the images that experts have not decided; `images[i]` is row i of the plan. */
export interface Purchases {
  images: string[];
  plan: PurchasePlan;
  /** Settled by experts or because nothing more is worth its price. */
  settled: Set<string>;
  /** Images for the experts' queue. */
  queue: string[];
}

/**
 * Which images are worth more answers at this agreement's prices? `pending` are answers that open lots may still bring.
 * Gold waits for its experts; gold on which they could not agree is an image like any other.
 */
export function purchasesOf(
  agreement: Campaign,
  gold: ReadonlySet<string>,
  known: Known,
  { images, fit, workers, temper, modelWords }: ImageFit,
  left: {
    budget: number;
    waves: number;
    wavePrice: number;
    pending: ReadonlyMap<string, number>;
    curve?: readonly CurvePoint[];
  },
): Purchases {
  const classes = agreement.classes.length;
  const settled = new Set(
    images.filter(({ image }) => known.experts.get(image)?.truth !== undefined).map(({ image }) => image),
  );
  const isSeen = ({ image, answers }: FittedImage) => answers > 0 || left.pending.has(image);
  const unseen = images.filter((image) => !settled.has(image.image) && !gold.has(image.image) && !isSeen(image)).length;
  const enoughForModel = isCurveFlat(agreement, left.curve, unseen);
  const open = images.filter(
    (image) =>
      !settled.has(image.image) &&
      (!gold.has(image.image) || known.experts.get(image.image)?.complete === true) &&
      !(enoughForModel && !isSeen(image)),
  );
  const prices = peopleOf(agreement).map((vendor) => vendor.pricePerAnswer);
  // A loss that is solved for a share of right labels counts in answers; one in money meets what an answer really costs.
  const overhead = agreement.quality.valuePerPoint === undefined ? 0 : inspectionPerAnswer(agreement);
  const { skill, checks } = skillOf(agreement, known, { images, fit, workers });
  const answersOf = ({ image, answers }: FittedImage) => answers + (left.pending.get(image) ?? 0);
  // A model that erred more on audited images than it had said settles nothing alone any more.
  const audit = auditOf(known, modelWords);
  const isTrusted = audit.outcome === "as-predicted" || (audit.observedOverPredicted ?? 0) <= 1;
  const minAnswers = isTrusted ? agreement.labelling.minAnswers : Math.max(1, agreement.labelling.minAnswers);
  const planFor = (some: readonly FittedImage[], lossPerError?: number) =>
    planPurchases({
      classes,
      images: {
        posterior: Float64Array.from(some.flatMap(({ posterior }) => posterior)),
        answers: Int32Array.from(some, answersOf),
        cannotTell: Int32Array.from(some, ({ cannotTell }) => cannotTell),
      },
      minAnswers,
      maxAnswers: agreement.labelling.maxAnswers,
      skill,
      temper,
      pricePerAnswer: prices.reduce((sum, price) => sum + price, 0) / prices.length + overhead,
      expertPrice: 2 * agreement.expertPricePerAnswer,
      targetAccuracy: agreement.quality.labelAccuracy,
      budgetLeft: Math.max(0, left.budget),
      goldAnchored: checks >= CHECKS_TO_ANCHOR,
      wavesLeft: Math.max(1, left.waves),
      // A wave costs at least one lot's inspection, however little it holds.
      wavePrice: left.wavePrice + overhead * agreement.labelling.lotSize,
      ...(lossPerError === undefined ? {} : { lossPerError }),
    });
  // What an error may cost is solved on images that people have seen: newcomers, who err half the time by not being known
  // yet, must not drive up what is spent on the others.
  const seen = open.filter((image) => answersOf(image) >= minAnswers);
  const someNew = seen.length > 0 && seen.length < open.length;
  const forLabels = someNew ? planFor(seen).lossPerError : undefined;
  const forModel = worthOfError(agreement, left.curve, seen);
  const loss = forModel === undefined ? forLabels : Math.min(forModel, forLabels ?? planFor(open).lossPerError);
  const plan = planFor(open, loss);
  // What is not worth a label to the model is left out, not settled on the model's word: there is nothing to audit.
  open.forEach((image, index) => {
    if (plan.settled[index] === 1 && (forModel === undefined || isSeen(image))) settled.add(image.image);
  });
  const queue = [...plan.expertQueue]
    .map((index) => open[index]?.image ?? "")
    .filter((image) => known.experts.get(image)?.complete !== true);
  return { images: open.map(({ image }) => image), plan, settled, queue };
}

/**
 * What a wrong label may cost where the owner says what a point of the model's accuracy is worth: no more than it costs the
 * model. undefined where the owner does not say, or nothing is known of the learning curve yet.
 */
function worthOfError(
  { classes, quality }: Campaign,
  curve: readonly CurvePoint[] | undefined,
  seen: readonly FittedImage[],
): number | undefined {
  if (quality.valuePerPoint === undefined || seen.length === 0 || !isCurve(curve)) return undefined;
  const wrong = seen.reduce((sum, { posterior }) => sum + 1 - Math.max(...posterior), 0) / seen.length;
  return 100 * quality.valuePerPoint * accuracyPerWrongLabel(curve, { wrong, classes: classes.length });
}

const isCurve = (curve: readonly CurvePoint[] | undefined): curve is readonly CurvePoint[] =>
  curve !== undefined && new Set(curve.map(({ labelled }) => labelled)).size >= 3;

/**
 * Whether the images that nobody has answered can stay so: the owner says what a point of the model's accuracy is worth and
 * asks no answer for every image, and even the upper end of what the learning curve promises for labelling them all is worth
 * less than their price.
 */
function isCurveFlat(agreement: Campaign, curve: readonly CurvePoint[] | undefined, unseen: number): boolean {
  const { labelling, quality } = agreement;
  const { valuePerPoint } = quality;
  if (valuePerPoint === undefined || labelling.minAnswers > 0 || unseen === 0) return false;
  if (!isCurve(curve)) return false;
  const cheapest = Math.min(...peopleOf(agreement).map(({ pricePerAnswer }) => pricePerAnswer));
  const more = { labels: unseen, price: unseen * (cheapest + inspectionPerAnswer(agreement)), valuePerPoint };
  return worthMoreLabels(curve, more).decision === "stop";
}

/** P(said | truth) of a fresh answer: answers on images whose truth two experts gave, leaning on the fit where those are few. */
export function skillOf(
  agreement: Campaign,
  known: Known,
  { images, fit, workers }: Pick<ImageFit, "images" | "fit" | "workers">,
): { skill: Float64Array; checks: number } {
  const classes = agreement.classes.length;
  const indexOf = new Map(agreement.classes.map((name, index) => [name, index]));
  const skill = pooledConfusion(known, images, fit.confusion, workers, classes);
  for (let i = 0; i < skill.length; i += 1) skill[i] = (skill[i] as number) * FIT_WEIGHT;
  let checks = 0;
  for (const { image } of images) {
    const truth = indexOf.get(known.experts.get(image)?.truth ?? "");
    if (truth === undefined) continue;
    for (const { value } of known.answers.get(image) ?? []) {
      checks += 1;
      const said = value.task === "class" ? indexOf.get(value.label) : undefined;
      if (said !== undefined) skill[truth * classes + said] = (skill[truth * classes + said] as number) + 1;
    }
  }
  for (let truth = 0; truth < classes; truth += 1) {
    const row = skill.subarray(truth * classes, (truth + 1) * classes);
    const sum = row.reduce((total, value) => total + value, 0);
    for (let said = 0; said < classes; said += 1) row[said] = sum > 0 ? (row[said] as number) / sum : 1 / classes;
  }
  return { skill, checks };
}

/** The annotators' fitted confusions, each weighed by its answers, without "cannot tell"; rows sum to 1. */
function pooledConfusion(
  known: Known,
  images: ImageFit["images"],
  confusion: Float64Array,
  workers: ImageFit["workers"],
  classes: number,
): Float64Array {
  const answers = new Map<string, number>();
  for (const { image } of images) {
    for (const { vendor, annotator } of known.answers.get(image) ?? []) {
      const key = `${vendor}/${annotator}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
    }
  }
  const pooled = new Float64Array(classes * classes);
  workers.forEach(({ vendor, annotator }, worker) => {
    const weight = answers.get(`${vendor}/${annotator}`) ?? 0;
    for (let truth = 0; truth < classes; truth += 1) {
      for (let said = 0; said < classes; said += 1) {
        const at = truth * classes + said;
        pooled[at] =
          (pooled[at] as number) + weight * (confusion[(worker * classes + truth) * (classes + 1) + said] as number);
      }
    }
  });
  for (let truth = 0; truth < classes; truth += 1) {
    const row = pooled.subarray(truth * classes, (truth + 1) * classes);
    const sum = row.reduce((total, value) => total + value, 0);
    // Before anybody has answered: right seven times in ten, as the consensus assumes.
    for (let said = 0; said < classes; said += 1)
      row[said] = sum > 0 ? (row[said] as number) / sum : said === truth ? 0.7 : 0.3 / (classes - 1);
  }
  return pooled;
}
