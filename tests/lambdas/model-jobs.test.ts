import { describe, expect, test } from "vitest";
import { modelJobs } from "../../lambdas/store/model-jobs.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import type { DatasetVersion } from "../../schemas/dataset.ts";

const sha = (n: number) => n.toString(16).padStart(64, "0");
function orders(
  input: Partial<CampaignInput> = {},
  validation = 400,
  more: { championKey?: string; recipe?: string } = {},
) {
  const agreement = Campaign.parse({
    name: "parts",
    classes: ["crack", "ok"],
    vendors: [{ id: "acme", name: "Acme", pricePerAnswer: 0.03 }],
    ...input,
  });
  const items = Array.from({ length: validation + 100 }, (_, n) => ({
    sha256: sha(n),
    group: sha(n),
    split: n < validation ? ("validation" as const) : ("train" as const),
    label: "ok",
    soft: [0, 1],
  }));
  return modelJobs({
    campaign: "parts",
    agreement,
    dataset: { items } as unknown as DatasetVersion,
    datasetKey: "campaigns/parts/datasets/v/dataset.json",
    truthKey: "sealed/parts/t/test.json",
    attributes: "campaigns/parts/attributes/a/",
    embeddingsKey: "campaigns/parts/embeddings/e/output/model.tar.gz",
    backbone: "vit",
    recipe: more.recipe ?? "probe",
    weights: "weights/vit/",
    otherWeights: true,
    championKey: more.championKey,
  });
}
const argument = (list: readonly string[] | undefined, name: string) => list?.[list.indexOf(`--${name}`) + 1];

describe("which jobs follow a freeze", () => {
  test("variants compete where enough independent images can prove one, quantised ones only", () => {
    const { optimisation, evaluation } = orders();
    expect(optimisation).toMatchObject({ wanted: true, reason: expect.stringContaining("400 independent") });
    expect(argument(optimisation.arguments, "epochs")).toBe("0");
    expect(argument(optimisation.arguments, "margin")).toBe("0.01");
    expect(optimisation.inputs?.map(({ name }) => name)).toEqual(["dataset", "shards"]);
    expect(evaluation.arguments).not.toContain("--not-optimised");
  });

  test("with too few of them none does, and the evidence will say how many were missing", () => {
    const { optimisation, evaluation } = orders({}, 20);
    expect(optimisation).toEqual({ wanted: false, reason: expect.stringContaining("381 are needed") });
    expect(argument(evaluation.arguments, "not-optimised")).toContain("20 independent validation images can't prove");
  });

  test("a stated wish is tried for with any number of images, pruned copies and students among them", () => {
    const quality = { latencyMs: 20, modelMegabytes: 5, modelAccuracy: 0.9 };
    const { optimisation } = orders({ quality, training: { minutes: 12 } }, 20);
    expect(optimisation.wanted).toBe(true);
    const of = (name: string) => argument(optimisation.arguments, name);
    expect([of("latency-ms"), of("megabytes"), of("accuracy-floor")]).toEqual(["20", "5", "0.9"]);
    expect([of("minutes"), of("epochs")]).toEqual(["12", "1"]);
    const long = orders({ quality, training: { minutes: 180 } }).optimisation;
    expect(argument(long.arguments, "minutes")).toBe("90");
    expect(optimisation.inputs).toContainEqual({ name: "pretrained", prefix: "weights/" });
  });

  test("none competes where the agreement says so, whatever it wishes", () => {
    const { optimisation } = orders({ quality: { latencyMs: 20 }, training: { optimise: "off" } });
    expect(optimisation).toMatchObject({ wanted: false, reason: expect.stringContaining("training.optimise: off") });
  });

  test("another wish is another optimisation and another evaluation of the same training", () => {
    const [one, other] = [orders({ quality: { latencyMs: 20 } }), orders({ quality: { latencyMs: 30 } })];
    expect(one.training).toEqual(other.training);
    expect(one.optimisation.jobName).not.toBe(other.optimisation.jobName);
    expect(one.evaluation.jobName).not.toBe(other.evaluation.jobName);
    expect(orders()).toEqual(orders());
  });

  test("fine-tuning within a budget is another training for another budget; other recipes know none", () => {
    const auto = (minutes: number) => orders({ training: { minutes } }, 400, { recipe: "auto" }).training;
    expect(auto(10).minutes).toBe(10);
    expect(auto(10).jobName).not.toBe(auto(20).jobName);
    const [probe, same] = [10, 20].map((minutes) => orders({ training: { minutes } }).training);
    expect(probe).toEqual(same);
    expect(probe?.minutes).toBeUndefined();
  });

  test("no variant job reads the sealed truth", () => {
    const { optimisation, evaluation } = orders({}, 400, {
      championKey: "campaigns/parts/models/m/output/model.tar.gz",
    });
    expect(optimisation.inputs?.some(({ prefix }) => prefix.startsWith("sealed/"))).toBe(false);
    expect(evaluation.inputs.map(({ name }) => name)).toEqual(["truth", "shards", "attributes", "champion"]);
  });
});
