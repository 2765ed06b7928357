import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { stages } from "../../lambdas/main.ts";
import { closedWorldFindings } from "../../workflow/checks/closed-world.ts";
import { houseFindings } from "../../workflow/checks/house-rules.ts";
import { payloadFindings } from "../../workflow/checks/payloads.ts";
import { definitionText, MACHINES, stageName, stagePlaceholders } from "../../workflow/definition.ts";
import { stageForms } from "./stage-forms.ts";

const called = [...new Set(MACHINES.flatMap((machine) => stagePlaceholders(definitionText(machine))))]
  .map(stageName)
  .sort();

describe("the workflows and the stages are one closed world", () => {
  test("every stage that a workflow calls exists, and every stage is called", () => {
    expect(Object.keys(stages).sort()).toEqual(called);
  });

  test("every file in lambdas/stages is the stage of its name", () => {
    const files = readdirSync(new URL("../../lambdas/stages/", import.meta.url)).filter((file) => file.endsWith(".ts"));
    expect(files.map((file) => file.replace(/\.ts$/, "")).sort()).toEqual(Object.keys(stages).sort());
    for (const [name, stage] of Object.entries(stages)) expect(stage.name).toBe(name);
  });
});

describe.each(MACHINES)("%s", (machine) => {
  const definition = JSON.parse(definitionText(machine)) as Record<string, unknown>;

  test("every task has a timeout, the retry policy of its kind, a last catch, and a placeholder that somebody fills", () => {
    expect(closedWorldFindings(definition, Object.keys(stages))).toEqual([]);
  });

  test("every stage is handed what it reads, and gives what is read of it", () => {
    expect(payloadFindings(definition, stageForms())).toEqual([]);
  });

  test("keeps the rules of the house", () => {
    expect(houseFindings(machine, definition)).toEqual([]);
  });
});
