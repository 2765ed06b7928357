// Compiles the loops over pixels and codes from AssemblyScript to WebAssembly, kept in the repository as base64 so that
// no host needs the compiler: npm run kernels
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const KERNELS = [
  { source: "../../domain/image-checks/assembly/pixels.ts", target: "../../domain/image-checks/pixel-kernels.ts" },
  { source: "../../domain/duplicates/assembly/hamming.ts", target: "../../domain/duplicates/hamming-kernel.ts" },
  { source: "assembly/entropy.ts", target: "entropy-kernel.ts" },
];

/** The generated files' paths and what they should hold. Throws where a source does not compile. */
export async function compiledKernels(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { source, target } of KERNELS) {
    const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    let binary: Uint8Array | undefined;
    const options = ["-O3", "--runtime", "stub", "--noAssert", "--enable", "simd", "--disable", "bulk-memory"];
    const { error, stderr } = await asc.main(["kernel.ts", "--outFile", "kernel.wasm", ...options], {
      readFile: (name) => (name === "kernel.ts" ? readFileSync(path(source), "utf8") : null),
      writeFile: (name, contents) => {
        if (name === "kernel.wasm") binary = contents as Uint8Array;
      },
      listFiles: () => [],
    });
    if (error !== null || binary === undefined) throw new Error(`${source}: ${error?.message}\n${stderr.toString()}`);
    const base64 = Buffer.from(binary).toString("base64");
    texts.set(
      path(target),
      `// Made by \`npm run kernels\` from ${source.replace(/^.*assembly/, "assembly")}; not to be edited.\nexport const WASM =\n  "${base64}";\n`,
    );
  }
  return texts;
}

if (import.meta.main) {
  for (const [path, text] of await compiledKernels()) {
    writeFileSync(path, text);
    console.log(`${path}: ${text.length} characters`);
  }
}
