import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { chance } from "../../domain/chance.ts";
import { type Calibration, logPrior } from "../../domain/model-prior/calibration.ts";
import { fitImages, type Known } from "../../lambdas/store/consensus.ts";
import { readDocument } from "../../lambdas/store/documents.ts";
import { expertFindings } from "../../lambdas/store/expert-findings.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { auditOf } from "../../lambdas/store/model-audit.ts";
import { skillOf } from "../../lambdas/store/purchases.ts";
import type { Picture } from "../../local/rehearsal/scenery.ts";
import type { Answer } from "../../schemas/answer.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { Consensus } from "../../schemas/consensus.ts";
import { DatasetVersion } from "../../schemas/dataset.ts";
import { Split } from "../../schemas/state.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });

const classes = ["crack", "ok"];
const agreement = Campaign.parse({
  name: "camp",
  classes,
  vendors: [{ id: "acme", name: "Acme", pricePerAnswer: 0.03 }],
});
const worlds: LabelWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

/** Twelve images with one to three answers each; i0 is gold that experts know, i1 is gold that nobody has settled. */
function said(): { known: Known; images: string[] } {
  const images = pictures(12, classes).map(({ sha256 }) => sha256);
  const random = chance("said");
  const answers = new Map(
    images.map((image, i): [string, Answer[]] => [
      image,
      Array.from({ length: 1 + (i % 3) }, (_, n) => ({
        image,
        lot: "l",
        revision: 1,
        vendor: "acme",
        annotator: `a${n}`,
        value: { task: "class", label: classes[random.below(2)] as string },
        guidelineVersion: 1,
        classSet: "0".repeat(64),
        seconds: 3,
        at: "2026-01-05T08:00:00Z",
      })),
    ]),
  );
  const first = images[0] as string;
  const finding = {
    image: first,
    task: "t",
    kind: "gold" as const,
    truth: "ok",
    contested: false,
    complete: true,
    answers: [],
  };
  return { images, known: { answers, models: new Map(), experts: new Map([[first, finding]]) } };
}

describe("a model's prior", () => {
  it("moves the pool's posteriors and nothing that people, gold, skill or training stand on", () => {
    const { known, images } = said();
    const split = { gold: images.slice(0, 2), pool: images.slice(2) };
    const prior = new Map(images.map((image) => [image, [0.97, 0.03]]));
    const without = fitImages(agreement, split, known);
    const having = fitImages(agreement, split, known, prior);
    expect(having.fit).toEqual(without.fit);
    expect(skillOf(agreement, known, having)).toEqual(skillOf(agreement, known, without));
    for (const [i, image] of having.images.entries()) {
      const before = without.images[i] as (typeof without.images)[number];
      expect(image.likelihood).toEqual(before.likelihood);
      if (split.gold.includes(image.image)) expect(image.posterior).toEqual(before.posterior);
      else expect(image.posterior[0]).toBeGreaterThan(before.posterior[0] as number);
    }
  });

  it("is Bayes' rule with the model's scaled word in front of what people said", () => {
    const { known, images } = said();
    const split = { gold: [], pool: images };
    const spoken = images[5] as string;
    const { images: fitted, calibration } = fitImages(agreement, split, known, new Map([[spoken, [0.8, 0.2]]]));
    const image = fitted.find((one) => one.image === spoken);
    const odds = (row: readonly number[] = []) => (row[0] as number) / (row[1] as number);
    const scaled = logPrior(Float64Array.of(0.8, 0.2), 2, calibration as Calibration);
    const believed = Math.exp((scaled[0] as number) - (scaled[1] as number));
    expect(believed).toBeGreaterThan(1);
    expect(odds(image?.posterior)).toBeCloseTo(believed * odds(image?.likelihood), 5);
  });
});

async function featuresOf(shown: readonly Picture[]): Promise<Uint8Array> {
  const random = chance("features");
  const rows = shown.map(({ label }) => {
    const row = Array.from({ length: 8 }, (_, j) => random.normal() + (j === classes.indexOf(label) ? 4 : 0));
    const length = Math.hypot(...row);
    return row.map((x) => x / length);
  });
  const about = { dim: 8, count: rows.length, backbone: "made-up", transformDigest: "t", weightsSha256: null };
  const archive = pack();
  archive.entry({ name: "embeddings.json" }, JSON.stringify({ ids: shown.map(({ sha256 }) => sha256), ...about }));
  archive.entry({ name: "embeddings.f32" }, Buffer.from(Float32Array.from(rows.flat()).buffer));
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return gzipSync(Buffer.concat(pieces));
}

