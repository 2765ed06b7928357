import { z } from "zod";
import { CampaignName, ClassName, Probability, Slug } from "./names.ts";

/** Price in whole currency units, at most six decimals (ledger amounts are integers of a millionth). */
const Price = z
  .number()
  .min(0, "a price can't be negative")
  .refine((p) => Math.abs(p * 1e6 - Math.round(p * 1e6)) < 1e-6, "at most six decimals");

export const Vendor = z.strictObject({
  id: Slug,
  name: z.string().min(1).max(120),
  /** Paid per accepted answer, in the campaign's currency. */
  pricePerAnswer: Price,
  /**
   * `model`: answers are a program's (zero-shot, vision and language). It is priced, tested with gold, inspected and paid
   * like people, and asked once per image, for it would say the same again. Its word is a prior on what people say, weighed by
   * how it does on gold; it is never an answer beside theirs, nor a truth of the test set.
   */
  kind: z.enum(["people", "model"]).default("people"),
  /** Most answers that the vendor takes in one wave. */
  capacityPerWave: z.int().positive().default(100_000),
});
export type Vendor = z.infer<typeof Vendor>;

/** A preferred value of the standard, percent defective. */
const Aql = z
  .number()
  .refine((v) => [0.01, 0.015, 0.025, 0.04, 0.065, 0.1, 0.15, 0.25, 0.4, 0.65, 1, 1.5, 2.5, 4, 6.5, 10].includes(v), {
    message: "expected one of .010 .015 .025 .040 .065 .10 .15 .25 .40 .65 1.0 1.5 2.5 4.0 6.5 10",
  });

export const InspectionLevel = z.enum(["S-1", "S-2", "S-3", "S-4", "I", "II", "III"]);

/** How much is inspected and when a lot is accepted (ANSI Z1.4 / ISO 2859-1 single sampling). */
export const InspectionPolicy = z.strictObject({
  /** Left out: by what a lot's answers cost against what inspecting it costs, II at most (domain/acceptance/level.ts). */
  level: InspectionLevel.optional(),
  /** Acceptable quality limit of all errors. */
  aql: Aql.default(10),
  /** Errors that must hardly ever happen: they count among all errors, and against an AQL of their own. */
  critical: z
    .strictObject({
      aql: Aql,
      pairs: z.array(z.strictObject({ truth: ClassName, said: ClassName })).min(1),
    })
    .optional(),
  /**
   * Percent defective that an isolated lot (one of a wave whose images were chosen for being unsure) hardly ever passes with.
   * Left out: isolated lots have the same plan as others, and don't count for switching.
   */
  limitingQuality: z.number().gt(0).lt(100).optional(),
  /** A vendor may dispute a verdict for so long after the lot was closed. */
  disputeDays: z.number().positive().max(365).optional(),
});
export type InspectionPolicy = z.infer<typeof InspectionPolicy>;

export const LabellingPolicy = z.strictObject({
  /**
   * Answers bought for each image before any of them may be settled, and the most ever bought for one image before experts
   * decide. 0: a model made of the bought labels may settle an image that nobody has answered.
   */
  minAnswers: z.int().min(0).default(1),
  maxAnswers: z.int().min(1).default(7),
  maxWaves: z.int().min(1).default(6),
  /** Share of the images that the first wave asks for, as different from each other as their features are; the rest waits. */
  startShare: z.number().gt(0).max(1).default(1),
  lotSize: z.int().min(5).max(500).default(200),
  /**
   * Share of the images that is gold: hidden, answered blind by two experts and by every vendor. Left out: as many as the
   * money at stake is worth (domain/planner/gold-size.ts).
   */
  goldShare: z.number().min(0).max(0.05).optional(),
  /**
   * A test before the first lot: questions whose truth experts gave, and right answers to pass. Unpaid. Left out: none.
   * 17 of 20 passes 98 % of those who are right 95 % of the time, and 11 % of those who are right 70 %.
   */
  qualification: z
    .strictObject({ questions: z.int().min(5).max(100), toPass: z.int().min(1) })
    .refine((test) => test.toPass <= test.questions, "can't ask for more right answers than questions")
    .optional(),
  /** What a day of waiting for labels costs the owner: a wave that saves less than the time it takes is not bought. */
  pricePerDay: Price.default(0),
  lotDeadlineHours: z.number().positive().default(72),
  reviewDeadlineHours: z.number().positive().default(72),
});

