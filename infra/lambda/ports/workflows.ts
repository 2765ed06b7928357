import { SFNClient } from "@aws-sdk/client-sfn";
import { sfnWorkflows } from "../../../adapters/aws/workflows.ts";
import { setting } from "../settings.ts";

export const workflows = sfnWorkflows(new SFNClient({}), {
  campaign: setting("MACHINE_CAMPAIGN"),
  lot: setting("MACHINE_LOT"),
  release: setting("MACHINE_RELEASE"),
});
