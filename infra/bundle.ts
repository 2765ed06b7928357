/** All Lambda code in one esbuild pass: one folder per function, SDK included, only the clients that its code uses. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { type Access, accessOf, sources } from "./access.ts";
import { allFunctions, portalAccessSources } from "./functions.ts";

/** Decoders with machine code: a function that imports one, or starts processes that do, is shipped as an image. */
const NATIVE = /["'](?:sharp|@julusian\/jpeg-turbo)["']/;
/** The program that looks at files, beside every function that starts it. */
const IMAGING_WORKER = "imaging-worker";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface BundledFunction {
  name: string;
  /** Folder with index.mjs. */
  folder: string;
  access: Access;
  native: boolean;
  bytes: number;
}

/** Reads every function's access, then bundles them all. The same sources give the same bytes. */
export async function bundleFunctions(outdir = join(ROOT, "build", "lambdas")): Promise<BundledFunction[]> {
  const analysed = Object.fromEntries(allFunctions.map(({ name, code }) => [name, portalAccessSources[name] ?? code]));
  const access = await accessOf(analysed, ROOT);
  const entries = Object.fromEntries(
    allFunctions.map(({ name, code }) => [name, withPorts(code, access[name] as Access)]),
  );
  rmSync(outdir, { recursive: true, force: true });
  entries[IMAGING_WORKER] = 'import "./lambdas/imaging/worker.ts";';
  const { plugins, ...rest } = sources(entries, ROOT);
  const result = await build({
    ...rest,
    plugins: [...plugins, lean],
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node24",
    outdir,
    // Packages' ES modules: of CommonJS esbuild keeps everything, used or not.
    mainFields: ["module", "main"],
    external: ["sharp", "@julusian/jpeg-turbo"],
    legalComments: "none",
    logLevel: "silent",
    // Some packages of the SDK are CommonJS inside and ask for require.
    banner: { js: 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);' },
  });
  const bundled = new Map(
    result.outputFiles.map((file) => [file.path.replace(/^.*[\\/]/, "").replace(/\.js$/, ""), file] as const),
  );
  const worker = bundled.get(IMAGING_WORKER);
  bundled.delete(IMAGING_WORKER);
  return [...bundled]
    .map(([name, file]) => {
      const folder = join(outdir, name);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "index.mjs"), file.contents);
      const decodes = file.text.includes(`${IMAGING_WORKER}.mjs`);
      if (decodes) writeFileSync(join(folder, `${IMAGING_WORKER}.mjs`), worker?.contents ?? "");
      return {
        name,
        folder,
        access: access[name] as Access,
        native: decodes || NATIVE.test(file.text),
        bytes: file.contents.length,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function withPorts(code: string, access: Access): string {
  const ports = Object.keys(access.calls).sort();
  const imports = ports.map((port) => `import { ${port} } from "./infra/lambda/ports/${port}.ts";`);
  return `${imports.join("\n")}\n${code}\nexport const handler = make({ ${ports.join(", ")} });\n`;
}

/** zod's two modules that write JSON Schema, by the names that its others import. */
const NO_JSON_SCHEMA = `
const gone = () => { throw new Error("JSON Schemas are written by npm run schemas, not by a function"); };
const method = () => gone;
export const allProcessors = {};
export { gone as initializeContext, gone as handleUnrepresentable, gone as processSchema, gone as process, gone as extractDefs, gone as finalize, gone as toJSONSchema, method as createToJSONSchemaMethod, method as createStandardJSONSchemaMethod };`;

/**
 * Leaves out what a function in Lambda never uses: other languages' messages (270 KB), other ways to credentials (100 KB), the
 * naming of browsers (34 KB), schemas as JSON Schema (19 KB; those are written beforehand), all of the clients' package.json
 * but their versions (8 KB), what the portal's page does not show of the workflow (30 KB); and takes apart zod, of which `z`
 * as one object keeps all (95 KB), and the clients' schemas, which keys that are computed keep for calls never made (70 KB).
 */
const lean: Plugin = {
  name: "lean",
  setup(build) {
    build.onResolve({ filter: /locales\/index\.js$|^bowser$/ }, () => ({ path: "none", namespace: "lean" }));
    build.onLoad({ filter: /.*/, namespace: "lean" }, () => ({ contents: "export default {};" }));
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]core[\\/](?:to-json-schema|json-schema-processors)\.js$/ }, () => ({
      contents: NO_JSON_SCHEMA,
    }));
    build.onLoad({ filter: /[\\/]@aws-sdk[\\/]client-[^\\/]+[\\/]package\.json$/ }, ({ path }) => {
      const { name, version } = JSON.parse(readFileSync(path, "utf8")) as { name: string; version: string };
      return { contents: JSON.stringify({ name, version }), loader: "json" };
    });
    build.onLoad({ filter: /[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/ }, ({ path }) => ({
      contents: withPlainKeys(readFileSync(path, "utf8")),
    }));
    build.onLoad({ filter: /[\\/]workflow[\\/]campaign\.asl\.json$/ }, ({ path }) => ({
      contents: JSON.stringify(outlineOf(JSON.parse(readFileSync(path, "utf8")))),
      loader: "json",
    }));
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () => ({
      path: join(ROOT, "infra/lambda/credentials.ts"),
    }));
    build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
      path.includes("node_modules")
        ? undefined
        : {
            contents: readFileSync(path, "utf8").replace('import { z } from "zod";', 'import * as z from "zod";'),
            loader: "ts",
          },
    );
  },
};

/** `{ [_e]: _c }` -> `{ "error": _c }` where `_e` is a text of the same file: esbuild drops an unused literal, not a computed one. */
function withPlainKeys(code: string): string {
  const texts = new Map([...code.matchAll(/^const (_\w+) = ("[^"\n]*");$/gm)].map(([, name, text]) => [name, text]));
  return code.replace(/\[(_\w+)\]:/g, (key, name: string) => (texts.has(name) ? `${texts.get(name)}:` : key));
}

const SHOWN = ["Type", "Comment", "Next", "Default", "Choices", "Catch"];

/** A workflow as the portal draws it: its states without what they ask and assign. */
function outlineOf(machine: { States: Record<string, Record<string, unknown>> }): object {
  const targets = (rules: unknown) => (rules as { Next: string }[]).map(({ Next }) => ({ Next }));
  const outline = (state: Record<string, unknown>) =>
    Object.fromEntries(
      SHOWN.filter((key) => key in state).map((key) => [
        key,
        key === "Choices" || key === "Catch" ? targets(state[key]) : state[key],
      ]),
    );
  return { States: Object.fromEntries(Object.entries(machine.States).map(([name, state]) => [name, outline(state)])) };
}
