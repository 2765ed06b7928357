/** Which ports a function uses, read from its own bundled code: its permissions follow, so the two can't drift apart. */
import { build } from "esbuild";

/** A port's methods, and what each does to AWS. */
const PORT_METHODS = {
  objects: ["get", "getRange", "head", "put", "list", "delete"],
  records: ["get", "put", "delete", "transact", "query"],
  tokens: ["succeed", "fail", "heartbeat"],
  sealer: ["seal", "open", "sign"],
  notifier: ["notify"],
  workflows: ["start", "stop", "describe", "history"],
  endpoints: ["invoke"],
} as const;
export type PortName = keyof typeof PORT_METHODS;

export interface Access {
  /** Port -> methods called, in order of name. */
  calls: Partial<Record<PortName, string[]>>;
  /** The code names the place of the sealed test truth. */
  sealedTruth: boolean;
  /** Code points at AWS by more than ports: none is allowed. */
  machines: string[];
}

/** Code that reaches a port in a way that can't be seen from outside, such as a destructured method. */
export class OpaqueAccessError extends Error {
  override name = "OpaqueAccessError";
}

/** Bundles each entry alone (tree-shaken, nothing written) and reads what it calls. Entries: name -> source text. */
export async function accessOf(
  entries: Readonly<Record<string, string>>,
  root: string,
): Promise<Record<string, Access>> {
  const result = await build({
    ...sources(entries, root),
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node24",
    packages: "external",
    outdir: "out",
    logLevel: "silent",
    treeShaking: true,
  });
  const found = result.outputFiles.map(
    (file) => [nameOf(file.path), readAccess(nameOf(file.path), file.text)] as const,
  );
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Virtual entry points for esbuild: `entry:<name>` is the given text, resolved from the repository's root. */
export function sources(entries: Readonly<Record<string, string>>, root: string) {
  return {
    entryPoints: Object.keys(entries).map((name) => ({ in: `entry:${name}`, out: name })),
    absWorkingDir: root,
    plugins: [
      {
        name: "entries",
        setup(build: import("esbuild").PluginBuild) {
          build.onResolve({ filter: /^entry:/ }, ({ path }) => ({
            path: path.slice("entry:".length),
            namespace: "entry",
          }));
          build.onLoad({ filter: /.*/, namespace: "entry" }, ({ path }) => ({
            contents: entries[path] ?? "",
            loader: "ts" as const,
            resolveDir: root,
          }));
        },
      },
    ],
  };
}

function nameOf(path: string): string {
  return path.replace(/^.*[\\/]/, "").replace(/\.m?js$/, "");
}

function readAccess(name: string, code: string): Access {
  const calls: Access["calls"] = {};
  for (const port of Object.keys(PORT_METHODS) as PortName[]) {
    const methods = new Set(
      [...code.matchAll(new RegExp(`\\b${port}\\s*\\.(\\w+)\\(`, "g"))].map((match) => match[1] as string),
    );
    const known = PORT_METHODS[port].filter((method) => methods.has(method));
    if (known.length > 0) calls[port] = [...known].sort();
    const taken = new RegExp(`(?:\\{[^{}]*\\}\\s*=\\s*(?:\\w+\\.)*${port}\\b)|(?:ports\\.${port}\\s*\\[)`).exec(code);
    if (taken)
      throw new OpaqueAccessError(
        `${name}: "${taken[0]}" hides which method of ${port} is used; call it as ports.${port}.<method>(...)`,
      );
  }
  const machines = [...code.matchAll(/\bworkflows\s*\.start\(\s*"(\w+)"/g)].map((match) => match[1] as string);
  return { calls, sealedTruth: /objectKeys\.sealedTruth\(/.test(code), machines: [...new Set(machines)].sort() };
}
