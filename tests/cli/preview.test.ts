import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { ProgressBar } from "../../cli/progress.ts";
import { preview } from "../../cli/simulate.ts";

vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "countersign-preview-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const campaign = (budget: number) => {
  const path = join(folder, `campaign-${budget}.yaml`);
  const vendors =
    "[{ id: alder, name: Alder, pricePerAnswer: 0.03 }, { id: birch, name: Birch, pricePerAnswer: 0.04 }]";
  writeFileSync(path, `name: parts\nclasses: [ok, crack]\nbudget: ${budget}\nvendors: ${vendors}\n`);
  return path;
};

it("says price, days, quality and whether the test set can tell the margin, and that a small budget will not do", async () => {
  const rich = await preview(campaign(500), { images: "60" }, new ProgressBar());
  expect(rich.images).toBe(60);
  expect(rich.price.value).toBeGreaterThan(1);
  expect(rich.price.value).toBeLessThan(500);
  expect(rich.budget).toMatchObject({ cap: 500, fits: true });
  expect(rich.calendarDays.value).toBeGreaterThan(0);
  expect(rich.labelAccuracy.value).toBeGreaterThan(0.8);
  // A model that learns from what is bought takes part, as good as its learning curve may be.
  expect(rich.assumedModel?.low).toBeGreaterThan(0.5);
  // Nine sealed images tell little; a margin of one point takes thousands.
  expect(rich.testSet).toMatchObject({ images: 9, margin: 0.01 });
  expect(rich.testSet.imagesForMargin).toBeGreaterThan(3000);
  expect(rich.fixed.map(({ answers }) => answers)).toContain(3);

  const poor = await preview(campaign(3), { images: "60" }, new ProgressBar());
  expect(poor.budget.fits).toBe(false);
  // What would be needed, not the nothing that such a budget buys.
  expect(poor.price.value).toBeGreaterThan(3);
  expect(poor.price.value).toBeCloseTo(rich.price.value, 6);
  expect(poor.labelAccuracy.value).toBeGreaterThan(0.8);
  expect(poor.budget.says).toContain(`about ${Math.ceil(poor.price.value)} USD would be needed`);
});

it("refuses a campaign of unknown size, saying how to tell it", async () => {
  await expect(preview(campaign(500), { images: "5" }, new ProgressBar())).rejects.toThrow(/--images/);
});
