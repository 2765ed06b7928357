import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { CANNOT_TELL } from "../../domain/consensus/answers.ts";
import { confusionIntervals } from "../../domain/consensus/confusion-intervals.ts";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { wilson, wilsonShare } from "../../domain/intervals.ts";

test("by hand: two sure images and a doubtful one", () => {
  const columns = {
    classes: 2,
    tasks: 3,
    workers: 1,
    task: Int32Array.of(0, 1, 2),
    worker: Int32Array.of(0, 0, 0),
    label: Int32Array.of(0, 1, CANNOT_TELL),
  };
  const { support, recall, pooled } = confusionIntervals(columns, { posterior: Float64Array.of(1, 0, 1, 0, 0.5, 0.5) });
  expect([...support]).toEqual([2.5, 0.5]);
  expect(recall[0]?.[0]?.value).toBeCloseTo(1 / 2.5, 12);
  expect(pooled[0]?.map(({ value }) => Math.round(value * 100) / 100)).toEqual([0.4, 0.4, 0.2]);
  expect(pooled[1]?.[2]?.value).toBe(1);
  expect(confusionIntervals({ ...columns, workers: 2 }, { posterior: new Float64Array(6) }).recall[1]?.[0]).toEqual({
    value: 0,
    low: 0,
    high: 1,
  });
});

test("the intervals hold the true chances of a simulated crowd about nineteen times in twenty", () => {
  let cells = 0;
  let held = 0;
  for (let seed = 0; seed < 12; seed++) {
    const random = chance(`crowd ${seed}`);
    const [tasks, workers, classes] = [400, 8, 3];
    const skill = Array.from({ length: workers }, () => 0.7 + 0.25 * random.uniform());
    const rows = Array.from({ length: tasks * workers }, (_, i) => {
      const [task, worker] = [Math.floor(i / workers), i % workers];
      const truth = task % classes;
      const right = random.uniform() < (skill[worker] as number);
      return { task, worker, label: right ? truth : (truth + 1 + random.below(classes - 1)) % classes };
    });
    const columns = {
      classes,
      tasks,
      workers,
      task: Int32Array.from(rows, ({ task }) => task),
      worker: Int32Array.from(rows, ({ worker }) => worker),
      label: Int32Array.from(rows, ({ label }) => label),
    };
    const { recall } = confusionIntervals(columns, fitConsensus({ ...columns, method: "dawid-skene" }));
    recall.forEach((own, worker) => {
      for (const { low, high } of own) {
        cells++;
        if (low <= (skill[worker] as number) && (skill[worker] as number) <= high) held++;
      }
    });
  }
  expect(held / cells).toBeGreaterThan(0.9);
});

test("a share of counts that are not whole has Wilson's interval, and nonsense is refused", () => {
  expect(wilsonShare(8, 10)).toEqual(wilson(8, 10));
  expect(wilsonShare(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
  expect(() => wilsonShare(2, 1)).toThrow("2 of 1");
  expect(() => wilsonShare(-1, 1)).toThrow("-1 of 1");
});
