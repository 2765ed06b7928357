import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { stages } from "../../lambdas/main.ts";
import { definitionText, MACHINES, placeholders, stageName, stagePlaceholders } from "../../workflow/definition.ts";
import { RETRY_POLICIES } from "../../workflow/retry-policies.ts";

type State = Record<string, unknown> & { Type: string };
/** All states of a definition with their names, those of inner maps too. */
function statesOf(machine: Record<string, unknown>): [string, State][] {
  return Object.entries(machine.States as Record<string, State>).flatMap(([name, state]): [string, State][] => [
    [name, state],
    ...(state.ItemProcessor ? statesOf(state.ItemProcessor as Record<string, unknown>) : []),
    ...((state.Branches as Record<string, unknown>[] | undefined) ?? []).flatMap(statesOf),
  ]);
}
const called = [...new Set(MACHINES.flatMap((machine) => stagePlaceholders(definitionText(machine))))]
  .map(stageName)
  .sort();
const DEPLOYED = [
  "Bucket",
  "EvaluationRoleArn",
  "ProcessingInstanceType",
  "ReleaseStateMachineArn",
  "ServingImage",
  "ServingRoleArn",
  "TrainingImage",
  "TrainingInstanceType",
  "TrainingRoleArn",
];

describe("the workflows and the stages are one closed world", () => {
  test("every stage that a workflow calls exists, and every stage is called", () => {
    expect(Object.keys(stages).sort()).toEqual(called);
  });

  test("every file in lambdas/stages is the stage of its name", () => {
    const files = readdirSync(new URL("../../lambdas/stages/", import.meta.url)).filter((file) => file.endsWith(".ts"));
    expect(files.map((file) => file.replace(/\.ts$/, "")).sort()).toEqual(Object.keys(stages).sort());
    for (const [name, stage] of Object.entries(stages)) expect(stage.name).toBe(name);
  });

  test("every placeholder that is no stage is one that both hosts fill", () => {
    const others = MACHINES.flatMap((machine) => {
      const text = definitionText(machine);
      const ofStages = new Set(stagePlaceholders(text));
      return placeholders(text).filter((name) => !ofStages.has(name));
    });
    for (const name of others) expect(DEPLOYED).toContain(name);
  });
});

const policies = Object.values(RETRY_POLICIES).map((policy) => JSON.stringify(policy));
describe.each(MACHINES)("%s", (machine) => {
  const definition = JSON.parse(definitionText(machine)) as Record<string, unknown>;
  const tasks = statesOf(definition).filter(([, state]) => state.Type === "Task");

  test("speaks JSONata and ends by itself within a year", () => {
    expect(definition.QueryLanguage).toBe("JSONata");
    expect(definition.TimeoutSeconds).toBeLessThanOrEqual(31_536_000);
  });

  test.each(tasks.map(([name, state]) => ({ name, state })))(
    "$name has a timeout, a named retry policy and a catch",
    ({ state }) => {
      expect(state.TimeoutSeconds).toBeDefined();
      expect(policies).toContain(JSON.stringify(state.Retry));
      const caught = (state.Catch as { ErrorEquals: string[] }[] | undefined) ?? [];
      expect(caught.at(-1)?.ErrorEquals).toEqual(["States.ALL"]);
    },
  );
});
