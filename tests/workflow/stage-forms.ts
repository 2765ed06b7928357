import { z } from "zod";
import { stages } from "../../lambdas/main.ts";
import type { StageForm } from "../../workflow/checks/payloads.ts";

/** Every stage's input and output as JSON Schema, by the stage's name. */
export function stageForms(): Record<string, StageForm> {
  const schema = (type: z.ZodType, io: "input" | "output") =>
    z.toJSONSchema(type, { io, unrepresentable: "any" }) as StageForm["input"];
  return Object.fromEntries(
    Object.values(stages).map((stage) => [
      stage.name,
      { input: schema(stage.input, "input"), output: schema(stage.output, "output") },
    ]),
  );
}
