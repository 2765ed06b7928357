import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, expect, it, vi } from "vitest";
import { updateCycle } from "../../lambdas/store/campaigns.ts";
import { writeDocument } from "../../lambdas/store/documents.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import { doubtedLabels } from "../../lambdas/store/label-suspects.ts";
import { labelsSoFar } from "../../lambdas/store/labels.ts";
import { itemsToLabel } from "../../lambdas/store/wave-plan.ts";
import { askOwner, portalWorld } from "../api/world.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });
const classes = ["crack", "ok"];
let made: LabelWorld | undefined;
afterEach(async () => {
  await made?.close();
});

/** A training job's archive with nothing in it but its cross-validation. */
async function archive(document: unknown): Promise<Uint8Array> {
  const tar = pack();
  tar.entry({ name: "cv-predictions.json" }, JSON.stringify(document));
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar) pieces.push(piece as Buffer);
  return gzipSync(Buffer.concat(pieces));
}

/** Eighty pictures, ten of them the sealed test and four gold, and four vendors. */
const eighty: Parameters<typeof labelWorld>[0] = {
  pictures: pictures(80, classes),
  agreement: {
    classes,
    vendors: ["ash", "birch", "cedar", "elm"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 })),
    labelling: { lotSize: 25 },
  },
  split: (images) => ({ test: images.slice(0, 10), gold: images.slice(10, 14), pool: images.slice(14) }),
};

it("a label that the model doubts goes once to a vendor that has not given it, before anything else is bought", async () => {
  made = await labelWorld({
    ...eighty,
    world: "memory",
  });
  await made.run();
  const { ports, splitKey } = made;
  const labels = await labelsSoFar(ports, { campaign: "camp", cycle: 1, splitKey });
  const of = (image: string) => labels.known.answers.get(image) ?? [];
  const vendorsOf = (image: string) => [...new Set(of(image).map(({ vendor }) => vendor))];
  const open = labels.split.pool.filter(
    (image) =>
      of(image).length > 0 && labels.known.experts.get(image)?.truth === undefined && vendorsOf(image).length < 4,
  );
  const [doubted = "", decided = ""] = [
    open[0],
    labels.split.pool.find((image) => labels.known.experts.get(image)?.truth),
  ];
  expect(doubted).not.toBe("");

  // Nothing was trained: nothing is suspected.
  expect(await doubtedLabels(ports, "camp", 1, labels)).toMatchObject({
    suspects: [],
    compared: 0,
    because: expect.stringContaining("no model has been trained"),
  });

  const labelOf = (image: string) => {
    const { likelihood = [] } = labels.fitted.images.find((one) => one.image === image) ?? {};
    return likelihood.indexOf(Math.max(...likelihood));
  };
  const items = labels.split.pool.map((image) => {
    const wrong = image === doubted || image === decided;
    const sure = labelOf(image);
    return { sha256: image, probabilities: classes.map((_, k) => ((k === sure) === wrong ? 0.01 : 0.99)) };
  });
  const other = await portalWorld();
  const evidence = { ...(await askOwner(other)), campaign: "camp", modelKey: "campaigns/camp/models/one/model.tar.gz" };
  await ports.objects.put(evidence.modelKey, await archive({ classes, items }), "any");
  await writeDocument(ports.objects, "evidence-one", evidence);
  await updateCycle(ports, "camp", 1, (record) => ({ ...record, refs: { ...record.refs, evidence: "evidence-one" } }));

  const dear = { ...labels.purchases, plan: { ...labels.purchases.plan, lossPerError: 5 } };
  const { suspects: found, ...told } = await doubtedLabels(ports, "camp", 1, { ...labels, purchases: dear });
  // The image that experts decided is not asked again, however much the model doubts it.
  expect(found.map(({ image }) => image)[0]).toBe(doubted);
  expect(found.some(({ image }) => image === decided)).toBe(false);
  expect(found[0]).toMatchObject({ label: classes[labelOf(doubted)], excludedVendors: vendorsOf(doubted) });
  expect(found[0]?.gainMicros).toBeGreaterThan(0);
  expect(found[0]?.priceMicros).toBeGreaterThan(30_000);
  expect(told.priceMicros).toBe(found.reduce((sum, { priceMicros }) => sum + priceMicros, 0));
  expect(told.compared).toBeGreaterThan(found.length);
  expect(told.expectedWrong).toBeGreaterThan(0);

  // Where every vendor that has not labelled it is barred, or sells a model's word, nobody is left to ask.
  const others = ["ash", "birch", "cedar", "elm"].filter((id) => !vendorsOf(doubted).includes(id));
  const barred = await doubtedLabels(ports, "camp", 1, { ...labels, purchases: dear, barred: new Set(others) });
  expect(barred.suspects.some(({ image }) => image === doubted)).toBe(false);
  const models = labels.agreement.vendors.map((one) =>
    others.includes(one.id) ? { ...one, kind: "model" as const } : one,
  );
  const unasked = { ...labels, purchases: dear, agreement: { ...labels.agreement, vendors: models } };
  const left = await doubtedLabels(ports, "camp", 1, unasked);
  expect(left.suspects.some(({ image }) => image === doubted)).toBe(false);

  // In the wave each suspect wants one answer more, from nobody who gave one; what is bought anyway is not bought twice.
  const asked = itemsToLabel(labels, 1, false, undefined, found);
  const wanted = asked.filter(({ image }) => image === doubted);
  expect(wanted).toHaveLength(1);
  expect(wanted[0]).toMatchObject({ purpose: "label", copies: 1, excludedVendors: vendorsOf(doubted) });
  expect(itemsToLabel(labels, 1, false).some(({ image }) => image === doubted)).toBe(false);
  const twice = itemsToLabel(labels, 1, false, undefined, [...found, ...found]).map(({ image }) => image);
  expect(new Set(twice).size).toBe(twice.length);
});

