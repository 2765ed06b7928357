import { expect, test } from "vitest";
import { z } from "zod";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { MAX_STATE_BYTES, runStage, StageInputError, stage } from "../../lambdas/stage.ts";

const echo = stage({
  name: "echo",
  input: z.strictObject({ text: z.string() }),
  output: z.strictObject({ text: z.string() }),
  run: async ({ text }) => ({ text }),
});

test("a payload that is not of the stage's form is refused before it runs", async () => {
  await expect(runStage(echo as never, { txt: "a" }, memoryPorts())).rejects.toThrow(StageInputError);
});

test("32 KiB travel as state, one byte more does not", async () => {
  const frame = JSON.stringify({ text: "" }).length;
  const fits = "x".repeat(MAX_STATE_BYTES - frame);
  expect(await runStage(echo as never, { text: fits }, memoryPorts())).toEqual({ text: fits });
  await expect(runStage(echo as never, { text: `${fits}x` }, memoryPorts())).rejects.toThrow("put bulk into an object");
});
