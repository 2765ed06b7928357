import { parse } from "csv-parse/sync";
import { byPath, type ExportedImage, FormatError, jsonLines, type LabelledList, severalNote } from "./labelled-list.ts";

/** Names under which tools keep an image's path and its class, most telling first. */
const PATHS = ["image", "path", "file", "filename", "file_name", "name", "key"];
const LABELS = ["label", "class", "category", "target"];

/** A CSV (RFC 4180) with a first line of column names: a path (image, path, file ...) and, if there is one, a label. */
export function readCsv(text: string): LabelledList {
  let rows: Record<string, string>[];
  try {
    rows = parse(text, {
      bom: true,
      columns: (header: string[]) => header.map((name) => name.trim().toLowerCase()),
      skip_empty_lines: true,
      trim: true,
    }) as Record<string, string>[];
  } catch (error) {
    throw new FormatError(`it is no CSV: ${(error as Error).message}`);
  }
  return fromRows(rows);
}

/** JSON lines with a path (image, path, file ...) and, if there is one, a label. */
export function readJsonl(text: string): LabelledList {
  return fromRows(jsonLines(text));
}

function fromRows(rows: readonly Record<string, unknown>[]): LabelledList {
  const [first] = rows;
  if (first === undefined) return { images: [], notes: [] };
  const path = PATHS.find((name) => name in first);
  if (path === undefined) {
    throw new FormatError(
      `it has the columns ${Object.keys(first).join(", ").slice(0, 200)}; expected one of ${PATHS.join(", ")} with the image's path`,
    );
  }
  const label = LABELS.find((name) => name in first);
  const images = rows.map((row, index) => {
    const said = label === undefined ? "" : String(row[label] ?? "");
    const where = row[path];
    if (typeof where !== "string" || where === "")
      throw new FormatError(`row ${index + 1}: ${path} is ${JSON.stringify(where) ?? "missing"}; expected a path`);
    return { path: where, labels: said === "" ? [] : [said] };
  });
  const merged = byPath(images);
  return { images: merged, notes: severalNote(merged) };
}

/** Columns image, label, split, sha256. */
export function writeCsv(images: readonly ExportedImage[]): string {
  const quoted = (cell: string) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = images.map(({ file, label, split, sha256 }) => [file, label, split, sha256].map(quoted).join(","));
  return `${["image,label,split,sha256", ...lines].join("\n")}\n`;
}

export function writeJsonl(images: readonly ExportedImage[]): string {
  return images
    .map(({ file: image, label, split, sha256 }) => `${JSON.stringify({ image, label, split, sha256 })}\n`)
    .join("");
}