export const QualityTarget = z.strictObject({
  /** Wanted share of right labels in the training data. */
  labelAccuracy: Probability.default(0.985),
  /**
   * What one more point of the model's accuracy is worth. Then no wrong label is worth more than it costs the model by its
   * learning curve, whatever labelAccuracy asks; and where no answer is asked for every image (minAnswers 0), images stay
   * unlabelled once the curve, at its upper end, promises less than their labels cost.
   */
  valuePerPoint: Price.optional(),
  /** The owner's own floor for the model's accuracy, if there is one. */
  modelAccuracy: Probability.optional(),
  /** The owner's wish: at most so long for one image, on one thread of the machine on which models are evaluated. */
  latencyMs: z.number().positive().optional(),
  /** The owner's wish: a model of at most so many megabytes (10^6 bytes). */
  modelMegabytes: z.number().positive().optional(),
  /** Floors per class for recall. */
  recall: z.record(z.string(), Probability).default({}),
});

export const TrainingPolicy = z.strictObject({
  /**
   * A timm architecture; `auto` (the largest of the supplied weights); `small-cnn` (a small network from scratch) or
   * `descriptor` (hand-made features and logistic regression), which need no weights.
   */
  backbone: z.string().min(1).default("auto"),
  testShare: z.number().min(0.05).max(0.5).default(0.15),
  validationShare: z.number().min(0.05).max(0.5).default(0.15),
  /**
   * `auto`: smaller and faster variants of the model compete on the validation images where a wish is stated (latencyMs,
   * modelMegabytes), or where there are enough of them to prove one as good. `off`: the model goes as it was trained.
   */
  optimise: z.enum(["auto", "off"]).default("auto"),
  /** Test images on which the model is tried again under worse light, angle, blur, noise and compression; 0: none. */
  corruptedImages: z.int().min(0).max(5000).default(48),
  /**
   * `probe`: logistic regression on frozen features. `finetune`: the network as well, however long it takes. `auto`: the
   * network as well where `minutes` suffice, as a few timed batches say. What was fine-tuned ships only if its paired gain over
   * the probe is above zero. Left out: `auto` in a deployment, `probe` on a laptop, whose processor takes hours for it.
   */
  recipe: z.enum(["probe", "finetune", "auto"]).optional(),
  /** Most minutes that making variants, and fine-tuning under `auto`, may take each; what does not fit is left out and told. */
  minutes: z.number().positive().max(180).default(60),
});

export const IntakePolicy = z.strictObject({
  /**
   * `required`: no label is bought before somebody of the data team has accepted the report on the photos of this cycle.
   * `none`: the report is there, and buying begins. With approvals.mode `auto` the policy accepts, and it is recorded so.
   */
  review: z.enum(["required", "none"]).default("none"),
  deadlineHours: z.number().positive().max(8000).default(168),
});

export const GatePolicy = z.strictObject({
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  power: z.number().gt(0.5).lt(1).default(0.8),
  /** Non-inferiority margin against the champion, in accuracy. */
  margin: z.number().gt(0).lt(0.2).default(0.01),
  looks: z.int().min(1).max(10).default(1),
});

export const ApprovalPolicy = z.strictObject({
  mode: z.enum(["ask", "auto"]).default("ask"),
  count: z.int().min(1).max(5).default(1),
  excludeRequester: z.boolean().default(false),
  deadlineHours: z.number().positive().default(720),
});

export const ReleasePolicy = z.strictObject({
  /** Where the model runs on AWS: serverless (nothing idles) unless the agreement asks for machines of its own. */
  serving: z.enum(["serverless", "instances"]).optional(),
  /** Share of real requests that a candidate gets while a champion is live. */
  candidateShare: z.number().gt(0).max(0.5).default(0.1),
  /** Real candidate requests needed before it can be promoted. */
  minimumRequests: z.int().min(1).default(200),
  watchHours: z.number().positive().default(168),
  /** Share of requests whose image is kept for the audit. */
  captureShare: Probability.default(0.05),
  /** Rolled back when the candidate's errors per request surely exceed the champion's by more than this. */
  errorMargin: Probability.default(0.02),
  /** Rolled back when the candidate's 95th percentile latency exceeds the champion's by more than this factor. */
  latencyFactor: z.number().gt(1).default(3),
});

/** What is bought once a model is live. Without it requests are compared with the sealed test, and nobody labels them. */
export const MonitorPolicy = z.strictObject({
  /**
   * Captured requests of a model that an audit labels, as the sealed test is labelled: three blind answers each, and experts
   * where these differ.
   */
  labels: z.int().min(20).max(500),
  /** Days between two audits of a live model. */
  everyDays: z.int().min(1).max(365).default(30),
  /** Least share of right answers in production. Left out: the lower end of what the sealed test showed. */
  accuracyFloor: Probability.optional(),
  /** A candidate is promoted only after so many of its own answers were labelled; until then all of its requests are kept. */
  holdsRollout: z.boolean().default(false),
});
export type MonitorPolicy = z.infer<typeof MonitorPolicy>;

