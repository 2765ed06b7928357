import { SFNClient } from "@aws-sdk/client-sfn";
import { sfnTokens } from "../../../adapters/aws/tokens.ts";
import { CLIENT } from "../client-settings.ts";

export const tokens = sfnTokens(new SFNClient(CLIENT));
