import { readCoco } from "./coco.ts";
import { readGroundTruth } from "./ground-truth.ts";
import { readLabelStudio } from "./label-studio.ts";
import { FormatError, isObject, type LabelledList } from "./labelled-list.ts";
import { readCsv, readJsonl } from "./table.ts";

const READERS = {
  csv: readCsv,
  jsonl: readJsonl,
  coco: readCoco,
  "label-studio": readLabelStudio,
  "ground-truth": readGroundTruth,
} as const;
export type ListFormat = keyof typeof READERS;

/** Reads a list in its own format, by what it holds rather than by what it is called. Throws FormatError. */
export function readList(text: string, name: string): LabelledList & { format: ListFormat } {
  const format = formatOf(text, name);
  return { format, ...READERS[format](text) };
}

/** COCO is an object with annotations, Label Studio a list of tasks; lines with `source-ref` are an augmented manifest. */
function formatOf(text: string, name: string): ListFormat {
  if (/\.csv$/i.test(name)) return "csv";
  const start = text.slice(0, 4096).trimStart();
  if (start.startsWith("[")) return "label-studio";
  if (!start.startsWith("{")) throw new FormatError(`it begins with ${JSON.stringify(start.slice(0, 20))}; ${KNOWN}`);
  const line = text.slice(0, text.indexOf("\n") < 0 ? undefined : text.indexOf("\n"));
  const first = parsed(line);
  if (isObject(first) && "source-ref" in first) return "ground-truth";
  if (isObject(first) && !("annotations" in first && "images" in first)) return "jsonl";
  return "coco";
}

const KNOWN = "known lists are CSV, JSON lines, COCO, Label Studio and Ground Truth's augmented manifest";

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
