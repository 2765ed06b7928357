import type { EngineServices } from "../../local/engine/engine.ts";
import type { Recording } from "./recording.ts";

/** An error with the name that Step Functions matches on. */
function named(name: string, cause: string): Error {
  return Object.assign(new Error(cause), { name });
}

/**
 * The world of one recording: its functions (said in words) and its objects. What a function answered is taken from
 * the words where they are clear, otherwise from the recorded results of tasks, in order: they are what AWS's
 * Lambda said, not what Step Functions did with it. A failure is always taken from the recording.
 */
export function worldOf(recording: Recording): EngineServices {
  const objects = new Map<string, Uint8Array>();
  const listed: string[] = [];
  for (const call of recording.services ?? []) {
    const match = /^s3:put_object (\{.*\})$/s.exec(call);
    if (match === null) continue;
    const { Bucket, Key, Body } = JSON.parse(match[1] as string) as { Bucket: string; Key: string; Body: string };
    objects.set(Key, new TextEncoder().encode(Body));
    listed.push(`${Bucket}/${Key}`);
  }
  const answers = recordedAnswers(recording);
  const replay = (): unknown => {
    const answer = answers.shift();
    if (answer === undefined)
      throw named("Recording.Exhausted", "The engine calls a handler more often than the recording did.");
    if ("error" in answer) throw named(answer.error, answer.cause);
    return answer.value;
  };
  return {
    async invokeLambda(call) {
      const said = recording.lambdas?.[call.functionName] ?? Object.values(recording.lambdas ?? {})[0] ?? "";
      if (/^returns its (input|event)\.?$/i.test(said) && answers.every((answer) => !("error" in answer)))
        return call.payload;
      const value = replay();
      return value !== null && typeof value === "object" && "Payload" in value && "StatusCode" in value
        ? value.Payload
        : value;
    },
    sageMaker: async () => replay(),
    sdk: async () => replay(),
    async readObject(_bucket, key) {
      const bytes = objects.get(key);
      if (bytes === undefined) throw named("S3.NoSuchKeyException", "The specified key does not exist.");
      return bytes;
    },
    async *listObjects(_bucket, prefix) {
      for (const [Key, bytes] of objects)
        if (Key.startsWith(prefix))
          yield { Key, Size: bytes.length, ETag: '"etag"', LastModified: "2026-01-01T00:00:00Z" };
    },
    async writeObject(_bucket, key, bytes) {
      objects.set(key, bytes);
    },
  };
}

type Answer = { value: unknown } | { error: string; cause: string };

function recordedAnswers(recording: Recording): Answer[] {
  const answers: Answer[] = [];
  for (const event of recording.events) {
    const succeeded = (event.taskSucceededEventDetails ?? event.lambdaFunctionSucceededEventDetails) as
      | { output?: unknown }
      | undefined;
    const failed = (event.taskFailedEventDetails ?? event.lambdaFunctionFailedEventDetails) as
      | { error?: string; cause?: unknown }
      | undefined;
    if (succeeded !== undefined)
      answers.push({ value: typeof succeeded.output === "string" ? parsed(succeeded.output) : succeeded.output });
    // A cause was JSON text with no spaces; the recording shows it parsed.
    if (failed !== undefined)
      answers.push({
        error: failed.error ?? "",
        cause: typeof failed.cause === "string" ? failed.cause : JSON.stringify(failed.cause ?? ""),
      });
  }
  return answers;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
