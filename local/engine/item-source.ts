import { gunzipSync } from "node:zlib";
import { parseCsv } from "./csv.ts";
import { StatesError } from "./errors.ts";
import type { MapRunPlan } from "./execution.ts";
import type { EngineServices } from "./services.ts";

/**
 * The items of a Map Run as JSON texts, after
 * https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html:
 * an array, an object listing, or an object in JSON, JSONL, CSV or inventory MANIFEST form.
 */
export async function* readItems(services: EngineServices, plan: MapRunPlan): AsyncIterable<string> {
  const limit = Number(plan.reader?.config.MaxItems ?? 0) || Number.POSITIVE_INFINITY;
  let count = 0;
  for await (const text of source(services, plan)) {
    if (count++ >= limit) return;
    yield text;
  }
}

async function* source(services: EngineServices, plan: MapRunPlan): AsyncIterable<string> {
  const { reader } = plan;
  if (reader === undefined) {
    for (const item of JSON.parse(plan.items as string) as unknown[]) yield JSON.stringify(item);
    return;
  }
  const given = reader.arguments as { Bucket?: string; Key?: string; Prefix?: string };
  if (typeof given.Bucket !== "string")
    throw failed(`ItemReader.Arguments.Bucket is ${JSON.stringify(given.Bucket)}; give a bucket's name.`);
  if (reader.resource.endsWith(":s3:listObjectsV2")) {
    for await (const found of services.listObjects(given.Bucket, given.Prefix ?? "")) {
      const { Key, Size, ETag, LastModified } = found;
      yield JSON.stringify({
        Etag: ETag,
        Key,
        LastModified: Math.floor(Date.parse(LastModified) / 1000),
        Size,
        StorageClass: "STANDARD",
      });
    }
    return;
  }
  if (typeof given.Key !== "string")
    throw failed(`ItemReader.Arguments.Key is ${JSON.stringify(given.Key)}; give an object's key.`);
  const bytes = await read(services, given.Bucket, given.Key);
  yield* parseObject(services, bytes, reader.config, given.Bucket, given.Key);
}

async function read(services: EngineServices, bucket: string, key: string): Promise<Buffer> {
  try {
    const bytes = await services.readObject(bucket, key);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw failed(`Attempting to read s3://${bucket}/${key} failed: ${(error as Error).message}`);
  }
}

async function* parseObject(
  services: EngineServices,
  bytes: Buffer,
  config: Record<string, unknown>,
  bucket: string,
  key: string,
): AsyncIterable<string> {
  const where = `s3://${bucket}/${key}`;
  switch (config.InputType) {
    case "JSONL":
      yield* lines(bytes, where);
      return;
    case "CSV":
      yield* parseCsv(bytes.toString("utf8"), config, where);
      return;
    case "MANIFEST":
      yield* inventory(services, bytes, where);
      return;
    default:
      yield* jsonItems(bytes, config, where);
  }
}

function* lines(bytes: Buffer, where: string): Iterable<string> {
  let start = 0;
  let number = 0;
  while (start < bytes.length) {
    let end = bytes.indexOf(10, start);
    if (end < 0) end = bytes.length;
    const line = bytes.toString("utf8", start, end).trim();
    start = end + 1;
    number++;
    if (line === "") continue;
    try {
      JSON.parse(line);
    } catch {
      throw failed(`${where} line ${number} is not JSON: ${line.slice(0, 120)}`);
    }
    yield line;
  }
}

function* jsonItems(bytes: Buffer, config: Record<string, unknown>, where: string): Iterable<string> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw failed(`${where} is not JSON: ${(error as Error).message}`);
  }
  const pointer = config.ItemsPointer;
  if (typeof pointer === "string") {
    for (const part of pointer.split("/").slice(1)) {
      value = (value as Record<string, unknown> | null)?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
    }
  }
  if (!Array.isArray(value))
    throw failed(`${where}${typeof pointer === "string" ? ` at ${pointer}` : ""} is not a JSON array.`);
  for (const item of value) yield JSON.stringify(item);
}

/** An S3 inventory: its manifest names gzipped CSV files without headers; `fileSchema` names the columns. */
async function* inventory(services: EngineServices, bytes: Buffer, where: string): AsyncIterable<string> {
  const manifest = JSON.parse(bytes.toString("utf8")) as {
    destinationBucket?: string;
    fileFormat?: string;
    fileSchema?: string;
    files?: { key: string }[];
  };
  if (manifest.fileFormat !== "CSV" || manifest.files === undefined || manifest.fileSchema === undefined) {
    throw failed(`${where} is not the manifest of an S3 inventory in CSV format.`);
  }
  const bucket = (manifest.destinationBucket ?? "").replace(/^arn:aws[\w-]*:s3:::/, "");
  const headers = manifest.fileSchema.split(",").map((name) => name.trim());
  for (const { key } of manifest.files) {
    const packed = await read(services, bucket, key);
    const text =
      packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync(packed).toString("utf8") : packed.toString("utf8");
    yield* parseCsv(text, { CSVHeaderLocation: "GIVEN", CSVHeaders: headers }, `s3://${bucket}/${key}`);
  }
}

function failed(cause: string): StatesError {
  return new StatesError("States.ItemReaderFailed", cause);
}
