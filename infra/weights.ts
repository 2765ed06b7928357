import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConflictError, type Objects } from "../lambdas/ports.ts";
import { objectKeys } from "../lambdas/store/keys.ts";
import { chooseBackbone, WITHOUT_WEIGHTS } from "../lambdas/store/weights.ts";
import type { Campaign } from "../schemas/campaign.ts";
import { ConfigError } from "./config.ts";

const FILES = ["manifest.json", "model.safetensors"] as const;
const Manifest = z.looseObject({
  architecture: z.string().min(1),
  licence: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 hex digits of model.safetensors"),
});

/**
 * Stores pretrained weights below `weights/<architecture>/`: each sub-folder of `folder` with model.safetensors and a
 * manifest.json that names its sha256. What is there already stays; the manifest goes first, for the model marks the folder
 * as usable. Returns the architectures. Throws ConfigError where a folder is not what its manifest says.
 */
export async function storeWeights(objects: Objects, folder: string): Promise<string[]> {
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => FILES.every((file) => existsSync(join(folder, name, file))))
    : [];
  if (names.length === 0)
    throw new ConfigError(
      `${folder} holds no weights: expected sub-folders with model.safetensors and manifest.json {architecture, licence, mean, std, sha256}`,
    );
  for (const name of names) {
    const contents = FILES.map((file) => readFileSync(join(folder, name, file)));
    mustBeWhatItSays(name, ...(contents as [Buffer, Buffer]));
    for (const [index, file] of FILES.entries()) {
      try {
        await objects.put(`${objectKeys.weights(name)}/${file}`, contents[index] as Buffer, "absent");
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
      }
    }
  }
  return names;
}

function mustBeWhatItSays(name: string, manifest: Buffer, model: Buffer): void {
  let written: unknown;
  try {
    written = JSON.parse(manifest.toString("utf8"));
  } catch (error) {
    throw new ConfigError(`${name}/manifest.json is not JSON: ${(error as Error).message}`);
  }
  const read = Manifest.safeParse(written);
  if (!read.success) throw new ConfigError(`${name}/manifest.json: ${z.prettifyError(read.error)}`);
  if (read.data.architecture !== name)
    throw new ConfigError(
      `${name}/manifest.json is of architecture "${read.data.architecture}": name the folder after it`,
    );
  const sha256 = createHash("sha256").update(model).digest("hex");
  if (sha256 !== read.data.sha256)
    throw new ConfigError(
      `${name}/model.safetensors has sha256 ${sha256.slice(0, 12)}…, its manifest says ${read.data.sha256.slice(0, 12)}…: fetch the file again`,
    );
}

/**
 * The backbone that a campaign will train on, by what the bucket holds. Throws ConfigError where it wants weights by name
 * that are not there: the first job would find out an hour later.
 */
export async function backboneOf(objects: Objects, agreement: Campaign): Promise<string> {
  const wanted = agreement.training.backbone;
  const { backbone, prefix } = await chooseBackbone(objects, wanted);
  if (prefix === undefined && backbone !== WITHOUT_WEIGHTS)
    throw new ConfigError(
      `training.backbone is "${wanted}", and the bucket holds no weights of it: give --weights <folder with ${wanted}/model.safetensors and manifest.json>, or write "training: { backbone: small-cnn }"`,
    );
  return backbone;
}
