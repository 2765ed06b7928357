import { createHash } from "node:crypto";
import { bindings, place } from "./bindings.ts";
import type { State } from "./definition.ts";
import { QueryEvaluationError } from "./errors.ts";
import type { Execution, MapRunPlan, Strand } from "./execution.ts";
import { type Bindings, fill, fillTyped, inState } from "./expression.ts";
import { mapItems } from "./map.ts";
import type { Runtime } from "./runtime.ts";

/** AWS's own ceiling of parallel child executions of one Map Run. */
const DISTRIBUTED_CONCURRENCY = 10_000;
const MAX_BATCH_BYTES = 262_144;

/** Evaluates all that a Map Run needs, once, so that a restart reads the same items under the same limits. */
export async function planMapRun(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  state: State,
): Promise<{ plan: MapRunPlan; length: number }> {
  const seen = bindings(runtime, execution, strand);
  const number = (template: unknown, field: string, absent: number): Promise<number> =>
    numberField(strand, seen, template, field, absent);
  const concurrency = await number(state.MaxConcurrency, "MaxConcurrency", 0);
  const toleratedCount = await number(
    state.ToleratedFailureCount,
    "ToleratedFailureCount",
    state.ToleratedFailurePercentage === undefined ? 0 : Number.POSITIVE_INFINITY,
  );
  const toleratedPercentage = await number(
    state.ToleratedFailurePercentage,
    "ToleratedFailurePercentage",
    state.ToleratedFailureCount === undefined ? 0 : 100,
  );
  const label = state.Label ?? strand.state.replace(/[^\w-]/g, "").slice(0, 40);
  const id = uuidOf(`${execution.arn}|${strand.id}|${strand.entered.id}|${strand.retryCount}`);
  const plan: MapRunPlan = {
    arn: `arn:aws:states:local:000000000000:mapRun:${execution.machine}/${label}:${id}`,
    label,
    input: strand.input,
    concurrency: concurrency <= 0 ? DISTRIBUTED_CONCURRENCY : Math.min(concurrency, DISTRIBUTED_CONCURRENCY),
    toleratedCount: Number.isFinite(toleratedCount) ? toleratedCount : Number.MAX_SAFE_INTEGER,
    toleratedPercentage,
  };
  let length = 0;
  if (state.ItemReader === undefined) {
    const items = await mapItems(runtime, execution, strand, state);
    plan.items = JSON.stringify(items);
    length = items.length;
  } else {
    const { Resource, Arguments, ReaderConfig } = state.ItemReader;
    plan.reader = {
      resource: Resource,
      arguments: Arguments === undefined ? {} : await fill(Arguments, seen, place(strand, "ItemReader/Arguments")),
      config: (await fill(ReaderConfig ?? {}, seen, place(strand, "ItemReader/ReaderConfig"))) as Record<
        string,
        unknown
      >,
    };
  }
  if (state.ItemBatcher !== undefined) {
    const { MaxItemsPerBatch, MaxInputBytesPerBatch, BatchInput } = state.ItemBatcher;
    const maxItems = await number(MaxItemsPerBatch, "ItemBatcher/MaxItemsPerBatch", Number.MAX_SAFE_INTEGER);
    const maxBytes = await number(MaxInputBytesPerBatch, "ItemBatcher/MaxInputBytesPerBatch", MAX_BATCH_BYTES);
    plan.batch = {
      maxItems: Math.max(1, maxItems),
      maxBytes: Math.min(maxBytes, MAX_BATCH_BYTES),
      ...(BatchInput === undefined
        ? {}
        : { input: await fill(BatchInput, seen, place(strand, "ItemBatcher/BatchInput")) }),
    };
  }
  const writer = state.ResultWriter;
  if (writer !== undefined) {
    plan.writer = {
      ...(writer.Arguments === undefined
        ? {}
        : {
            arguments: (await fill(writer.Arguments, seen, place(strand, "ResultWriter/Arguments"))) as {
              Bucket: string;
              Prefix?: string;
            },
          }),
      transformation: writer.WriterConfig?.Transformation ?? "NONE",
      outputType: writer.WriterConfig?.OutputType ?? "JSON",
    };
  }
  return { plan, length };
}

async function numberField(
  strand: Strand,
  seen: Bindings,
  template: unknown,
  field: string,
  absent: number,
): Promise<number> {
  if (template === undefined) return absent;
  const value = (await fillTyped(template, "number", seen, place(strand, field))) as number;
  if (value >= 0) return value;
  throw new QueryEvaluationError(
    inState(strand.state, strand.entered.id, `The ${field} field must not be negative but was: ${value}`),
    field,
  );
}

/** A UUID that follows from its text, so that a restarted run keeps its name. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
