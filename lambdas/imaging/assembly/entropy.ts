// Follows the codes of a sequential JPEG scan (ITU-T T.81 annex F), in AssemblyScript: compiled into
// ../entropy-kernel.ts by `npm run kernels`. Addresses are bytes in the module's memory, laid out by the caller.

/** Where the walk stood when it ended, relative to where it began. */
export let position: i32 = 0;
/** What was wrong there: the number of the missing restart marker, or how many bytes were left. */
export let detail: i32 = 0;

/** Bits behind the point in weights and sums. */
const FRACTION: i32 = 14;
/** 128, where T.81's samples have their zero, and a half to round by. */
const HALF: i32 = (128 << FRACTION) + (1 << (FRACTION - 1));

const FINE: i32 = 0;
const NO_SUCH_CODE: i32 = 1;
const ENDS_EARLY: i32 = 2;
const NO_RESTART: i32 = 3;
const GOES_ON: i32 = 4;

/** A Huffman table: 512 steps by prefix, then for code lengths 0-16 the largest code and the offset of its step, then 256 steps. */
const LARGEST: usize = 512 << 2;
const OFFSET: usize = LARGEST + (17 << 2);
const STEPS: usize = OFFSET + (17 << 2);
/** Then 2048 chains by prefix: what whole codes in 11 bits do together, 0 where there is not one. */
const CHAINS: usize = STEPS + (256 << 2);

/** Step of a code longer than 9 bits, its own length included; 0 where no code begins with these 16 bits. */
function longStep(next: i32, table: usize): i32 {
  for (let length = 10; length <= 16; length += 1) {
    const code = next >>> (16 - length);
    if (code > load<i32>(table + ((<usize>length) << 2), LARGEST)) continue;
    const index = code + load<i32>(table + ((<usize>length) << 2), OFFSET);
    return length + load<i32>(table + ((<usize>index) << 2), STEPS);
  }
  return 0;
}

/**
 * Follows all codes of the scan at [from, to), stuffing and restart markers included. A step is bits in all | bits that
 * follow the code << 8 | coefficients covered << 16; of a chain the middle part is the coefficients before its last code. `blocks`: 32 bytes for each of the `blockCount` blocks of an MCU:
 * DC table, AC table, weights or 0, address of the component's predictor, of the pixels, bytes per row of pixels, bytes
 * from MCU to MCU, bytes from row to row of MCUs. With weights, each block leaves 2 x 2 bytes, the means of its
 * quarters: `weights` holds per coefficient in zigzag order the quantiser times its part in a quarter's mean (i32,
 * 14 bits behind the point) and which of four sums takes it (u32 bytes). `sums`: 16 bytes. Returns one of the constants above.
 */
