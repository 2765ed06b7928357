import { WASM } from "./pixel-kernels.ts";

/** The functions of assembly/pixels.ts; addresses are bytes in `memory`. */
interface PixelKernels {
  memory: WebAssembly.Memory;
  luma(rgb: number, gray: number, count: number, room: number): void;
  histogram(bytes: number, count: number, bins: number): void;
  countColours(rgb: number, width: number, height: number, step: number, bins: number): number;
  shrink(
    source: number,
    rowBytes: number,
    columns: number,
    rows: number,
    sums: number,
    output: number,
    width: number,
    height: number,
    channels: number,
    scale: number,
  ): void;
}

let kernels: PixelKernels | undefined;

/** The pixel loops with at least `bytes` of memory, whose content is the caller's until it returns. */
export function pixelKernels(bytes: number): PixelKernels {
  kernels ??= new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0))))
    .exports as unknown as PixelKernels;
  const missing = bytes - kernels.memory.buffer.byteLength;
  if (missing > 0) kernels.memory.grow(Math.ceil(missing / 65536));
  return kernels;
}
