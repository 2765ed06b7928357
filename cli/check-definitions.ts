import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { BadInputError } from "../lambdas/stage.ts";
import { lintDefinition } from "../workflow/checks/definition-lint.ts";

/** Lints workflow definitions; 0 when nothing was found. */
export async function checkDefinitions(paths: readonly string[], json: boolean): Promise<number> {
  if (paths.length === 0) throw new BadInputError("check needs at least one file, such as workflow/campaign.asl.json");
  const all = [];
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch(() => {
      throw new BadInputError(`there is no file ${path}`);
    });
    let definition: unknown;
    try {
      definition = JSON.parse(text);
    } catch (error) {
      throw new BadInputError(`${path} is not JSON: ${(error as Error).message}`);
    }
    for (const finding of lintDefinition(basename(path), definition)) all.push({ file: path, ...finding });
  }
  if (json) process.stdout.write(`${JSON.stringify({ files: paths.length, findings: all })}\n`);
  else {
    for (const finding of all) process.stdout.write(`${finding.file} ${finding.path}: ${finding.message}\n`);
    process.stdout.write(`${paths.length} files, ${all.length} findings\n`);
  }
  return all.length === 0 ? 0 : 2;
}
