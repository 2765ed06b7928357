import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Access } from "../../infra/access.ts";
import { type BundledFunction, bundleFunctions } from "../../infra/bundle.ts";
import { readConfig } from "../../infra/config.ts";
import { countersign } from "../../infra/countersign.ts";
import { buildImageSource } from "../../infra/image-source.ts";
import { newApp } from "../../infra/new-app.ts";
import { buildWeb } from "../../web/build.ts";
import type { Json } from "./fault.ts";

let bundled: Promise<{ bundle: BundledFunction[]; imageSource: string; pages: string }> | undefined;

/** Templates of an environment by stack: Data, Images, Pipeline, Portal, Observability. Bundles once per process. */
export async function synthesized(environment: string, machineCallers = true): Promise<Record<string, Json>> {
  bundled ??= prepare();
  const parts = await bundled;
  const out = mkdtempSync(join(tmpdir(), "countersign-synth-"));
  try {
    const app = newApp(out);
    // With programs that call /predict everywhere: what guards them is to be seen in every environment.
    countersign(app, { config: { ...readConfig(environment), machineCallers }, ...parts });
    const assembly = app.synth();
    return Object.fromEntries(
      assembly.stacks.map((stack) => [stack.stackName.split("-").at(-1) as string, stack.template]),
    );
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** What each function's code was seen to call. */
export async function functionAccess(): Promise<Record<string, Access>> {
  bundled ??= prepare();
  return Object.fromEntries((await bundled).bundle.map(({ name, access }) => [name, access]));
}

async function prepare() {
  const folder = mkdtempSync(join(tmpdir(), "countersign-bundle-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const bundle = await bundleFunctions(join(folder, "functions"));
  const pages = join(folder, "pages");
  await buildWeb(pages);
  return { bundle, imageSource: buildImageSource(bundle, join(folder, "images")), pages };
}
