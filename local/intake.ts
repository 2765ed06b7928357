import { cp, mkdir, readdir, rename, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { BadInputError } from "../lambdas/stage.ts";
import { readCampaign, readCycle } from "../lambdas/store/campaigns.ts";
import { keepClaims, mustBeClasses } from "../lambdas/store/claims.ts";
import { enqueueIntake } from "../lambdas/store/cycles.ts";
import { sealIntake } from "../lambdas/store/intakes.ts";
import { objectKeys } from "../lambdas/store/keys.ts";
import { isSourceFile, type LabelSource, openSource } from "./formats/source.ts";
import type { Host } from "./host.ts";

export interface Added {
  intake: string;
  files: number;
  /** Labels that came with the photos and were kept beside them. */
  claims: number;
  notes: string[];
  cycle: number | null;
  queued: boolean;
}

/**
 * Seals what a folder, archive or list holds as an intake of a campaign and lets it in: at once, or when the open cycle
 * ends. Labels that come with it are kept as claims: they are shown, and count as nobody's answers. Safe to call again,
 * also after a crash in the middle: what is stored is not stored twice.
 */
export async function addIntake(
  host: Pick<Host, "ports" | "work" | "onProgress">,
  campaign: string,
  path: string,
  options: { labels?: LabelSource; by?: string } = {},
): Promise<Added> {
  await readCampaign(host.ports, campaign);
  host.onProgress({ step: "reading what there is" });
  const source = await openSource(path, join(host.work, "unpacked"), options.labels);
  try {
    await mustBeClasses(host.ports, campaign, source.labels);
    const { intake, files } = await sealIntake(host.ports, {
      campaign,
      files: source.files,
      onFile: (done) => host.onProgress({ step: "taking in", done }),
    });
    const from = `${basename(path)} (${source.format})`;
    const about = { campaign, intake, source: from, by: options.by ?? "data-team" };
    const claims = source.labels.size === 0 ? 0 : await keepClaims(host.ports, about, source.labels);
    const cycle = await enqueueIntake(host.ports, campaign, intake);
    return { intake, files, claims, notes: source.notes, cycle: cycle ?? null, queued: cycle === undefined };
  } finally {
    await source.close();
  }
}

/** The folder's absolute path. Throws BadInputError where there is none. */
export async function existingFolder(folder: string): Promise<string> {
  const path = resolve(folder);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new BadInputError(`there is no folder ${path}`);
  if (!found.isDirectory()) throw new BadInputError(`${path} is a file; give the folder that holds the photos`);
  return path;
}

/** The absolute path of a folder, archive or list. Throws BadInputError where there is none. */
export async function existingSource(path: string): Promise<string> {
  const target = resolve(path);
  const found = await stat(target).catch(() => undefined);
  return found?.isFile() === true && isSourceFile(target) ? target : existingFolder(target);
}

/** Sub-folder names, sorted: the classes of a folder of class folders. */
export async function classFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Brings pretrained weights into the store: each sub-folder with a model.safetensors and its manifest.json.
 * Returns the architectures. Weights that are there already are left alone.
 */
export async function bringWeights(host: Host, folder: string): Promise<string[]> {
  const root = await existingFolder(folder);
  const found: string[] = [];
  for (const name of await classFolders(root)) {
    const files = await readdir(join(root, name));
    if (!files.includes("model.safetensors") || !files.includes("manifest.json")) continue;
    found.push(name);
    const target = host.ports.path(objectKeys.weights(name));
    if (!target.includes(`${sep}weights${sep}`)) throw new BadInputError(`${name} can't be a folder of weights`);
    for (const file of ["model.safetensors", "manifest.json"]) {
      const key = `${objectKeys.weights(name)}/${file}`;
      if ((await host.ports.objects.head(key)) !== undefined) continue;
      // Published whole: a copy that is cut short must not pass for the weights at the next start.
      const draft = join(host.work, "drafts", `${process.pid}-${name}-${file}`);
      await cp(join(root, name, file), draft);
      await mkdir(target, { recursive: true });
      await rename(draft, join(target, file));
    }
  }
  if (found.length === 0) {
    throw new BadInputError(
      `${relative(process.cwd(), root) || root} holds no weights: expected sub-folders with model.safetensors and manifest.json {architecture, licence, mean, std, sha256}`,
    );
  }
  return found;
}

/** Whether a cycle has ended. */
export async function cycleEnded(host: Host, campaign: string, cycle: number): Promise<boolean> {
  return (await readCycle(host.ports, campaign, cycle)).outcome !== "open";
}
