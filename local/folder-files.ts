import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { IncomingFile } from "../lambdas/store/intakes.ts";

/**
 * Every file below a folder in order of its name, `/` between folders. Dot files and dot folders are left out, links are
 * not followed: what somebody drops must not reach outside the folder.
 */
export async function* folderFiles(root: string, below = ""): AsyncGenerator<IncomingFile> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    const path = join(root, name);
    if (entry.isDirectory()) yield* folderFiles(root, name);
    else if (entry.isFile()) {
      yield { name, bytes: (await stat(path)).size, read: () => readFile(path), stream: () => createReadStream(path) };
    }
  }
}
