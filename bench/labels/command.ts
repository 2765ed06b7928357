import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

/** What every label benchmark takes: a data folder, `--json`, and options of its own (all of them text). */
export function benchArguments(
  usage: string,
  options: readonly string[] = [],
): { folder: string; json: boolean; options: Record<string, string | undefined> } {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        ...Object.fromEntries(options.map((name) => [name, { type: "string" as const }])),
      },
    });
    const [folder] = positionals;
    if (positionals.length !== 1 || folder === undefined) throw new Error("expected one data folder");
    if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`);
    return {
      folder,
      json: values.json === true,
      options: Object.fromEntries(
        options.map((name) => [name, (values as Record<string, unknown> as Record<string, string | undefined>)[name]]),
      ),
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\nusage: ${usage}\n`);
    process.exit(2);
  }
}

/** One JSON line with `--json`, else the same indented. */
export function print(result: unknown, json: boolean): void {
  process.stdout.write(`${json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
}

/** To four decimals: finer digits say nothing. */
export const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
