import { Quarantine } from "./header.ts";

/** A Huffman table: 9 bits looked up at once, longer codes by their first code of each length (T.81 F.2.2.3). */
export interface HuffmanTable {
  /** Step for every 9-bit prefix that holds a whole code; 0 elsewhere. */
  short: Int32Array;
  /** Per length 10-16: largest code, and what to add to a code to find its symbol; -1 where there is none. */
  largest: Int32Array;
  offset: Int32Array;
  /** Step of each symbol without the code's own length. */
  steps: Int32Array;
}

export interface ScanComponent {
  /** Blocks per MCU when interleaved. */
  h: number;
  v: number;
  dc: HuffmanTable;
  ac: HuffmanTable;
}

const LOOKUP_BITS = 9;

/**
 * What a symbol does to the walk: bits that follow its code << 16 | coefficients that it covers. Of a DC table (class
 * 0) a symbol is a width and covers one; of an AC table it is run << 4 | width, 0xF0 covers 16, and end-of-block 64.
 */
function stepOf(symbol: number, isDc: boolean): number {
  if (isDc) return ((symbol & 31) << 16) | 1;
  const width = symbol & 15;
  if (width === 0) return symbol === 0xf0 ? 16 : 64;
  return (width << 16) | ((symbol >>> 4) + 1);
}

/** Tables of a DHT segment by `class << 4 | id`. Throws Quarantine where it is no set of codes. */
export function readHuffmanTables(body: Uint8Array, into: Map<number, HuffmanTable>): void {
  for (let at = 0; at < body.length; ) {
    const key = body[at] as number;
    const counts = body.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, n) => sum + n, 0);
    const symbols = body.subarray(at + 17, at + 17 + total);
    if (counts.length < 16 || symbols.length < total) throw new Quarantine("corrupt", "a Huffman table is cut off");
    into.set(
      key,
      buildTable(
        counts,
        Int32Array.from(symbols, (symbol) => stepOf(symbol, key < 0x10)),
      ),
    );
    at += 17 + total;
  }
}

function buildTable(counts: Uint8Array, steps: Int32Array): HuffmanTable {
  const short = new Int32Array(1 << LOOKUP_BITS);
  const largest = new Int32Array(17).fill(-1);
  const offset = new Int32Array(17);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length += 1) {
    const count = counts[length - 1] as number;
    offset[length] = index - code;
    if (length <= LOOKUP_BITS) {
      const spread = LOOKUP_BITS - length;
      for (let i = 0; i < count; i += 1) {
        short.fill((length << 16) + (steps[index + i] as number), (code + i) << spread, (code + i + 1) << spread);
      }
    }
    code += count;
    index += count;
    if (count > 0) largest[length] = code - 1;
    if (code > 1 << length) throw new Quarantine("corrupt", "a Huffman table has more codes than fit");
    code <<= 1;
  }
  return { short, largest, offset, steps };
}

/** Step of a code longer than the lookup, its own length included; 0 where no code begins with these 16 bits. */
function longStep(next: number, table: HuffmanTable): number {
  for (let length = LOOKUP_BITS + 1; length <= 16; length += 1) {
    const code = next >>> (16 - length);
    if (code > (table.largest[length] as number)) continue;
    return (length << 16) + (table.steps[code + (table.offset[length] as number)] as number);
  }
  return 0;
}

/**
 * Follows every code of a sequential scan without decoding a pixel. Fast decoders take a code that does not exist for
 * a zero and say nothing; this walk says so. Bytes [from, to) are the scan's data with their stuffing and restarts.
 * Throws Quarantine: a code that does not exist, data that end early or go on, a restart marker out of turn.
 * One loop over symbols with its state in locals: three times as fast as the same in small functions.
 */
export function checkScan(
  bytes: Uint8Array,
  from: number,
  to: number,
  components: readonly ScanComponent[],
  mcus: number,
  restartInterval: number,
): void {
  const blocks = components.flatMap((component) => Array<ScanComponent>(component.h * component.v).fill(component));
  let at = from;
  let held = 0;
  let bits = 0;
  for (let mcu = 0; mcu < mcus; mcu += 1) {
    if (restartInterval > 0 && mcu > 0 && mcu % restartInterval === 0) {
      bits = 0;
      at = afterRestart(bytes, at, to, mcu / restartInterval - 1);
    }
    for (let block = 0; block < blocks.length; block += 1) {
      const { dc, ac } = blocks[block] as ScanComponent;
      let table = dc;
      for (let k = 0; k < 64; table = ac) {
        while (bits <= 24 && at < to) {
          const byte = bytes[at] as number;
          if (byte === 0xff) {
            if (bytes[at + 1] !== 0) break;
            at += 1;
          }
          at += 1;
          held = (held << 8) | byte;
          bits += 8;
        }
        const next = (bits >= 16 ? held >>> (bits - 16) : held << (16 - bits)) & 0xffff;
        let step = table.short[next >>> (16 - LOOKUP_BITS)] as number;
        if (step === 0) step = longStep(next, table);
        if (step === 0 && bits >= 16) {
          throw new Quarantine("corrupt", `the picture's data hold a code that does not exist, near byte ${at}`);
        }
        bits -= step >>> 16;
        // A long code and its bits may take 31: the accumulator has at least 25 unless the data end.
        if (bits < 0) {
          const missing = -bits;
          const got = takeBits(bytes, at, to, missing);
          if (got === undefined || step === 0)
            throw new Quarantine("corrupt", `the picture's data end early, near byte ${at}`);
          at = got.at;
          held = got.byte;
          bits = got.bits;
        } else if (step === 0) {
          throw new Quarantine("corrupt", `the picture's data end early, near byte ${at}`);
        }
        k += step & 0xffff;
      }
    }
  }
  // What was read ahead but not used belongs to the rest, but for the last byte's padding.
  const left = to - at + (bits >>> 3);
  if (left > 0) throw new Quarantine("corrupt", `${left} bytes follow the last block of the picture's data`);
}

/** Passes over 1 to 15 bits at a byte boundary: the last byte read and how many of its bits are left. */
function takeBits(bytes: Uint8Array, from: number, to: number, count: number) {
  let at = from;
  let wanted = count;
  for (;;) {
    const byte = bytes[at] as number;
    if (at >= to || (byte === 0xff && bytes[at + 1] !== 0)) return undefined;
    at += byte === 0xff ? 2 : 1;
    if (wanted <= 8) return { at, byte, bits: 8 - wanted };
    wanted -= 8;
  }
}

function afterRestart(bytes: Uint8Array, from: number, to: number, number: number): number {
  let at = from;
  while (at + 1 < to && bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1;
  if (at + 1 >= to || bytes[at] !== 0xff || bytes[at + 1] !== 0xd0 + (number & 7)) {
    throw new Quarantine("corrupt", `restart marker ${number & 7} is missing at byte ${at}`);
  }
  return at + 2;
}