describe("a campaign with features", () => {
  it("asks people less for the same labels, and the model has no say on the test set", async () => {
    const shown = pictures(160, classes);
    const play = async (embeddings?: Uint8Array) => {
      const made = await labelWorld({
        pictures: shown,
        agreement: { classes, labelling: { lotSize: 60 } },
        world: "memory",
        ...(embeddings === undefined ? {} : { embeddings }),
      });
      worlds.push(made);
      const output = await made.run();
      const dataset = await readDocument(made.ports.objects, output?.dataset.key ?? "", DatasetVersion);
      return { made, dataset, counts: (await made.cycle()).counts };
    };
    const without = await play();
    const having = await play(await featuresOf(shown));
    expect(having.counts.perImage).toBeLessThan(without.counts.perImage as number);
    const truths = new Map(shown.map(({ sha256, label }) => [sha256, label]));
    const right = having.dataset.items.filter(({ sha256, label }) => truths.get(sha256) === label).length;
    expect(right / having.dataset.items.length).toBeGreaterThan(0.97);

    const { ports, splitKey } = having.made;
    const split = await readDocument(ports.objects, splitKey, Split);
    const prior = await ports.objects.get(objectKeys.modelPrior("camp", 1, 1));
    const spoken = JSON.parse(Buffer.from(prior?.bytes ?? []).toString("utf8")) as { images: { image: string }[] };
    expect(spoken.images.length).toBe(split.pool.length + split.gold.length);
    expect(spoken.images.some(({ image }) => split.test.includes(image))).toBe(false);
    const { refs } = await having.made.cycle();
    const consensus = await readDocument(ports.objects, refs.consensus ?? "", Consensus);
    expect(consensus.images.some(({ image }) => split.test.includes(image))).toBe(false);
  });
});

describe("images settled on a model's word", () => {
  it("are audited at random by experts, teach no model, and end when the model errs more than it had said", async () => {
    const shown = pictures(200, classes);
    const made = await labelWorld({
      pictures: shown,
      agreement: {
        classes,
        labelling: { lotSize: 60, minAnswers: 0, startShare: 0.4 },
        quality: { labelAccuracy: 0.9 },
      },
      world: "memory",
      embeddings: await featuresOf(shown),
    });
    worlds.push(made);
    const output = await made.run();
    const { ports } = made;
    const { refs } = await made.cycle();
    const consensus = await readDocument(ports.objects, refs.consensus ?? "", Consensus);
    const dataset = await readDocument(ports.objects, output?.dataset.key ?? "", DatasetVersion);
    const experts = await expertFindings(ports, "camp", made.agreement);
    const unanswered = consensus.images.filter(({ answers, settled }) => settled && answers === 0);
    expect(unanswered.length).toBeGreaterThan(20);
    const taught = new Set(dataset.items.map(({ sha256 }) => sha256));
    for (const { image } of unanswered) expect(taught.has(image)).toBe(experts.get(image)?.truth !== undefined);
    const audited = [...experts.values()].filter(({ kind }) => kind === "audit");
    expect(audited.length).toBeGreaterThan(0);
    expect(audited.every(({ complete }) => complete)).toBe(true);

    const label = (wrong: boolean) => ({ label: wrong ? "ok" : "crack", predictedError: 0.01 });
    const words = (wrong: boolean) => new Map(audited.map(({ image }) => [image, label(wrong)]));
    const found = new Map(audited.map((one) => [one.image, { ...one, truth: "crack" }]));
    expect(auditOf({ experts: found }, words(false)).wrong).toBe(0);
    expect(auditOf({ experts: found }, words(true)).outcome).toBe("recalibrate");
  });
});

describe("an owner to whom the model is worth so much a point", () => {
  it("buys no answer for images whose labels would improve it by less than they cost", async () => {
    const shown = pictures(200, classes);
    const made = await labelWorld({
      pictures: shown,
      agreement: {
        classes,
        labelling: { lotSize: 60, minAnswers: 0, startShare: 0.5 },
        quality: { labelAccuracy: 0.999, valuePerPoint: 0.01 },
      },
      world: "memory",
      embeddings: await featuresOf(shown),
    });
    worlds.push(made);
    const output = await made.run();
    const { refs } = await made.cycle();
    const consensus = await readDocument(made.ports.objects, refs.consensus ?? "", Consensus);
    const split = await readDocument(made.ports.objects, made.splitKey, Split);
    const unanswered = consensus.images.filter(({ answers }) => answers === 0);
    expect(unanswered.length).toBeGreaterThan(0.3 * split.pool.length);
    const dataset = await readDocument(made.ports.objects, output?.dataset.key ?? "", DatasetVersion);
    const taught = new Set(dataset.items.map(({ sha256 }) => sha256));
    const experts = await expertFindings(made.ports, "camp", made.agreement);
    for (const { image } of unanswered) expect(taught.has(image)).toBe(experts.get(image)?.truth !== undefined);
  });
});
