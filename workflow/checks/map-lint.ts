import { checkFields, describe, isObject, type Json, type Lint, report } from "./lint-report.ts";

/** Reader, batcher, writer and processor of a Map, but not the states in it. Says whether the Map is distributed. */
export function checkMapParts(lint: Lint, path: string, state: Json): boolean {
  const processor = state.ItemProcessor;
  const distributed =
    isObject(processor) && isObject(processor.ProcessorConfig) && processor.ProcessorConfig.Mode === "DISTRIBUTED";
  for (const field of ["ItemReader", "ItemBatcher", "ResultWriter"]) {
    const part = state[field];
    if (part === undefined) continue;
    if (!distributed)
      report(lint, `${path}/${field}`, `${field} works only in a Map whose ItemProcessor has Mode DISTRIBUTED.`);
    if (isObject(part)) checkFields(lint, `${path}/${field}`, part, field);
  }
  if (isObject(state.ItemReader)) {
    const { Resource, ReaderConfig } = state.ItemReader;
    if (!["s3:getObject", "s3:listObjectsV2"].some((action) => String(Resource).endsWith(`:::${action}`))) {
      report(
        lint,
        `${path}/ItemReader/Resource`,
        `Resource is ${describe(Resource)}; allowed are arn:aws:states:::s3:getObject and arn:aws:states:::s3:listObjectsV2.`,
      );
    }
    if (isObject(ReaderConfig)) checkFields(lint, `${path}/ItemReader/ReaderConfig`, ReaderConfig, "ReaderConfig");
    if (state.Items !== undefined) report(lint, `${path}/Items`, "The Map has both Items and ItemReader; give one.");
  }
  if (
    isObject(state.ItemBatcher) &&
    state.ItemBatcher.MaxItemsPerBatch === undefined &&
    state.ItemBatcher.MaxInputBytesPerBatch === undefined
  ) {
    report(lint, `${path}/ItemBatcher`, "ItemBatcher needs MaxItemsPerBatch, MaxInputBytesPerBatch, or both.");
  }
  if (isObject(state.ResultWriter)) {
    const { Resource, Arguments, WriterConfig } = state.ResultWriter;
    if (isObject(WriterConfig)) checkFields(lint, `${path}/ResultWriter/WriterConfig`, WriterConfig, "WriterConfig");
    if ((Resource === undefined) !== (Arguments === undefined))
      report(lint, `${path}/ResultWriter`, "Resource and Arguments go together.");
    if (Resource !== undefined && !String(Resource).endsWith(":::s3:putObject"))
      report(
        lint,
        `${path}/ResultWriter/Resource`,
        `Resource is ${describe(Resource)}; allowed is arn:aws:states:::s3:putObject.`,
      );
  }
  if (isObject(processor) && isObject(processor.ProcessorConfig))
    checkFields(lint, `${path}/ItemProcessor/ProcessorConfig`, processor.ProcessorConfig, "ProcessorConfig");
  return distributed;
}
