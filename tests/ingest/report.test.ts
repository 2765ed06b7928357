import { expect, test } from "vitest";
import { dataReport } from "../../domain/catalogue/report.ts";
import { dataReportHtml } from "../../lambdas/reports/data-report-html.ts";
import { picture, pixelsOf } from "./pictures.ts";
import { admitCycle, CAMPAIGN, catalogueCycle, incoming, ingestWorld } from "./world.ts";

async function reported() {
  const world = await ingestWorld();
  const good = await Promise.all(Array.from({ length: 8 }, (_, i) => picture(i)));
  const { default: sharp } = await import("sharp");
  const raw = { raw: { width: 96, height: 72, channels: 3 as const } };
  const dark = await sharp(
    pixelsOf(3, 96, 72).map((v) => v >> 3),
    raw,
  )
    .png()
    .toBuffer();
  const files = [
    ...good.map((bytes, i) => incoming(`${i}.jpg`, bytes)),
    incoming("softer.jpg", await picture(2, { quality: 55 })),
    incoming('<img src=x onerror="1">.png', dark),
    incoming("broken.jpg", (good[1] as Buffer).subarray(0, 700)),
  ];
  const { manifestKey } = await admitCycle(world, 1, files);
  return { world, catalogue: (await catalogueCycle(world, 1, manifestKey)).document };
}

test("the report counts what the catalogue holds and says what to do", async () => {
  const { catalogue } = await reported();
  const report = dataReport(catalogue);
  expect(report).toMatchObject({
    campaign: CAMPAIGN,
    images: 10,
    counts: { files: 11, admitted: 10, quarantined: 1, duplicates: 0 },
  });
  expect(report.refused).toMatchObject([{ code: "corrupt", files: 1, examples: [{ name: "broken.jpg" }] }]);
  expect(report.flagged.find((f) => f.code === "dark")).toMatchObject({ images: 1, share: 0.1 });
  expect(report.groups.map((g) => g.images.length)).toEqual([2]);
  expect(report.types).toEqual({ jpeg: 9, png: 1 });
  expect(report.longSides.find((b) => b.label === "under 128 px")?.images).toBe(10);
  for (const { bins } of report.conditions.measures) expect(bins.reduce((sum, b) => sum + b.images, 0)).toBe(10);
  expect(report.advice).toContain("1 image (10 %) is dark: keep it if production sees such, else retake it.");
  expect(report.advice[0]).toMatch(/^1 of 11 files were kept out/);
});

test("the page stands alone: pictures inside, no script, names from outside are text", async () => {
  const { world, catalogue } = await reported();
  const html = await dataReportHtml(world.ports.objects, catalogue, dataReport(catalogue));
  expect(html).toContain("data:image/jpeg;base64,/9j/");
  expect(html).not.toMatch(/<script|https?:\/\/|<img src=x/);
  expect(html).toContain("&lt;img src=x onerror=&quot;1&quot;&gt;.png");
  expect(html).toContain("11 files: 10 admitted, 1 kept out, 0 exact duplicates.");
});

test("no admitted image gives zeros and one piece of advice", () => {
  const counts = { files: 1, admitted: 0, quarantined: 1, duplicates: 0, known: 0 };
  const report = dataReport({ campaign: CAMPAIGN, cycle: 1, counts, entries: [], quarantined: [], shards: [] });
  expect(report.advice).toEqual(["No image was admitted: look at why files were kept out, and bring others."]);
});

test("a folder is looked at before there is a campaign: the same report, and nothing of it stays", async () => {
  const { mkdirSync, mkdtempSync, readdirSync, writeFileSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { checkPhotos } = await import("../../local/check-photos.ts");
  const folder = mkdtempSync(join(tmpdir(), "countersign-photos-"));
  mkdirSync(join(folder, "good"));
  for (let i = 0; i < 3; i += 1) writeFileSync(join(folder, "good", `${i}.jpg`), await picture(i));
  writeFileSync(join(folder, "good", "large.jpg"), await picture(9, { width: 1100, height: 300 }));
  writeFileSync(join(folder, "good", "cut.jpg"), (await picture(4)).subarray(0, 500));
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("countersign-check-"));
  const { report, html } = await checkPhotos(folder, { labels: "folders", onProgress: () => {} });
  expect(report).toMatchObject({ images: 4, counts: { files: 5, admitted: 4, quarantined: 1 } });
  expect(report.claims).toMatchObject({ classes: [{ label: "good", images: 5 }] });
  expect(html).toContain("cut.jpg");
  // A phone shows the page at its own width, and nothing in it has a width of its own.
  expect(html).toContain('<meta name="viewport" content="width=device-width,initial-scale=1">');
  expect(html).not.toMatch(/width:\d+px/);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("countersign-check-"))).toEqual(before);
});

test("copies are named, and a copy in another class's folder is a conflict of labels", async () => {
  const { mkdirSync, mkdtempSync, writeFileSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { checkPhotos } = await import("../../local/check-photos.ts");
  const { short } = await import("../../cli/data-summary.ts");
  const folder = mkdtempSync(join(tmpdir(), "countersign-photos-"));
  const put = async (name: string, index: number) => {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), await picture(index));
  };
  for (const [name, index] of [
    ["daisy/1.jpg", 1],
    ["daisy/2.jpg", 2],
    ["daisy/again.jpg", 2],
    ["rose/1.jpg", 3],
    ["rose/<b>daisy.jpg", 1],
  ] as const)
    await put(name, index);
  const { report, html } = await checkPhotos(folder, { labels: "folders", onProgress: () => {} });
  const said = [
    { label: "daisy", source: "daisy/1.jpg" },
    { label: "rose", source: "rose/<b>daisy.jpg" },
  ];
  expect(report.claims).toMatchObject({
    images: 3,
    classes: [
      { label: "daisy", images: 1 },
      { label: "rose", images: 1 },
    ],
    conflicts: [{ names: ["daisy/1.jpg", "rose/<b>daisy.jpg"], said }],
  });
  expect(report.copies.map(({ names }) => names).sort()).toEqual([
    ["daisy/1.jpg", "rose/<b>daisy.jpg"],
    ["daisy/2.jpg", "daisy/again.jpg"],
  ]);
  expect(report.advice[0]).toBe(
    "One photo came with conflicting labels, daisy and rose (daisy/1.jpg, rose/<b>daisy.jpg): see which is right.",
  );
  expect(short(report)).toMatchObject({ images: 3, duplicates: 2, conflictingLabels: 1, conflicts: [{ said }] });
  expect(html).toContain("Conflicting labels: 1");
  expect(html).toContain("daisy (daisy/1.jpg)<br>rose (rose/&lt;b&gt;daisy.jpg)");
  expect(html).toContain("<li>daisy/2.jpg<br>daisy/again.jpg</li>");
  // Without labels the copies are still told.
  const plain = await checkPhotos(folder, { onProgress: () => {} });
  expect(short(plain.report)).toMatchObject({
    duplicates: 2,
    copies: expect.arrayContaining([["daisy/2.jpg", "daisy/again.jpg"]]),
  });
  expect(short(plain.report)).not.toHaveProperty("conflicts");
});

test("a folder without any file is refused with what is expected", async () => {
  const { mkdtempSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { checkPhotos } = await import("../../local/check-photos.ts");
  const folder = mkdtempSync(join(tmpdir(), "countersign-photos-"));
  await expect(checkPhotos(folder, { onProgress: () => {} })).rejects.toThrow(
    /holds no file to look at; expected are photos \(JPEG, PNG or WebP\)/,
  );
});
