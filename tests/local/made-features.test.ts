import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { assumedAccuracy, madeFeatures, stepFor } from "../../local/rehearsal/made-features.ts";
import { pictures } from "../../local/rehearsal/scenery.ts";

const classes = ["bolt", "nut", "screw", "washer"];

test("one of two classes is told apart at the textbook's distance: .841 right at a step of sqrt(2)", () => {
  expect(stepFor(0.8413447, 2)).toBeCloseTo(Math.SQRT2, 3);
  expect(stepFor(0.25, 4)).toBeCloseTo(0, 3);
});

test("the best linear model is right on made features as often as was asked, and they follow from the seed", async () => {
  const shown = pictures(4000, classes);
  const archive = await madeFeatures(shown, classes, 0.8, "a");
  expect(archive).toEqual(await madeFeatures(shown, classes, 0.8, "a"));
  // The vectors are the archive's last entry: 4,000 rows of four numbers, then two blocks of zeros.
  const tar = gunzipSync(archive);
  const end = tar.length - 1024;
  const values = new Float32Array(
    new Uint8Array(tar.subarray(end - 4000 * 16 - ((512 - ((4000 * 16) % 512)) % 512), end)).buffer,
  );
  let right = 0;
  shown.forEach(({ label }, i) => {
    const row = values.subarray(i * 4, i * 4 + 4);
    if (classes[row.indexOf(Math.max(...row))] === label) right += 1;
  });
  expect(right / 4000).toBeGreaterThan(0.78);
  expect(right / 4000).toBeLessThan(0.82);
});

test("more labels make a better assumed model, a seed's curve is its own, and none is worse than twice chance", () => {
  const at = (labels: number) => assumedAccuracy(labels, 5, 7);
  expect(at(5000)).toBeGreaterThan(at(500));
  expect(at(500)).toBeGreaterThan(at(50));
  const many = Array.from({ length: 200 }, (_, seed) => assumedAccuracy(3400, 5, seed));
  // Five classes of flowers at 3,400 labels were seen at .80, machine parts above .95: both lie in the range.
  expect(Math.min(...many)).toBeLessThan(0.8);
  expect(Math.max(...many)).toBeGreaterThan(0.95);
  expect(assumedAccuracy(1, 5, 1)).toBe(0.4);
});
