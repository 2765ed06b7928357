import { exceedsPayloadLimit, StatesError } from "./errors.ts";
import type { Execution, MapRunPlan } from "./execution.ts";
import type { ExecutionRow } from "./log.ts";
import type { Runtime } from "./runtime.ts";

/** A result file is closed above this size, so that memory stays bounded (AWS closes them at 5 GB). */
const FILE_BYTES = 64 * 1024 * 1024;
const PARTS = ["SUCCEEDED", "FAILED", "PENDING"] as const;

/**
 * The result of a Map Run as JSON text: the children's outputs in order of their items, or, with a bucket, a reference
 * to the written manifest, after https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
 */
export async function writeResults(
  runtime: Runtime,
  execution: Execution,
  plan: MapRunPlan & { startedId: number },
): Promise<string> {
  const writer = plan.writer;
  if (writer?.arguments === undefined) {
    const transformation = writer?.transformation ?? "COMPACT";
    const outputs: string[] = [];
    let length = 0;
    for (const child of runtime.log.children(execution.id, plan.startedId)) {
      outputs.push(...entries(child, transformation));
      length += outputs.at(-1)?.length ?? 0;
      if (length > 262_144) break;
    }
    const text = `[${outputs.join(",")}]`;
    if (exceedsPayloadLimit(text)) {
      throw new StatesError(
        "States.DataLimitExceeded",
        "The Map Run's results are longer than 262,144 bytes. Give the state a ResultWriter with a bucket.",
      );
    }
    return text;
  }
  const { Bucket, Prefix } = writer.arguments;
  const folder = `${Prefix === undefined || Prefix === "" ? "" : `${Prefix.replace(/\/$/, "")}/`}${plan.arn.split(":").at(-1)}`;
  const files: Record<string, { Key: string; Size: number }[]> = { FAILED: [], PENDING: [], SUCCEEDED: [] };
  for (const part of PARTS) {
    let texts: string[] = [];
    let size = 0;
    const close = async (): Promise<void> => {
      if (texts.length === 0) return;
      const body = Buffer.from(writer.outputType === "JSONL" ? `${texts.join("\n")}\n` : `[${texts.join(",")}]`);
      const Key = `${folder}/${part}_${files[part]?.length ?? 0}.${writer.outputType === "JSONL" ? "jsonl" : "json"}`;
      await put(runtime, Bucket, Key, body);
      files[part]?.push({ Key, Size: body.length });
      texts = [];
      size = 0;
    };
    for (const child of runtime.log.children(execution.id, plan.startedId)) {
      if ((child.status === "SUCCEEDED" ? "SUCCEEDED" : child.status === "RUNNING" ? "PENDING" : "FAILED") !== part)
        continue;
      for (const entry of entries(child, writer.transformation)) {
        texts.push(entry);
        size += entry.length;
      }
      if (size > FILE_BYTES) await close();
    }
    await close();
  }
  const key = `${folder}/manifest.json`;
  const manifest = { DestinationBucket: Bucket, MapRunArn: plan.arn, ResultFiles: files };
  await put(runtime, Bucket, key, Buffer.from(JSON.stringify(manifest)));
  return JSON.stringify({ MapRunArn: plan.arn, ResultWriterDetails: { Bucket, Key: key } });
}

async function put(runtime: Runtime, bucket: string, key: string, bytes: Uint8Array): Promise<void> {
  try {
    await runtime.services.writeObject(bucket, key, bytes);
  } catch (error) {
    throw new StatesError(
      "States.ResultWriterFailed",
      `Writing s3://${bucket}/${key} failed: ${(error as Error).message}`,
    );
  }
}

/** What one child contributes; a failed one is always told in full. */
function entries(child: ExecutionRow, transformation: string): string[] {
  if (transformation === "NONE" || child.status !== "SUCCEEDED") return [JSON.stringify(told(child))];
  if (transformation === "FLATTEN") {
    const output = JSON.parse(child.output as string) as unknown;
    return Array.isArray(output) ? output.map((item) => JSON.stringify(item)) : [child.output as string];
  }
  return [child.output as string];
}

function told(child: ExecutionRow): Record<string, unknown> {
  return {
    ...(child.cause === null ? {} : { Cause: child.cause }),
    ...(child.error === null ? {} : { Error: child.error }),
    ExecutionArn: child.arn,
    Input: child.input,
    InputDetails: { Included: true },
    Name: child.name,
    ...(child.output === null ? {} : { Output: child.output }),
    OutputDetails: { Included: true },
    RedriveCount: 0,
    RedriveStatus: "NOT_REDRIVABLE",
    StartDate: new Date(child.started_at).toISOString(),
    StateMachineArn: `arn:aws:states:local:000000000000:stateMachine:${child.machine}`,
    Status: child.status,
    ...(child.stopped_at === null ? {} : { StopDate: new Date(child.stopped_at).toISOString() }),
  };
}
