import { readFileSync } from "node:fs";

/** The product's state machines, by name; each is `<name>.asl.json` beside this file. */
export const MACHINES = ["campaign", "lot", "release", "monitor"] as const;
export type MachineName = (typeof MACHINES)[number];

/** The file's text, placeholders and all: what both hosts start from. */
export function definitionText(machine: MachineName): string {
  return readFileSync(new URL(`./${machine}.asl.json`, import.meta.url), "utf8");
}

/** Names inside `${...}` of a definition, sorted, each once. */
export function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\$\{([A-Za-z0-9_]+)\}/g)].map((match) => match[1] as string))].sort();
}

/**
 * The definition with every placeholder filled, parsed.
 * Throws when a placeholder has no value or a value has no placeholder: both hosts must agree with the files.
 */
export function fillDefinition(text: string, values: Readonly<Record<string, string>>): Record<string, unknown> {
  const wanted = placeholders(text);
  const missing = wanted.filter((name) => values[name] === undefined);
  if (missing.length > 0)
    throw new Error(`no value for placeholder ${missing.join(", ")}; given: ${Object.keys(values).sort().join(", ")}`);
  const filled = text.replaceAll(/\$\{([A-Za-z0-9_]+)\}/g, (_, name: string) =>
    JSON.stringify(values[name]).slice(1, -1),
  );
  return JSON.parse(filled) as Record<string, unknown>;
}

/** `AdmitImages` -> `admit-images`: a placeholder for a function is its stage's name in Pascal case. */
export function stageName(placeholder: string): string {
  return placeholder.replaceAll(/(?<!^)([A-Z])/g, "-$1").toLowerCase();
}

/** Placeholders that stand in a `FunctionName`: the stages that a definition calls. */
export function stagePlaceholders(text: string): string[] {
  return [
    ...new Set([...text.matchAll(/"FunctionName":\s*"\$\{([A-Za-z0-9_]+)\}"/g)].map((match) => match[1] as string)),
  ].sort();
}
