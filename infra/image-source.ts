import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BundledFunction } from "./bundle.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What CodeBuild needs for the three images, gathered in one folder: sources, schemas, lock file, native functions. */
export function buildImageSource(
  bundle: readonly BundledFunction[],
  folder = join(ROOT, "build", "image-source"),
): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const clean = { recursive: true, filter: (path: string) => !/__pycache__|\.pyc$/.test(path) };
  for (const path of ["training-container", "schemas/json", "infra/admission", "package.json", "package-lock.json"]) {
    cpSync(join(ROOT, path), join(folder, path), clean);
  }
  for (const { name, folder: from, native } of bundle) if (native) cpSync(from, join(folder, "functions", name), clean);
  return folder;
}
