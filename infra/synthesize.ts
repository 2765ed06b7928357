import { join } from "node:path";
import { AssetStaging } from "aws-cdk-lib";
import { buildWeb } from "../web/build.ts";
import { type BundledFunction, bundleFunctions } from "./bundle.ts";
import type { Stacks } from "./checks/resolve.ts";
import { readConfig } from "./config.ts";
import { countersign } from "./countersign.ts";
import { buildImageSource } from "./image-source.ts";
import { newApp } from "./new-app.ts";

/** What a synthesis left in a folder: the assembly in `cdk/`, the functions' packages in `functions/`. */
export interface Synthesis {
  stacks: Stacks;
  bundle: BundledFunction[];
}

/** Bundles and synthesizes one environment into a folder, offline. `prepare`: what is added to the app before. */
export async function synthesizeInto(
  out: string,
  environment: string,
  prepare: (app: ReturnType<typeof newApp>) => void = () => {},
): Promise<Synthesis> {
  // The CDK stages an asset once per process; a second synthesis is to do it all again.
  AssetStaging.clearAssetHashCache();
  const bundle = await bundleFunctions(join(out, "functions"));
  const pages = join(out, "pages");
  await buildWeb(pages);
  const app = newApp(join(out, "cdk"));
  const imageSource = buildImageSource(bundle, join(out, "images"));
  countersign(app, { config: readConfig(environment), bundle, imageSource, pages });
  prepare(app);
  const assembly = app.synth({ errorOnDuplicateSynth: false });
  return {
    bundle,
    stacks: Object.fromEntries(
      assembly.stacks.map((stack) => [stack.stackName.split("-").at(-1) as string, stack.template]),
    ),
  };
}
