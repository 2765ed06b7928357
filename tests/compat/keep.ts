/** `node tests/compat/keep.ts 0.2.0`: keeps today's definitions and stages' forms as a version that upgrades are held to. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { MACHINES } from "../../workflow/definition.ts";
import { stageForms } from "../workflow/stage-forms.ts";

const version = process.argv[2] ?? "";
const folder = new URL(`${version}/`, import.meta.url);
if (!/^\d+\.\d+\.\d+$/.test(version) || existsSync(folder)) {
  console.error(`"${version}" is no new version; give one such as 0.2.0 that is not kept yet`);
  process.exitCode = 1;
} else {
  mkdirSync(folder);
  for (const machine of MACHINES)
    copyFileSync(
      new URL(`../../workflow/${machine}.asl.json`, import.meta.url),
      new URL(`${machine}.asl.json`, folder),
    );
  writeFileSync(new URL("forms.json", folder), `${JSON.stringify(stageForms())}\n`);
}