/** What annotators read beside the image. A new text is a new version; answers are stamped with it. */
export const Guideline = z.strictObject({
  version: z.int().min(1).default(1),
  text: z.string().max(100_000).default(""),
});

/** A standing agreement: what is labelled, by whom, at which price, to which quality. Source: campaign.yaml. */
export const Campaign = z
  .strictObject({
    name: CampaignName,
    classes: z.array(ClassName).min(2).max(1000),
    guideline: Guideline.prefault({}),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .default("USD"),
    budget: Price.default(5000),
    expertPricePerAnswer: Price.default(0.3),
    vendors: z.array(Vendor).min(1),
    intake: IntakePolicy.prefault({}),
    labelling: LabellingPolicy.prefault({}),
    inspection: InspectionPolicy.prefault({}),
    quality: QualityTarget.prefault({}),
    training: TrainingPolicy.prefault({}),
    gates: GatePolicy.prefault({}),
    approvals: ApprovalPolicy.prefault({}),
    release: ReleasePolicy.prefault({}),
    monitor: MonitorPolicy.optional(),
    seed: z.int().min(0).default(1),
  })
  .superRefine((c, ctx) => {
    const seen = new Map<string, string>();
    for (const name of c.classes) {
      const folded = name.normalize("NFC").toLowerCase().trim();
      const twin = seen.get(folded);
      if (twin !== undefined) {
        ctx.addIssue({
          code: "custom",
          path: ["classes"],
          message: `classes "${twin}" and "${name}" have the same name; names must differ in more than case and spaces`,
        });
      }
      seen.set(folded, name);
    }
    const ids = new Set<string>();
    for (const v of c.vendors) {
      if (ids.has(v.id))
        ctx.addIssue({ code: "custom", path: ["vendors"], message: `vendor id "${v.id}" stands twice` });
      ids.add(v.id);
    }
    if (c.vendors.every(({ kind }) => kind === "model"))
      ctx.addIssue({
        code: "custom",
        path: ["vendors"],
        message:
          "all vendors are models; what models say is weighed against people's answers: name a vendor of kind people",
      });
    const { critical, limitingQuality, aql } = c.inspection;
    critical?.pairs.forEach(({ truth, said }, index) => {
      const path = ["inspection", "critical", "pairs", index];
      for (const name of [truth, said])
        if (!c.classes.includes(name))
          ctx.addIssue({ code: "custom", path, message: `"${name}" is not one of the classes` });
      if (truth === said) ctx.addIssue({ code: "custom", path, message: `"${truth}" taken for itself is no error` });
    });
    if (limitingQuality !== undefined && limitingQuality <= aql) {
      ctx.addIssue({
        code: "custom",
        path: ["inspection", "limitingQuality"],
        message: `${limitingQuality} % is no limit beside an AQL of ${aql} %; it must be larger`,
      });
    }
    for (const name of Object.keys(c.quality.recall)) {
      if (!c.classes.includes(name)) {
        ctx.addIssue({
          code: "custom",
          path: ["quality", "recall", name],
          message: `"${name}" is not one of the classes`,
        });
      }
    }
    if (c.approvals.mode === "auto" && c.approvals.count > 1) {
      ctx.addIssue({
        code: "custom",
        path: ["approvals", "count"],
        message: `${c.approvals.count} approvals need people: with mode auto there is one, the policy's; set mode to ask, or count to 1`,
      });
    }
    if (c.monitor?.holdsRollout === true) {
      const path = ["monitor", "holdsRollout"];
      if (c.release.serving === "instances")
        ctx.addIssue({
          code: "custom",
          path,
          message: `with serving "instances" a candidate has no share of requests that could be labelled; use "serverless"`,
        });
      const { lotDeadlineHours, reviewDeadlineHours } = c.labelling;
      const needed = lotDeadlineHours + reviewDeadlineHours + 24;
      if (c.release.watchHours < needed)
        ctx.addIssue({
          code: "custom",
          path,
          message: `labels may take ${needed} hours (a day, a lot's deadline and its review's), but a rollout is watched for ${c.release.watchHours}: raise release.watchHours, or shorten the deadlines`,
        });
    }
    if (c.labelling.maxAnswers < c.labelling.minAnswers) {
      ctx.addIssue({ code: "custom", path: ["labelling", "maxAnswers"], message: "can't be less than minAnswers" });
    }
  });
export type Campaign = z.infer<typeof Campaign>;
/** What a person writes: everything with a default may be left out. */
export type CampaignInput = z.input<typeof Campaign>;
