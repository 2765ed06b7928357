import type { EngineServices } from "../../local/engine/engine.ts";
import type { Recording } from "./recording.ts";

/** An error with the name that Step Functions matches on. */
function named(name: string, cause: string): Error {
  return Object.assign(new Error(cause), { name });
}

/** What the world said in a recording: a value, an error, or nothing until the task timed out. */
export type Answer = { value: unknown } | { error: string; cause: string } | "silence";

export interface RecordedWorld {
  services: EngineServices;
  /** Task tokens seen in payloads, not yet answered. */
  tokens: string[];
  /** What was sent for tokens, in order. */
  tokenAnswers: Answer[];
}

/** A task token of this engine, wherever it stands in a payload. */
const TOKEN = /[\w-]+\.[\w-]{43}(?![\w-])/g;

/**
 * The world of one recording: its functions (said in words) and its objects. A function that "returns its input"
 * does so; every other answer is taken from the recorded results in order: they are what AWS's other services said,
 * not what Step Functions did with it.
 */
export function worldOf(recording: Recording): RecordedWorld {
  const objects = new Map<string, Uint8Array>();
  for (const call of recording.services ?? []) {
    const match = /^s3:put_object (\{.*\})$/s.exec(call);
    if (match === null) continue;
    const { Key, Body } = JSON.parse(match[1] as string) as { Key: string; Body: string };
    objects.set(Key, new TextEncoder().encode(Body));
  }
  const { handlers, tokenAnswers } = recordedAnswers(recording);
  const tokens: string[] = [];
  const replay = async (given: unknown): Promise<unknown> => {
    tokens.push(...(JSON.stringify(given).match(TOKEN) ?? []));
    const answer = handlers.shift();
    if (answer === undefined)
      throw named("Recording.Exhausted", "The engine calls a handler more often than the recording did.");
    if (answer === "silence") return new Promise(() => undefined);
    if ("error" in answer) throw named(answer.error, answer.cause);
    return answer.value;
  };
  const services: EngineServices = {
    async invokeLambda(call) {
      const said = recording.lambdas?.[call.functionName] ?? Object.values(recording.lambdas ?? {})[0] ?? "";
      if (
        /^returns its (input|event)\.?$/i.test(said) &&
        handlers.every((answer) => answer !== "silence" && !("error" in answer))
      )
        return call.payload;
      const value = await replay(call.payload);
      return value !== null && typeof value === "object" && "Payload" in value && "StatusCode" in value
        ? value.Payload
        : value;
    },
    sageMaker: (call) => replay(call.arguments),
    sdk: (call) => replay(call.arguments),
    async readObject(_bucket, key) {
      const bytes = objects.get(key);
      if (bytes === undefined) throw named("S3.NoSuchKeyException", "The specified key does not exist.");
      return bytes;
    },
    async *listObjects(_bucket, prefix) {
      for (const [Key, bytes] of objects) {
        if (Key.startsWith(prefix))
          yield { Key, Size: bytes.length, ETag: '"etag"', LastModified: "2026-01-01T00:00:00Z" };
      }
    },
    async writeObject(_bucket, key, bytes) {
      objects.set(key, bytes);
    },
  };
  return { services, tokens, tokenAnswers };
}

function recordedAnswers(recording: Recording): { handlers: Answer[]; tokenAnswers: Answer[] } {
  const handlers: Answer[] = [];
  const tokenAnswers: Answer[] = [];
  for (const event of recording.events) {
    const key = Object.keys(event).find((name) =>
      /^(task|lambdaFunction)(Submitted|Succeeded|Failed|TimedOut)EventDetails$/.test(name),
    );
    if (key === undefined) continue;
    const details = event[key] as { output?: unknown; error?: string; cause?: unknown; resource?: string };
    const token = details.resource?.endsWith(".waitForTaskToken") === true;
    const submitted = key.startsWith("taskSubmitted");
    if (submitted && !token) continue;
    const queue = token && !submitted ? tokenAnswers : handlers;
    if (key.includes("TimedOut")) queue.push("silence");
    // A cause was JSON text with no spaces; the recording shows it parsed.
    else if (key.includes("Failed"))
      queue.push({
        error: details.error ?? "",
        cause: typeof details.cause === "string" ? details.cause : JSON.stringify(details.cause ?? ""),
      });
    else queue.push({ value: typeof details.output === "string" ? parsed(details.output) : details.output });
  }
  return { handlers, tokenAnswers };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
