import { describe, expect, it } from "vitest";
import { chance } from "../../domain/chance.ts";
import { learningPoints } from "../../domain/model-prior/learning-points.ts";
import { outOfFold, type PriorImage } from "../../domain/model-prior/out-of-fold.ts";
import { fitHead, probabilitiesOf } from "../../domain/model-prior/softmax-regression.ts";

/** Two clouds in the plane, 3 apart; what lies left is class 0. */
function clouds(count: number, seed: string) {
  const random = chance(seed);
  const truth = Int32Array.from({ length: count }, (_, i) => i % 2);
  const values = new Float32Array(2 * count);
  truth.forEach((label, i) => {
    values[2 * i] = 3 * label + random.normal();
    values[2 * i + 1] = random.normal();
  });
  return { truth, rows: { values, width: 2 } };
}
const certain = (label: number) => [label === 0 ? 1 : 0, label];

describe("a softmax head", () => {
  it("is the even split where the features say nothing and the penalty is heavy", () => {
    const { truth, rows } = clouds(40, "plane");
    const soft = Float64Array.from([...truth].flatMap(certain));
    const { head } = fitHead(rows, Int32Array.from(truth.keys()), soft, 2, 1e6);
    const p = new Float64Array(2);
    probabilitiesOf(head, rows, 0, p);
    expect(p[0]).toBeCloseTo(0.5, 3);
  });

  it("finds the known optimum of one feature: at -1 and +1 with 3 of 4 right, the odds there are 3 to 1", () => {
    const values = Float32Array.from([-1, -1, -1, -1, 1, 1, 1, 1]);
    const soft = Float64Array.from([0, 0, 0, 1, 1, 1, 1, 0].flatMap((label) => certain(label)));
    const { head } = fitHead(
      { values, width: 1 },
      Int32Array.from({ length: 8 }, (_, i) => i),
      soft,
      2,
      0,
    );
    const p = new Float64Array(2);
    probabilitiesOf(head, { values, width: 1 }, 0, p);
    expect(p[0]).toBeCloseTo(0.75, 2);
    probabilitiesOf(head, { values, width: 1 }, 7, p);
    expect(p[1]).toBeCloseTo(0.75, 2);
  });

  it("refuses no rows, and labels that do not fit them", () => {
    const rows = { values: new Float32Array(2), width: 1 };
    expect(() => fitHead(rows, new Int32Array(0), new Float64Array(0), 2, 1)).toThrow(RangeError);
    expect(() => fitHead(rows, Int32Array.of(0), new Float64Array(3), 2, 1)).toThrow("3 soft labels for 1 rows");
  });
});

describe("an out-of-fold prior", () => {
  it("says of images that nobody answered what their features resemble", () => {
    const { truth, rows } = clouds(300, "clouds");
    const images = Array.from(
      truth,
      (label, i): PriorImage => ({
        sha256: `i${i}`,
        group: `i${i}`,
        soft: i < 150 ? certain(label) : undefined,
      }),
    );
    const found = outOfFold(images, rows, 2, 1);
    expect(found?.labelled).toBe(150);
    const right = Array.from(truth, (label, i) => (found?.probabilities[2 * i + label] ?? 0) > 0.5);
    expect(right.slice(150).filter(Boolean).length / 150).toBeGreaterThan(0.88);
  });

  it("never repeats to a duplicate group what only that group was taught", () => {
    const { truth, rows } = clouds(200, "clouds");
    // Five pictures of one thing, of class 0 by all features, whose annotators all said 1.
    const images = Array.from(
      truth,
      (label, i): PriorImage => ({
        sha256: `i${i}`,
        group: i < 10 && label === 0 ? "one-thing" : `i${i}`,
        soft: certain(i < 10 && label === 0 ? 1 : label),
      }),
    );
    for (let i = 0; i < 10; i += 2) rows.values.set([-40, -40], 2 * i);
    const found = outOfFold(images, rows, 2, 1);
    expect(found?.probabilities[0]).toBeGreaterThan(0.9);
  });

  it("is silent on too few labels and on one class alone", () => {
    const { truth, rows } = clouds(100, "clouds");
    const images = Array.from(
      truth,
      (label, i): PriorImage => ({ sha256: `i${i}`, group: `i${i}`, soft: certain(label) }),
    );
    expect(
      outOfFold(
        images.map((image, i) => ({ ...image, soft: i < 40 ? image.soft : undefined })),
        rows,
        2,
        1,
      ),
    ).toBe(undefined);
    expect(
      outOfFold(
        images.map((image) => ({ ...image, soft: certain(1) })),
        rows,
        2,
        1,
      ),
    ).toBe(undefined);
  });
});

describe("the learning curve of bought labels", () => {
  it("rises with the labels, is judged on images that did not teach, and is empty where there are too few", () => {
    const { truth, rows } = clouds(60, "clouds");
    const wide = { values: new Float32Array(60 * 12), width: 12 };
    const random = chance("noise");
    truth.forEach((_, i) => {
      for (let j = 0; j < 12; j++) wide.values[12 * i + j] = j === 0 ? rows.values[2 * i]! : random.normal();
    });
    const images = Array.from(
      truth,
      (label, i): PriorImage => ({ sha256: `i${i}`, group: `i${i}`, soft: certain(label) }),
    );
    const points = learningPoints(images, wide, 2, { seed: 1, strength: 0.1 });
    expect(points.map(({ labelled, heldOut }) => [labelled, heldOut])).toEqual([
      [12, 60],
      [24, 60],
      [48, 60],
    ]);
    expect(points[2]!.accuracy).toBeGreaterThan(points[0]!.accuracy);
    expect(learningPoints(images.slice(0, 40), wide, 2, { seed: 1, strength: 0.1 })).toEqual([]);
  });
});
