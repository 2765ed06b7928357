import type { Raster } from "../../domain/image-checks/raster.ts";
import { WASM } from "./entropy-kernel.ts";
import { Quarantine } from "./header.ts";

const LOOKUP_BITS = 9;

/**
 * A Huffman table as assembly/entropy.ts reads it: steps by 9-bit prefix (0 where the code is longer), for lengths 0-16
 * the largest code (-1 where there is none) and what to add to a code to find its symbol, then the symbols' steps, and of AC
 * tables chains of steps by 11-bit prefix.
 */
export type HuffmanTable = Int32Array;
const LARGEST = 1 << LOOKUP_BITS;
const OFFSET = LARGEST + 17;
const STEPS = OFFSET + 17;
const CHAIN_BITS = 11;
const CHAINS = STEPS + 256;
const TABLE_BYTES = 4 * (CHAINS + (1 << CHAIN_BITS));

/**
 * What a symbol does to the walk: bits that follow its code, once as part of all bits and once << 8 | coefficients that
 * it covers << 16. Of a DC table a symbol is a width and covers one; of an AC table it is run << 4 | width, 0xF0 covers
 * 16, and end-of-block 64.
 */
function stepOf(symbol: number, isDc: boolean): number {
  if (isDc) {
    if (symbol > 15) throw new Quarantine("corrupt", `a Huffman table promises a difference of ${symbol} bits`);
    return (1 << 16) | (symbol << 8) | symbol;
  }
  const width = symbol & 15;
  if (width === 0) return (symbol === 0xf0 ? 16 : 64) << 16;
  return (((symbol >>> 4) + 1) << 16) | (width << 8) | width;
}

/** Tables of a DHT segment by `class << 4 | id`. Throws Quarantine where it is no set of codes. */
export function readHuffmanTables(body: Uint8Array, into: Map<number, HuffmanTable>): void {
  for (let at = 0; at < body.length; ) {
    const key = body[at] as number;
    const counts = body.subarray(at + 1, at + 17);
    let total = 0;
    for (const count of counts) total += count;
    const symbols = body.subarray(at + 17, at + 17 + total);
    if (counts.length < 16 || symbols.length < total || total > 256)
      throw new Quarantine("corrupt", "a Huffman table is cut off");
    into.set(key, tableOf(body.subarray(at, at + 17 + total), counts, symbols));
    at += 17 + total;
  }
}

/** Most files carry the tables of T.81 K.3: the last ones seen, by the segment's bytes. */
const seen = new Map<string, HuffmanTable>();
const MOST_SEEN = 32;

function tableOf(segment: Uint8Array, counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const key = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength).toString("latin1");
  const known = seen.get(key);
  if (known !== undefined) return known;
  const isDc = (segment[0] as number) < 0x10;
  const table = buildTable(counts, symbols, isDc);
  if (!isDc) chainSteps(table);
  if (seen.size >= MOST_SEEN) seen.clear();
  seen.set(key, table);
  return table;
}

/** For each prefix the steps of as many whole codes as fit, bits that follow the last one may stand outside. */
function chainSteps(table: HuffmanTable): void {
  for (let prefix = 0; prefix < 1 << CHAIN_BITS; prefix += 1) {
    let bits = 0;
    let before = 0;
    let covered = 0;
    while (bits < CHAIN_BITS && covered < 64) {
      const rest = (prefix << bits) & ((1 << CHAIN_BITS) - 1);
      const step = table[rest >>> (CHAIN_BITS - LOOKUP_BITS)] as number;
      const codeBits = (step & 63) - ((step >>> 8) & 31);
      if (step === 0 || bits + codeBits > CHAIN_BITS) break;
      bits += step & 63;
      before = covered;
      covered += step >>> 16;
    }
    table[CHAINS + prefix] = covered === 0 ? 0 : (covered << 16) | (before << 8) | bits;
  }
}

function buildTable(counts: Uint8Array, symbols: Uint8Array, isDc: boolean): HuffmanTable {
  const table = new Int32Array(TABLE_BYTES / 4);
  table.fill(-1, LARGEST, OFFSET);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length += 1) {
    const count = counts[length - 1] as number;
    table[OFFSET + length] = index - code;
    for (let i = 0; i < count; i += 1) {
      const step = stepOf(symbols[index + i] as number, isDc);
      table[STEPS + index + i] = step;
      if (length > LOOKUP_BITS) continue;
      const spread = LOOKUP_BITS - length;
      for (let at = (code + i) << spread; at < (code + i + 1) << spread; at += 1) table[at] = step + length;
    }
    code += count;
    index += count;
    // No code may be all ones (T.81 C): libjpeg refuses such a table, too.
    if (count > 0 && code >= 1 << length) throw new Quarantine("corrupt", "a Huffman table has more codes than fit");
    if (count > 0) table[LARGEST + length] = code - 1;
    code <<= 1;
  }
  return table;
}

