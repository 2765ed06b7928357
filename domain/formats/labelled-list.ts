/** A file of another tool is not of its form; the message says where, what was found and what is expected. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** One image of a list: where the list says that it lies, and every class that the list says of it. */
export interface ListedImage {
  path: string;
  labels: string[];
}

/** What a list of another tool holds for us, and what of it we leave behind. */
export interface LabelledList {
  images: ListedImage[];
  /** Plain sentences on what was not taken over: boxes, several classes, a model's own predictions. */
  notes: string[];
}

/** One image of a frozen dataset as the writers take it. */
export interface ExportedImage {
  /** Relative to the exported folder, `/` between parts. */
  file: string;
  sha256: string;
  label: string;
  split: "train" | "validation";
  width: number;
  height: number;
  /** Probability of the label by the people's answers. */
  confidence: number;
}

/** The one class that a list says of an image; undefined where it says none or several. */
export function labelOf({ labels }: ListedImage): string | undefined {
  const said = new Set(labels);
  return said.size === 1 ? labels[0] : undefined;
}

/** The images with each path once, what was said of it together; in the order in which paths come first. */
export function byPath(images: readonly ListedImage[]): ListedImage[] {
  const all = new Map<string, ListedImage>();
  for (const { path, labels } of images) {
    const there = all.get(path);
    if (there === undefined) all.set(path, { path, labels: [...labels] });
    else there.labels.push(...labels);
  }
  return [...all.values()];
}

/** "1 image has several classes and comes without one", or nothing. */
export function severalNote(images: readonly ListedImage[]): string[] {
  const several = images.filter(({ labels }) => new Set(labels).size > 1).length;
  if (several === 0) return [];
  return [
    several === 1
      ? "1 image has several classes and comes without one"
      : `${several} images have several classes and come without one`,
  ];
}

export function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
  } catch (error) {
    throw new FormatError(`${what} is not JSON: ${(error as Error).message}`);
  }
}

/** Non-empty lines as JSON objects. Throws FormatError naming the line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  const values: Record<string, unknown>[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const value = jsonOf(line, `line ${index + 1}`);
    if (!isObject(value))
      throw new FormatError(`line ${index + 1} is ${line.slice(0, 60)}; expected one JSON object a line`);
    values.push(value);
  }
  return values;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field's text. Throws FormatError with the field, the bad value and what is expected. */
export function textAt(record: Record<string, unknown>, field: string, where: string): string {
  const value = record[field];
  if (typeof value === "string" && value !== "") return value;
  throw new FormatError(`${where}: ${field} is ${JSON.stringify(value) ?? "missing"}; expected a text`);
}

/** A field's list. Throws FormatError. */
export function listAt(record: Record<string, unknown>, field: string, where: string): Record<string, unknown>[] {
  const value = record[field];
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw new FormatError(`${where}: ${field} is no list of objects`);
}
