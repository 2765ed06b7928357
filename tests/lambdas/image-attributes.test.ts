import { describe, expect, test } from "vitest";
import { attributesOf, labelSourcesOf } from "../../lambdas/store/image-attributes.ts";
import { Campaign } from "../../schemas/campaign.ts";
import type { CatalogueEntry } from "../../schemas/catalogue.ts";
import type { DatasetVersion, TestTruth } from "../../schemas/dataset.ts";

type Labelling = Parameters<typeof attributesOf>[2];
const [A, B, C] = ["a", "b", "c"].map((letter) => letter.repeat(64)) as [string, string, string];
const agreement = Campaign.parse({
  name: "parts",
  classes: ["crack", "ok"],
  vendors: [
    { id: "alder", name: "Alder", pricePerAnswer: 0.03 },
    { id: "clip", name: "Clip", pricePerAnswer: 0.001, kind: "model" },
  ],
});
const answer = (vendor: string, annotator: string) => ({ vendor, annotator });
const known = {
  answers: new Map([
    [A, [answer("clip", "model"), answer("alder", "ann-1"), answer("alder", "ann-2")]],
    [B, [answer("alder", "ann-1")]],
  ]),
  experts: new Map([[B, { truth: "ok" }]]),
} as unknown as Labelling;
const entry = (sha256: string, camera?: string) =>
  ({
    sha256,
    facts: { width: 40, height: 30, brightness: 0.25, ...(camera && { capture: { camera } }) },
  }) as CatalogueEntry;

describe("what is known of images beside their pixels", () => {
  test("is of the test images alone: size, brightness, camera, and vendors without their people", async () => {
    const truth = { items: [{ sha256: A }, { sha256: C }] } as TestTruth;
    const attributes = await attributesOf(truth, [[entry(A, "Pinhole 1"), entry(B)], [entry(C)]], known);
    expect(attributes).toEqual({
      [A]: { size: 1200, brightness: 0.25, camera: "Pinhole 1", vendor: ["alder", "clip"] },
      [C]: { size: 1200, brightness: 0.25 },
    });
    expect(JSON.stringify(attributes)).not.toContain("ann-");
  });

  test("labels are counted by vendor, models told apart from people; who answered nothing is left out", () => {
    const dataset = (images: string[]) => ({ items: images.map((sha256) => ({ sha256 })) }) as DatasetVersion;
    expect(labelSourcesOf(agreement, dataset([A, B, C]), known)).toEqual({
      images: 3,
      experts: 1,
      vendors: [
        { vendor: "alder", kind: "people", images: 2, answers: 3 },
        { vendor: "clip", kind: "model", images: 1, answers: 1 },
      ],
    });
    expect(labelSourcesOf(agreement, dataset([C]), known).vendors).toEqual([]);
  });
});
