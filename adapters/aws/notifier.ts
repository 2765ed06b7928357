import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import type { Notice, Notifier } from "../../lambdas/ports.ts";
import { asPortError } from "./errors.ts";

/** SNS takes a subject of at most 100 printable ASCII characters and a message of 256 KiB. */
const MOST_SUBJECT = 100;
const MOST_TEXT = 200_000;

/** One topic per audience. */
export function snsNotifier(client: SNSClient, topics: Readonly<Record<Notice["audience"], string>>): Notifier {
  return {
    async notify({ audience, subject, text }) {
      const ascii = subject
        .replaceAll(/[^\x20-\x7e]+/g, " ")
        .trim()
        .slice(0, MOST_SUBJECT);
      const request = new PublishCommand({
        TopicArn: topics[audience],
        Subject: ascii === "" ? "Countersign" : ascii,
        Message: text === "" ? subject : text.slice(0, MOST_TEXT),
      });
      try {
        await client.send(request);
      } catch (error) {
        throw asPortError(error, `telling the ${audience}`);
      }
    },
  };
}