it("doubted labels are answered by vendors that had not given them when the owner asks for more, and what they say counts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-suspects-"));
  const world = (now?: number) =>
    labelWorld({
      ...(now === undefined ? {} : { now }),
      ...eighty,
      folder,
    });
  try {
    made = await world();
    await made.run();
    const { ports, splitKey } = made;
    const before = await labelsSoFar(ports, { campaign: "camp", cycle: 1, splitKey });
    const label = (image: string) => {
      const { likelihood = [] } = before.fitted.images.find((one) => one.image === image) ?? {};
      return likelihood.indexOf(Math.max(...likelihood));
    };
    // The model is sure of something else for the eight images of which people are least sure.
    const open = before.fitted.images.filter(
      ({ image, answers }) => answers > 0 && before.known.experts.get(image)?.truth === undefined,
    );
    const unsure = open.sort((a, b) => Math.max(...a.posterior) - Math.max(...b.posterior)).slice(0, 8);
    const doubtful = new Set(unsure.map(({ image }) => image));
    const items = before.split.pool.map((image) => ({
      sha256: image,
      probabilities: classes.map((_, k) => ((k === label(image)) === doubtful.has(image) ? 0.01 : 0.99)),
    }));
    const other = await portalWorld();
    const evidence = {
      ...(await askOwner(other)),
      campaign: "camp",
      modelKey: "campaigns/camp/models/one/model.tar.gz",
    };
    await ports.objects.put(evidence.modelKey, await archive({ classes, items }), "any");
    await writeDocument(ports.objects, "evidence-one", evidence);
    await updateCycle(ports, "camp", 1, (record) => ({
      ...record,
      refs: { ...record.refs, evidence: "evidence-one" },
    }));
    const { suspects, because } = await doubtedLabels(ports, "camp", 1, before);
    expect(suspects.length, because).toBeGreaterThan(0);
    const zeros = "0".repeat(64);
    const wish = {
      ...{ campaign: "camp", cycle: 1, evidenceDigest: zeros, modelSha256: zeros, datasetVersion: zeros },
      ...{ decision: "ask-for-more", by: "olga", how: "person", reason: "look again at what the model doubts" },
      ...{ at: "2026-01-06T08:00:00Z", previous: zeros, signature: "a".repeat(64) },
    };
    const record = {
      ...{ evidenceKey: "e", evidenceDigest: "d", modelSha256: "m" },
      ...{ status: "decided", decision: "ask-for-more", decisions: [wish] },
    };
    await ports.records.put(recordKeys.approval("camp", 1), record, "any");
    const now = made.clock.now();
    await made.close();

    // The workflow comes back to planning: here as an execution of its own.
    for (const end of ["", "-shm", "-wal"]) rmSync(join(folder, `engine.db${end}`), { force: true });
    made = await world(now);
    await made.run();
    const after = await labelsSoFar(made.ports, { campaign: "camp", cycle: 1, splitKey });
    for (const { image, excludedVendors } of suspects) {
      const vendors = (after.known.answers.get(image) ?? []).map(({ vendor }) => vendor);
      const had = (before.known.answers.get(image) ?? []).length;
      expect(vendors.length, image).toBeGreaterThan(had);
      expect(vendors.filter((one) => excludedVendors.includes(one)).length, image).toBe(had);
    }
    const left = await doubtedLabels(made.ports, "camp", 1, after);
    // What another vendor confirmed is doubted less.
    const chance = (list: typeof suspects, image: string) => list.find((one) => one.image === image)?.errorProbability;
    for (const { image, errorProbability } of suspects)
      expect(chance(left.suspects, image) ?? 0, image).toBeLessThan(errorProbability);
  } finally {
    await made?.close();
    made = undefined;
    rmSync(folder, { recursive: true, force: true });
  }
});