export interface ScanComponent {
  /** Blocks per MCU, across and down; 1 and 1 in a scan of one component. */
  h: number;
  v: number;
  dc: HuffmanTable;
  ac: HuffmanTable;
  /** Quantisers in zigzag order, where the file gives them. */
  quantisers: Uint16Array | undefined;
}

/** A scan whose codes can be followed: bytes [from, to) of the file are its data with their stuffing and restarts. */
export interface Scan {
  from: number;
  to: number;
  components: readonly ScanComponent[];
  /** MCUs. */
  across: number;
  down: number;
  restartInterval: number;
}

/**
 * Follows every code of a sequential scan without decoding a pixel. Fast decoders take a code that does not exist for
 * a zero and say nothing; this walk says so. Throws Quarantine: a code that does not exist, data that end early or go
 * on, a restart marker out of turn.
 */
export function checkScan(bytes: Uint8Array, scan: Scan): void {
  run(bytes, scan, undefined);
}

/**
 * Follows a scan as `checkScan` does and decodes it on the way, at a quarter of its size: each pixel is the mean of 4 x
 * 4, its colour that of at most 8 x 8. Components: luma alone, or luma with the blocks (1, 1), (2, 1), (1, 2) or (2, 2)
 * and two chroma ones with (1, 1), all with quantisers.
 */
export function quarterOf(bytes: Uint8Array, scan: Scan, width: number, height: number): Raster {
  const outWidth = Math.ceil(width / 4);
  const outHeight = Math.ceil(height / 4);
  const channels = scan.components.length === 1 ? 1 : 3;
  const { kernel, planes, free } = run(bytes, scan, outWidth * outHeight * channels);
  const [luma, blue, red] = planes as [Plane, Plane | undefined, Plane | undefined];
  if (blue === undefined || red === undefined) {
    const pixels = new Uint8Array(outWidth * outHeight);
    for (let y = 0; y < outHeight; y += 1)
      pixels.set(new Uint8Array(kernel.memory.buffer, luma.at + y * luma.stride, outWidth), y * outWidth);
    return { pixels, width: outWidth, height: outHeight, channels: 1 };
  }
  const { h, v } = scan.components[0] as ScanComponent;
  const lumaSize = [luma.at, luma.stride] as const;
  kernel.toRgb(...lumaSize, blue.at, red.at, blue.stride, h - 1, v - 1, free, outWidth, outHeight);
  const pixels = new Uint8Array(kernel.memory.buffer, free, outWidth * outHeight * 3).slice();
  return { pixels, width: outWidth, height: outHeight, channels: 3 };
}

/** The functions of assembly/entropy.ts; addresses are bytes in `memory`. */
interface EntropyKernel {
  memory: WebAssembly.Memory;
  position: WebAssembly.Global<"i32">;
  detail: WebAssembly.Global<"i32">;
  follow(
    from: number,
    to: number,
    blocks: number,
    blockCount: number,
    across: number,
    down: number,
    restartInterval: number,
    sums: number,
  ): number;
  toRgb(
    luma: number,
    lumaStride: number,
    blue: number,
    red: number,
    chromaStride: number,
    shiftX: number,
    shiftY: number,
    output: number,
    width: number,
    height: number,
  ): void;
}

interface Plane {
  at: number;
  stride: number;
}

const BLOCK_BYTES = 32;
const WEIGHT_BYTES = 64 * 8;
/** More memory than this is given back after the file. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Tables stay in the kernel's memory from file to file: most files have the same. At most 8 are used at once. */
const SLOTS = 16;
const SLOTS_BYTES = SLOTS * TABLE_BYTES;

interface Desk {
  kernel: EntropyKernel;
  /** What lies in each slot, and which one is written next. */
  slots: HuffmanTable[];
  next: number;
}

let program: WebAssembly.Module | undefined;
let kept: Desk | undefined;

function deskWith(bytes: number): Desk {
  program ??= new WebAssembly.Module(Buffer.from(WASM, "base64"));
  const desk = kept ?? {
    kernel: new WebAssembly.Instance(program).exports as unknown as EntropyKernel,
    slots: [],
    next: 0,
  };
  const { memory } = desk.kernel;
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  kept = memory.buffer.byteLength > KEPT_BYTES ? undefined : desk;
  return desk;
}

