import { expect, test } from "vitest";
import { VirtualClock } from "../../local/clock.ts";

test("wakes fire in order of time, ties in order of registration", () => {
  const clock = new VirtualClock(1000);
  const fired: string[] = [];
  for (const [name, at] of [
    ["c", 1050],
    ["a", 1010],
    ["b", 1010],
    ["late", 900],
  ] as const)
    clock.at(at, () => fired.push(`${name}@${clock.now()}`));
  while (clock.advanceToNext());
  expect(fired).toEqual(["late@1000", "a@1010", "b@1010", "c@1050"]);
});

test("a cancelled wake neither fires nor counts, and cancelling a fired one changes nothing", () => {
  const clock = new VirtualClock(0);
  let fired = 0;
  const cancelFirst = clock.at(5, () => fired++);
  const cancelSecond = clock.at(9, () => fired++);
  cancelSecond();
  expect(clock.pending()).toBe(1);
  expect(clock.nextWake()).toBe(5);
  expect(clock.advanceToNext()).toBe(true);
  cancelFirst();
  expect([fired, clock.pending(), clock.advanceToNext(), clock.now()]).toEqual([1, 0, false, 5]);
});

test("time stands still while anything holds it", () => {
  const clock = new VirtualClock(0);
  clock.at(1, () => undefined);
  const release = clock.hold("a training job runs");
  const other = clock.hold("a person is awaited");
  expect(clock.advanceToNext()).toBe(false);
  release();
  release();
  expect(clock.holds()).toEqual(["a person is awaited"]);
  other();
  expect(clock.advanceToNext()).toBe(true);
});

test("ten thousand wakes in random order come out sorted", () => {
  const clock = new VirtualClock(0);
  const seen: number[] = [];
  let state = 1;
  for (let index = 0; index < 10_000; index++) {
    state = (state * 48271) % 2147483647;
    const at = state % 100_000;
    const cancel = clock.at(at, () => seen.push(at));
    if (index % 3 === 0) cancel();
  }
  while (clock.advanceToNext());
  expect(seen).toHaveLength(6666);
  expect(seen).toEqual([...seen].sort((left, right) => left - right));
});
