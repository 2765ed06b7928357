import { SNSClient } from "@aws-sdk/client-sns";
import { snsNotifier } from "../../../adapters/aws/notifier.ts";
import { CLIENT } from "../client-settings.ts";
import { setting } from "../settings.ts";

export const notifier = snsNotifier(new SNSClient(CLIENT), {
  "data-team": setting("TOPIC_DATA_TEAM"),
  vendor: setting("TOPIC_VENDOR"),
  owner: setting("TOPIC_OWNER"),
});
