import { KMSClient } from "@aws-sdk/client-kms";
import { kmsSealer } from "../../../adapters/aws/sealer.ts";
import { CLIENT } from "../client-settings.ts";
import { setting } from "../settings.ts";

export const sealer = kmsSealer(new KMSClient(CLIENT), {
  sealKeyId: setting("SEAL_KEY"),
  signKeyId: setting("SIGN_KEY"),
});
