import { describe, expect, it } from "vitest";
import { defaultPool, goodAccuracy, POOL_ACCURACY, says } from "../../local/people/pool.ts";

const classes = ["daisy", "dandelion", "rose", "sunflower", "tulip"];

describe("the default pool of simulated people", () => {
  it("is right 86 % of the time per answer, over people and evenly frequent classes", () => {
    const people = ["acme", "bolt", "cork"].flatMap((vendor) => defaultPool(1, classes).annotators(vendor));
    let right = 0;
    let all = 0;
    for (let i = 0; i < 800; i += 1) {
      const label = classes[i % classes.length] as string;
      for (const person of people) {
        const said = says(person, { seed: 1, image: `picture ${i}`, label, revision: 1, classes });
        if (said.task === "class" && said.label === label) right += 1;
        all += 1;
      }
    }
    expect(all).toBe(48_000);
    expect(Math.abs(right / all - POOL_ACCURACY)).toBeLessThan(0.006);
  });

  it("has 14 good, 3 sloppy, 2 confused and 1 random one of 20 at each vendor, and no two of one name", () => {
    const people = defaultPool(7, classes).annotators("acme");
    const count = (kind: string) => people.filter((person) => person.kind === kind).length;
    expect([count("good"), count("sloppy"), count("confused"), count("spammer")]).toEqual([14, 3, 2, 1]);
    expect(new Set(people.map(({ name }) => name)).size).toBe(20);
    // 14 g + 3 x .80 + 2 (g - .4 g 2 / 5) + 1 / 5 = 20 x .86.
    const g = goodAccuracy(5);
    expect(14 * g + 3 * 0.8 + 2 * g * (1 - (0.4 * 2) / 5) + 0.2).toBeCloseTo(20 * 0.86, 10);
  });

  it("says the same of an image whenever asked, and anew in another round", () => {
    const [person] = defaultPool(3, classes).annotators("acme");
    const ask = (image: string, revision = 1) =>
      JSON.stringify(says(person as never, { seed: 3, image, label: "rose", revision, classes }));
    const first = Array.from({ length: 300 }, (_, i) => ask(`image ${i}`));
    expect(Array.from({ length: 300 }, (_, i) => ask(`image ${299 - i}`)).reverse()).toEqual(first);
    expect(Array.from({ length: 300 }, (_, i) => ask(`image ${i}`, 2))).not.toEqual(first);
  });

  it("has three experts who are right 99 % of the time", () => {
    const { experts } = defaultPool(1, classes);
    const answers = experts.flatMap((expert) =>
      Array.from({ length: 2000 }, (_, i) =>
        says(expert, { seed: 1, image: `picture ${i}`, label: "rose", revision: 1, classes }),
      ),
    );
    const right = answers.filter((said) => said.task === "class" && said.label === "rose").length;
    expect(experts.length).toBe(3);
    expect(Math.abs(right / answers.length - 0.99)).toBeLessThan(0.005);
  });
});
