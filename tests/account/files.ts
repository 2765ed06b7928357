import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IncomingFile } from "../../lambdas/store/intakes.ts";

/** What `fill` writes into a folder, as files in memory; the folder is gone afterwards. */
export async function filesIn(fill: (folder: string) => Promise<unknown>): Promise<IncomingFile[]> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-photos-"));
  try {
    await fill(folder);
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => {
        const bytes = readFileSync(path);
        return {
          name: path.slice(folder.length + 1),
          bytes: bytes.length,
          read: async () => bytes,
          async *stream() {
            yield bytes;
          },
        };
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
