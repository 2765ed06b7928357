// Our flags beside cleanvision's, per issue type, on real photos as they are and on copies made to raise flags; a sheet of the
// pictures that only one of the two flags, for a person to look at.
// npm run bench:flags -- FOLDER [--photos N] [--spoilt N] [--json]
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { shuffled } from "../../domain/split/rank.ts";
import { type Agreement, agreementOf, spoiltCopies } from "./agreement.ts";
import { contactSheet } from "./contact-sheet.ts";
import { installPeers, peerFlags } from "./peers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    photos: { type: "string", default: "900" },
    spoilt: { type: "string", default: "60" },
  },
});
const folder = positionals[0];
if (folder === undefined) {
  console.error("say which folder of JPEGs: npm run bench:flags -- FOLDER");
  process.exit(2);
}

const scratch = fileURLToPath(new URL("../../build/bench-flags", import.meta.url));
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.jpe?g$/i.test(name)).sort();
const [first = 0, second = 0] = [Number(values.photos), Number(values.spoilt)];
const drawn = shuffled(names, 1, "flags", (name) => name).map((name) => join(folder, name));

async function compared(name: string, paths: readonly string[]): Promise<Agreement> {
  const list = join(scratch, `${name}.txt`);
  writeFileSync(list, `${paths.join("\n")}\n`);
  const agreement = await agreementOf(paths, peerFlags(list));
  for (const type of new Set(agreement.disagreements.map((d) => d.type))) {
    const shown = agreement.disagreements.filter((d) => d.type === type);
    await contactSheet(shown, join(scratch, `${name}-${type}.png`));
  }
  return agreement;
}

installPeers();
// Spoilt copies are of other photos than those looked at as they are.
const result = {
  asTheyAre: await compared("as-they-are", drawn.slice(0, first)),
  spoilt: await compared("spoilt", await spoiltCopies(drawn.slice(first, first + second), scratch)),
  sheets: scratch,
};
console.log(values.json ? JSON.stringify(result) : result);
