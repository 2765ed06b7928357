/** What stands against the faults: each check says what is wrong with a definition or with the templates. */
import validate from "asl-validator";
import type { Access } from "../../infra/access.ts";
import { askMatrix } from "../../infra/checks/iam-matrix.ts";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { templateFindings } from "../../infra/checks/template-rules.ts";
import { stages } from "../../lambdas/main.ts";
import { closedWorldFindings } from "../../workflow/checks/closed-world.ts";
import { lintDefinition } from "../../workflow/checks/definition-lint.ts";
import { houseFindings } from "../../workflow/checks/house-rules.ts";
import { payloadFindings } from "../../workflow/checks/payloads.ts";
import { permissionsOf } from "../../workflow/checks/permissions.ts";
import { requestFindings } from "../../workflow/checks/requests.ts";
import type { MachineName } from "../../workflow/definition.ts";
import { stageForms } from "../workflow/stage-forms.ts";
import type { Json } from "./fault.ts";

const forms = stageForms();
export interface DefinitionCheck {
  name: string;
  run(machine: MachineName, definition: Json): string[];
}

export const definitionChecks: DefinitionCheck[] = [
  {
    name: "asl",
    run: (_, definition) => {
      const seen = validate(definition as never, { checkArn: false });
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
  { name: "closed-world", run: (_, definition) => closedWorldFindings(definition, Object.keys(stages)) },
  { name: "house", run: (machine, definition) => houseFindings(machine, definition) },
  { name: "payload", run: (_, definition) => payloadFindings(definition, forms) },
  { name: "request", run: (_, definition) => requestFindings(definition, serviceModels()).failed },
];

export interface TemplateCheck {
  name: string;
  run(stacks: Record<string, Json>, access: Readonly<Record<string, Access>>): string[];
}
export const templateChecks: TemplateCheck[] = [
  { name: "template", run: templateFindings },
  {
    name: "iam matrix",
    run(stacks, access) {
      const { allow, deny } = askMatrix(stacks, access);
      return [...allow.wrong, ...deny.wrong];
    },
  },
];