/** Address of a table in the desk's memory; slots in `used` are this scan's and are left alone. */
function placed(table: HuffmanTable, desk: Desk, used: Set<number>): number {
  let slot = desk.slots.indexOf(table);
  if (slot < 0) {
    while (used.has(desk.next)) desk.next = (desk.next + 1) % SLOTS;
    slot = desk.next;
    desk.next = (slot + 1) % SLOTS;
    desk.slots[slot] = table;
    new Int32Array(desk.kernel.memory.buffer).set(table, (slot * TABLE_BYTES) / 4);
  }
  used.add(slot);
  return slot * TABLE_BYTES;
}

/** Lays the scan out in the kernel's memory and follows it; `room`: bytes wanted behind the planes, at `free`, for pixels. */
function run(bytes: Uint8Array, scan: Scan, room: number | undefined) {
  const { components, across, down } = scan;
  const blockCount = components.reduce((sum, { h, v }) => sum + h * v, 0);
  let end = SLOTS_BYTES;
  const area = (size: number) => {
    const at = end;
    end += Math.ceil(size / 16) * 16;
    return at;
  };
  const sums = area(16);
  const predictors = area(4 * components.length);
  const blocks = area(BLOCK_BYTES * blockCount);
  const weights = components.map(() => area(WEIGHT_BYTES));
  const planes = components.map(({ h, v }): Plane => {
    const stride = across * h * 2;
    return { at: room === undefined ? 0 : area(stride * down * v * 2), stride };
  });
  const free = area(room ?? 0);
  // The walk reads four bytes at a time.
  const data = area(scan.to - scan.from + 4);
  const desk = deskWith(end);
  const { kernel } = desk;
  const memory = new Uint8Array(kernel.memory.buffer);
  const words = new Int32Array(kernel.memory.buffer);
  memory.fill(0, sums, blocks);
  memory.set(bytes.subarray(scan.from, scan.to), data);
  const used = new Set<number>();
  let block = blocks / 4;
  components.forEach(({ h, v, dc, ac, quantisers }, c) => {
    const weightsAt = weights[c] as number;
    const { at, stride } = planes[c] as Plane;
    if (room !== undefined)
      writeWeights(new DataView(memory.buffer, weightsAt, WEIGHT_BYTES), quantisers as Uint16Array);
    for (let i = 0; i < h * v; i += 1, block += BLOCK_BYTES / 4) {
      const place = at + Math.floor(i / h) * 2 * stride + (i % h) * 2;
      words.set(
        [placed(dc, desk, used), placed(ac, desk, used), room === undefined ? 0 : weightsAt, predictors + 4 * c],
        block,
      );
      // After a row of MCUs the address has moved by a stride; the next one lies v pairs of rows below.
      words.set([place, stride, h * 2, stride * (v * 2 - 1)], block + 4);
    }
  });
  const { from, to, restartInterval } = { ...scan, from: data, to: data + scan.to - scan.from };
  const how = kernel.follow(from, to, blocks, blockCount, across, down, restartInterval, sums);
  if (how !== 0) throw damage(how, scan.from + kernel.position.value, kernel.detail.value);
  return { kernel, planes, free };
}

function damage(how: number, at: number, detail: number): Quarantine {
  const says: Readonly<Record<number, string>> = {
    1: `the picture's data hold a code that does not exist, near byte ${at}`,
    2: `the picture's data end early, near byte ${at}`,
    3: `restart marker ${detail} is missing at byte ${at}`,
    4: `${detail} bytes follow the last block of the picture's data, near byte ${at}`,
  };
  return new Quarantine("corrupt", says[how] as string);
}

// biome-ignore format: rows of the 8 x 8 zigzag
const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
];

/** Mean over the first half of 8 samples of a frequency of 1 in the inverse DCT (T.81 A.3.3); 0 for even ones but the mean. */
const HALF_MEANS = Array.from({ length: 8 }, (_, u) => {
  if (u === 0) return 0.5 / Math.SQRT2;
  if (u % 2 === 0) return 0;
  return [0, 1, 2, 3].reduce((sum, x) => sum + Math.cos(((2 * x + 1) * u * Math.PI) / 16) / 8, 0);
});

/** Per coefficient: its part in a quarter's mean, and the sum that takes it: odd across 4, odd down 8, both 12. */
function writeWeights(view: DataView, quantisers: Uint16Array): void {
  for (let k = 0; k < 64; k += 1) {
    const u = (ZIGZAG[k] as number) % 8;
    const v = Math.floor((ZIGZAG[k] as number) / 8);
    const share = (HALF_MEANS[u] as number) * (HALF_MEANS[v] as number);
    view.setInt32(8 * k, Math.round(share * (quantisers[k] as number) * 2 ** 14), true);
    view.setUint32(8 * k + 4, 4 * (u % 2) + 8 * (v % 2), true);
  }
}
