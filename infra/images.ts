/** The three container images: built by CodeBuild in the user's account, found by the digest of what they are built from. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Aws, AwsCommandError } from "./aws-command.ts";
import type { EnvironmentConfig } from "./config.ts";
import { resourceName } from "./foundation.ts";

export const IMAGE_NAMES = ["training", "serving", "admission"] as const;
type ImageName = (typeof IMAGE_NAMES)[number];

/** A build ended badly, or an image that should be there is not. */
export class ImageError extends Error {
  override name = "ImageError";
}

/** Longest build that is waited for: torch's base image is 10 GB. */
const MOST_MINUTES = 90;
const LOOK_EVERY_MS = 15_000;

/** Content digest of what the images are built from: the same sources are built once. */
export function sourceTag(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path.slice(folder.length)).update(readFileSync(path));
  return hash.digest("hex").slice(0, 20);
}

/** Digests of all images, built where they are missing. Throws ImageError. */
export async function builtImages(
  aws: Aws,
  config: EnvironmentConfig,
  tag: string,
  pause: (milliseconds: number) => Promise<void> = (milliseconds) =>
    new Promise((resolve) => setTimeout(resolve, milliseconds)),
): Promise<Record<ImageName, string>> {
  const missing = IMAGE_NAMES.filter((image) => digestOf(aws, config, image, tag) === undefined);
  const builds = missing.map((image) => ({ image, id: startBuild(aws, config, image, tag) }));
  for (const { image, id } of builds) await finished(aws, image, id, pause);
  return Object.fromEntries(
    IMAGE_NAMES.map((image) => {
      const digest = digestOf(aws, config, image, tag);
      if (digest === undefined)
        throw new ImageError(
          `the image ${resourceName(config, image)}:${tag} is not in its repository although its build ended well; look at the build's log, or whether the repository's rules deleted it`,
        );
      return [image, digest];
    }),
  ) as Record<ImageName, string>;
}

function digestOf(aws: Aws, config: EnvironmentConfig, image: ImageName, tag: string): string | undefined {
  const repository = resourceName(config, image);
  try {
    const found = aws(["ecr", "describe-images", "--repository-name", repository, "--image-ids", `imageTag=${tag}`]);
    return found.imageDetails?.[0]?.imageDigest;
  } catch (error) {
    if (error instanceof AwsCommandError && error.code === "ImageNotFoundException") return undefined;
    throw error;
  }
}

function startBuild(aws: Aws, config: EnvironmentConfig, image: ImageName, tag: string): string {
  const { build } = aws([
    "codebuild",
    "start-build",
    "--project-name",
    resourceName(config, image),
    "--environment-variables-override",
    `name=TAG,value=${tag}`,
  ]);
  console.log(`building ${image}: ${build.id}`);
  return build.id;
}

async function finished(
  aws: Aws,
  image: ImageName,
  id: string,
  pause: (milliseconds: number) => Promise<void>,
): Promise<void> {
  for (let waited = 0; waited < MOST_MINUTES * 60_000; waited += LOOK_EVERY_MS) {
    const { builds } = aws(["codebuild", "batch-get-builds", "--ids", id]);
    const { buildStatus, logs } = builds?.[0] ?? {};
    if (buildStatus === "SUCCEEDED") return;
    if (buildStatus !== "IN_PROGRESS")
      throw new ImageError(
        `the build of the image ${image} ended as ${buildStatus ?? "unknown"}; its log: ${logs?.deepLink ?? `in CodeBuild, ${id}`}. Mend it and run this again: what was built is kept`,
      );
    await pause(LOOK_EVERY_MS);
  }
  throw new ImageError(`the build ${id} of the image ${image} takes longer than ${MOST_MINUTES} minutes`);
}
