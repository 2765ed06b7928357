/** What stands against the faults: each check says what is wrong with a definition or with the templates. */
import { createRequire } from "node:module";
import { lintDefinition } from "../../workflow/checks/definition-lint.ts";
import { permissionsOf } from "../../workflow/checks/permissions.ts";
import type { MachineName } from "../../workflow/definition.ts";
import type { Json } from "./fault.ts";

const asl = createRequire(import.meta.url)("asl-validator") as (
  definition: Json,
  options?: Json,
) => { isValid: boolean; errors: { Message: string }[]; errorsText(): string };

export interface DefinitionCheck {
  name: string;
  run(machine: MachineName, definition: Json): string[];
}

export const definitionChecks: DefinitionCheck[] = [
  {
    name: "asl",
    run: (_, definition) => {
      const seen = asl(definition, { checkArn: false });
      return seen.isValid ? [] : [seen.errorsText()];
    },
  },
  {
    name: "lint",
    run: (machine, definition) => lintDefinition(machine, definition).map(({ path, message }) => `${path}: ${message}`),
  },
  {
    name: "iam",
    run(machine, definition) {
      permissionsOf(definition, (text) => text, {
        partition: "aws",
        region: "eu-central-1",
        account: "123456789012",
        machineName: machine,
      });
      return [];
    },
  },
];

export interface TemplateCheck {
  name: string;
  run(stacks: Record<string, Json>): string[];
}
export const templateChecks: TemplateCheck[] = [];
