import type { State } from "./definition.ts";
import { exceedsPayloadLimit, StatesError } from "./errors.ts";
import type { Execution, MapRunPlan, Strand } from "./execution.ts";
import { readItems } from "./item-source.ts";
import { selectItem } from "./map.ts";
import type { Runtime } from "./runtime.ts";

/** The input of one child execution and how many items stand in it. */
export interface Batch {
  text: string;
  items: number;
}

/** Items of a Map Run in reading order, selected and batched: the same sequence every time it is read. */
export async function* readBatches(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  state: State,
  plan: MapRunPlan,
): AsyncGenerator<Batch, undefined> {
  const head =
    plan.batch?.input === undefined ? '{"Items":[' : `{"BatchInput":${JSON.stringify(plan.batch.input)},"Items":[`;
  let texts: string[] = [];
  let bytes = head.length + 2;
  let index = 0;
  for await (const text of readItems(runtime.services, plan)) {
    const item =
      state.ItemSelector === undefined
        ? text
        : JSON.stringify(await selectItem(runtime, execution, strand, state, JSON.parse(text), index));
    index++;
    if (plan.batch === undefined) {
      yield { text: checked(item), items: 1 };
      continue;
    }
    const size = Buffer.byteLength(item) + 1;
    if (texts.length > 0 && (texts.length >= plan.batch.maxItems || bytes + size > plan.batch.maxBytes)) {
      yield { text: checked(`${head}${texts.join(",")}]}`), items: texts.length };
      texts = [];
      bytes = head.length + 2;
    }
    texts.push(item);
    bytes += size;
  }
  if (texts.length > 0) yield { text: checked(`${head}${texts.join(",")}]}`), items: texts.length };
}

function checked(text: string): string {
  if (!exceedsPayloadLimit(text)) return text;
  throw new StatesError(
    "States.ItemReaderFailed",
    `An item is longer than the 262,144 bytes that a child execution takes: ${text.slice(0, 120)}...`,
  );
}
