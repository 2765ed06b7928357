import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));
export const DEFAULT_BACKBONE = "vit_tiny_patch16_224";

/** Photos of a folder of class folders with their frozen features, byte-identical ones once. */
export interface EmbeddedPhotos {
  /** Where embeddings.json, embeddings.f32 and images.csv lie. */
  folder: string;
  sha256s: string[];
  /** Class index per photo, in order of folder name. */
  truth: Int32Array;
  classes: number;
}

/**
 * Embeds a folder once (class token and mean patch token) and keeps it under build/; the next call reads it. Throws Error
 * where there are no weights.
 */
export function embeddedPhotos(
  folder: string,
  weights: string | undefined,
  backbone = DEFAULT_BACKBONE,
): EmbeddedPhotos {
  if (weights === undefined || !existsSync(weights))
    throw new Error(`--weights ${weights ?? "is missing"}: expected a folder with pretrained weights`);
  const inner = join(weights, backbone);
  const key = createHash("sha256")
    .update(`tokens\n${resolve(folder)}\n${resolve(weights)}\n${backbone}`)
    .digest("hex")
    .slice(0, 16);
  const kept = join(repository, "build", "bench", `embeddings-${key}`);
  if (!existsSync(join(kept, "images.csv"))) {
    mkdirSync(kept, { recursive: true });
    process.stderr.write("embedding the photos (once)\n");
    labelPython({ step: "embed", folder, weights: existsSync(inner) ? inner : weights, backbone, out: kept });
  }
  return readEmbedded(kept);
}

/** What an earlier run kept. */
export function readEmbedded(folder: string): EmbeddedPhotos {
  const lines = readFileSync(join(folder, "images.csv"), "utf8").trim().split("\n");
  const truth = Int32Array.from(lines, (line) => Number(line.split(",")[1]));
  return {
    folder,
    sha256s: lines.map((line) => line.split(",")[0] ?? ""),
    truth,
    classes: Math.max(...truth) + 1,
  };
}

/** Runs a step of label_errors.py: its file says what each one needs. */
export function labelPython(task: Record<string, unknown>): void {
  execFileSync(
    join(repository, ".venv", "bin", "python"),
    [join(repository, "bench", "labels", "label_errors.py"), JSON.stringify(task)],
    {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, PYTHONPATH: join(repository, "training-container") },
    },
  );
}
