import { SFNClient } from "@aws-sdk/client-sfn";
import { sfnWorkflows } from "../../../adapters/aws/workflows.ts";
import { MACHINES } from "../../../workflow/definition.ts";
import { CLIENT } from "../client-settings.ts";
import { setting } from "../settings.ts";

export const workflows = sfnWorkflows(
  new SFNClient(CLIENT),
  Object.fromEntries(MACHINES.map((machine) => [machine, setting(`MACHINE_${machine.toUpperCase()}`)])),
);