export function follow(
  from: usize,
  to: usize,
  blocks: usize,
  blockCount: i32,
  across: i32,
  down: i32,
  restartInterval: i32,
  sums: usize,
): i32 {
  let at = from;
  let held: u64 = 0;
  let bits: i32 = 0;
  let untilRestart = restartInterval;
  let restarts: i32 = 0;
  const lastBlock = blocks + ((<usize>blockCount) << 5);
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      if (restartInterval > 0) {
        if (untilRestart === 0) {
          if (bits >= 8) return ended(GOES_ON, at - from, bits >>> 3);
          bits = 0;
          while (at + 1 < to && load<u8>(at) === 0xff && load<u8>(at, 1) === 0xff) at += 1;
          if (at + 1 >= to || load<u8>(at) !== 0xff || load<u8>(at, 1) !== 0xd0 + (restarts & 7)) {
            return ended(NO_RESTART, at - from, restarts & 7);
          }
          at += 2;
          restarts += 1;
          untilRestart = restartInterval;
          for (let block = blocks; block < lastBlock; block += 32) store<i32>(load<u32>(block, 12), 0);
        }
        untilRestart -= 1;
      }
      for (let block = blocks; block < lastBlock; block += 32) {
        const ac = <usize>load<u32>(block, 4);
        const weights = <usize>load<u32>(block, 8);
        const predictor = <usize>load<u32>(block, 12);
        let table = <usize>load<u32>(block);
        if (weights !== 0) v128.store(sums, i64x2.splat(0));
        let k: i32 = 0;
        do {
          if (bits < 32) {
            const word = at + 4 <= to ? load<u32>(at) : 0xff;
            // No byte of the four is 0xff: nothing to unstuff, no marker.
            if (((~word - 0x01010101) & word & 0x80808080) === 0) {
              held = (held << 32) | <u64>bswap<u32>(word);
              bits += 32;
              at += 4;
            } else {
              while (bits <= 48 && at < to) {
                const byte = <u64>load<u8>(at);
                if (byte === 0xff) {
                  if (at + 1 >= to || load<u8>(at, 1) !== 0) break;
                  at += 1;
                }
                at += 1;
                held = (held << 8) | byte;
                bits += 8;
              }
            }
          }
          const next = <i32>(bits >= 16 ? held >> <u64>(bits - 16) : held << (<u64>(16 - bits))) & 0xffff;
          // Several codes at once, where their values don't matter and the block can't be full before the last of them.
          let step: i32 = 0;
          if (weights === 0 && k > 0) {
            step = load<i32>(table + ((<usize>(next >>> 5)) << 2), CHAINS);
            if (k + ((step >>> 8) & 127) >= 64) step = 0;
          }
          if (step === 0) step = load<i32>(table + ((<usize>(next >>> 7)) << 2));
          if (step === 0) {
            step = longStep(next, table);
            if (step === 0) return ended(bits >= 16 ? NO_SUCH_CODE : ENDS_EARLY, at - from, 0);
          }
          bits -= step & 63;
          if (bits < 0) return ended(ENDS_EARLY, at - from, 0);
          const coefficient = k;
          k += step >>> 16;
          table = ac;
          const size = (step >>> 8) & 31;
          if (weights === 0 || size === 0) continue;
          // Values with a leading 0 are negative (T.81 F.2.2.1); without a branch, for half of them are.
          const most = (1 << size) - 1;
          let value = <i32>(held >> <u64>bits) & most;
          value -= ((value - (1 << (size - 1))) >> 31) & most;
          if (coefficient === 0) store<i32>(predictor, load<i32>(predictor) + value);
          else if (k <= 64) {
            const weight = weights + ((<usize>(k - 1)) << 3);
            const sum = sums + <usize>load<u32>(weight, 4);
            store<i32>(sum, load<i32>(sum) + load<i32>(weight) * value);
          }
        } while (k < 64);
        if (weights === 0) continue;
        const mean = load<i32>(weights) * load<i32>(predictor) + HALF;
        const x = load<i32>(sums, 4);
        const y = load<i32>(sums, 8);
        const xy = load<i32>(sums, 12);
        const pixels = <usize>load<u32>(block, 16);
        const below = pixels + <usize>load<u32>(block, 20);
        store<u8>(pixels, byteOf((mean + x + y + xy) >> FRACTION));
        store<u8>(pixels, byteOf((mean - x + y - xy) >> FRACTION), 1);
        store<u8>(below, byteOf((mean + x - y - xy) >> FRACTION));
        store<u8>(below, byteOf((mean - x - y + xy) >> FRACTION), 1);
        store<u32>(block, load<u32>(block, 16) + load<u32>(block, 24), 16);
      }
    }
    for (let block = blocks; block < lastBlock; block += 32) {
      store<u32>(block, load<u32>(block, 16) + load<u32>(block, 28), 16);
    }
  }
  // What was read ahead but not used belongs to the rest, but for the last byte's padding.
  const left = <i32>(to - at) + (bits >>> 3);
  return ended(left > 0 ? GOES_ON : FINE, at - from, left);
}

function ended(how: i32, where: usize, what: i32): i32 {
  position = <i32>where;
  detail = what;
  return how;
}

/**
 * RGB of a luma and two chroma planes (JFIF 1.02), each chroma value standing for 1 << shiftX by 1 << shiftY pixels.
 * Fixed point of 16 bits.
 */
export function toRgb(
  luma: usize,
  lumaStride: i32,
  blue: usize,
  red: usize,
  chromaStride: i32,
  shiftX: i32,
  shiftY: i32,
  output: usize,
  width: i32,
  height: i32,
): void {
  for (let y = 0; y < height; y += 1) {
    const lumaRow = luma + <usize>(y * lumaStride);
    const chromaRow = <usize>((y >> shiftY) * chromaStride);
    for (let x = 0; x < width; x += 1) {
      const place = chromaRow + <usize>(x >> shiftX);
      const value = <i32>load<u8>(lumaRow + <usize>x);
      const cb = <i32>load<u8>(blue + place) - 128;
      const cr = <i32>load<u8>(red + place) - 128;
      store<u8>(output, byteOf(value + ((91881 * cr + 32768) >> 16)));
      store<u8>(output, byteOf(value + ((-22554 * cb - 46802 * cr + 32768) >> 16)), 1);
      store<u8>(output, byteOf(value + ((116130 * cb + 32768) >> 16)), 2);
      output += 3;
    }
  }
}

function byteOf(value: i32): i32 {
  return max<i32>(0, min<i32>(255, value));
}
