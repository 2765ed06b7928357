import { SFNClient } from "@aws-sdk/client-sfn";
import { sfnTokens } from "../../../adapters/aws/tokens.ts";

export const tokens = sfnTokens(new SFNClient({}));
