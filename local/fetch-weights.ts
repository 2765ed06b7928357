import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { BadInputError } from "../lambdas/stage.ts";
import { CONTAINER_FOLDER, findPython } from "./jobs/python.ts";

const PATIENCE_MS = 10 * 60_000;

/**
 * Fetches an architecture's weights from timm's hub into `folder/<architecture>`; outside any job, on a person's word.
 * Throws BadInputError that says why not, and where else weights can come from.
 */
export async function fetchWeights(architecture: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return new Promise((resolve, reject) => {
    const args = ["-m", "countersign_ml.fetch", architecture, folder];
    execFile(findPython(), args, { cwd: CONTAINER_FOLDER, timeout: PATIENCE_MS }, (error, _stdout, stderr) => {
      if (error === null) resolve(folder);
      else {
        const why = stderr.trim().split("\n").at(-1) || error.message;
        reject(
          new BadInputError(
            `there are no pretrained weights: ${why}; or write "training: {backbone: small-cnn}" into campaign.yaml to train a small network from scratch`,
          ),
        );
      }
    });
  });
}
