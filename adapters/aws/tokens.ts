import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  type SFNClient,
} from "@aws-sdk/client-sfn";
import { TokenGoneError, type Tokens } from "../../lambdas/ports.ts";
import { asPortError, nameOf } from "./errors.ts";

const GONE = new Set(["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"]);
/** Step Functions takes at most 256 characters of an error's name and 32,768 of its cause. */
const MOST_ERROR = 256;
const MOST_CAUSE = 32_768;

/** Task tokens of Step Functions. */
export function sfnTokens(client: SFNClient): Tokens {
  async function answer(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (GONE.has(nameOf(error))) throw new TokenGoneError(`nobody waits for this token any more (${nameOf(error)})`);
      throw asPortError(error, "task token");
    }
  }
  return {
    succeed: (token, output) =>
      answer(client.send(new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(output ?? null) }))),
    fail: (token, error, cause) =>
      answer(
        client.send(
          new SendTaskFailureCommand({
            taskToken: token,
            error: error.slice(0, MOST_ERROR),
            cause: cause.slice(0, MOST_CAUSE),
          }),
        ),
      ),
    heartbeat: (token) => answer(client.send(new SendTaskHeartbeatCommand({ taskToken: token }))),
  };
}
