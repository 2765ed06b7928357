import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fault = JSON.parse(process.env.COUNTERSIGN_FAULT ?? "null") as {
  file: string;
  find: string;
  replace: string;
} | null;

/**
 * Runs tests with one fault planted while the file loads; the file on disk stays. The cache of transformed files does not
 * know of faults: without it off, a fault would outlive its run, or never be planted.
 */
export default defineConfig({
  root,
  plugins: [
    {
      name: "fault",
      enforce: "pre",
      load(id) {
        if (fault === null || id.split("?")[0] !== `${root}${fault.file}`) return undefined;
        return readFileSync(`${root}${fault.file}`, "utf8").replace(fault.find, () => fault.replace);
      },
    },
  ],
  test: { include: ["tests/**/*.test.ts"], testTimeout: 30_000, fsModuleCache: false },
});
