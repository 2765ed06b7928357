import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LEVELS, type Level, levelOf } from "./level.ts";
import type { Recording } from "./recording.ts";
import { replay } from "./replay.ts";

/** Retyped from AWS's documentation of GetExecutionHistory: a Pass state on its way. */
const small: Recording = {
  id: "one pass",
  definition: {
    QueryLanguage: "JSONata",
    StartAt: "Say",
    States: { Say: { Type: "Pass", Output: { sum: "{% 1 + $states.input.one %}" }, End: true } },
  },
  input: { one: 1 },
  events: [
    {
      id: 1,
      previousEventId: 0,
      type: "ExecutionStarted",
      executionStartedEventDetails: { input: { one: 1 }, inputDetails: { truncated: false }, roleArn: "r" },
    },
    {
      id: 2,
      previousEventId: 0,
      type: "PassStateEntered",
      stateEnteredEventDetails: { input: { one: 1 }, inputDetails: { truncated: false }, name: "Say" },
    },
    {
      id: 3,
      previousEventId: 2,
      type: "PassStateExited",
      stateExitedEventDetails: { name: "Say", output: { sum: 2 }, outputDetails: { truncated: false } },
    },
    {
      id: 4,
      previousEventId: 3,
      type: "ExecutionSucceeded",
      executionSucceededEventDetails: { output: { sum: 2 }, outputDetails: { truncated: false } },
    },
  ],
};

const changed = (change: (copy: Recording) => void): Recording => {
  const copy = structuredClone(small);
  change(copy);
  return copy;
};

test("a history that agrees is exact, and each way of disagreeing is seen", async () => {
  const level = async (recording: Recording): Promise<Level> => levelOf(await replay(recording));
  expect(await level(small)).toBe("exact");
  expect(await level(changed((copy) => Object.assign(copy.events[3] as object, { previousEventId: 2 })))).toBe(
    "details",
  );
  expect(
    await level(
      changed((copy) =>
        Object.assign((copy.events[2] as unknown as { stateExitedEventDetails: object }).stateExitedEventDetails, {
          output: { sum: 3 },
        }),
      ),
    ),
  ).toBe("types");
  expect(
    await level(
      changed((copy) =>
        Object.assign((copy.events[2] as unknown as { stateExitedEventDetails: object }).stateExitedEventDetails, {
          output: { sum: "2" },
        }),
      ),
    ),
  ).toBe("types");
  expect(await level(changed((copy) => void copy.events.pop()))).toBe("differs");
  expect(await level(changed((copy) => Object.assign(copy.definition, { Fantasy: true })))).toBe("out of profile");
});

const shared = join(
  process.env.COUNTERSIGN_SHARED ?? join(import.meta.dirname, "../../../shared"),
  "oracles/asl/recordings.json",
);

test("no recording of AWS comes out worse than the committed score", async () => {
  if (!existsSync(shared)) {
    console.warn(
      "NOT RUN: recordings of AWS are missing; set COUNTERSIGN_SHARED to the folder that holds oracles/asl/recordings.json",
    );
    return;
  }
  const score = JSON.parse(readFileSync(join(import.meta.dirname, "score.json"), "utf8")) as Record<string, Level>;
  const worse: string[] = [];
  for (const recording of JSON.parse(readFileSync(shared, "utf8")) as Recording[]) {
    const level = levelOf(await replay(recording));
    if (LEVELS.indexOf(level) < LEVELS.indexOf(score[recording.id] ?? "out of profile"))
      worse.push(`${recording.id}: ${score[recording.id]} -> ${level}`);
  }
  expect(worse).toEqual([]);
});
